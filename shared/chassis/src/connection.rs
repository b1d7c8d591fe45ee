//! Connections with an end: none may be silent at its start, outlive its age, or survive the
//! drain.
//!
//! tonic asks a connection to go away at its age but then waits for its streams for ever (or,
//! with a grace, cuts it without asking). So asking is left to tonic, and cutting happens here,
//! where the bytes are.

mod places;

use std::{
    convert::Infallible,
    future::Future as _,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, Sleep, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{
    either::Either,
    sync::{CancellationToken, WaitForCancellationFutureOwned},
};
use tonic::transport::server::Connected;

use self::places::{Place, Places, source};
use crate::{
    limits::{CONNECTION_GRACE_SECONDS, HANDSHAKE_SECONDS, Limits},
    tls::{ClientCertificate, Tls},
};

/// The HTTP/2 connection preface, `PRI * HTTP/2.0` and so on.
const PREFACE_BYTES: usize = 24;
/// The pause after the system had no file descriptor for a new connection.
const ACCEPT_PAUSE_MILLIS: u64 = 50;

/// A connection that ends itself.
pub(crate) struct Connection {
    socket: Socket,
    remote: Remote,
    /// First the end of the handshake, then of the connection.
    deadline: Pin<Box<Sleep>>,
    end: Instant,
    preface_left: usize,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: Place,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    /// Its address. One of IPv4 is told as that, also where it came over IPv6.
    pub(crate) address: IpAddr,
    /// Where from: an address of IPv4, or a network of IPv6.
    pub(crate) source: IpAddr,
    /// The client's certificate, where it has shown one.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
}

/// Where connections come from, and what they may do.
struct Door {
    listener: TcpListener,
    tls: Option<Tls>,
    /// The handshakes that are going on. Each has its place, and its time.
    handshakes: JoinSet<Option<Connection>>,
    places: Places,
    handshake: Duration,
    age: Duration,
    cut: CancellationToken,
}

/// A connection that has its place, and whose client has said nothing yet.
struct Arrival {
    socket: TcpStream,
    staying: Staying,
}

/// For how long a connection may stay.
struct Staying {
    address: IpAddr,
    source: IpAddr,
    place: Place,
    deadline: Instant,
    end: Instant,
    cut: CancellationToken,
}

/// What bytes go through.
type Socket = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The connections that arrive at `listener`; all of them end when `cut` is cancelled.
pub(crate) fn incoming(
    listener: TcpListener,
    tls: Option<Tls>,
    limits: &Limits,
    cut: CancellationToken,
) -> impl Stream<Item = Result<Connection, Infallible>> + use<> {
    let door = Door::new(listener, tls, limits, cut);
    stream::unfold(door, |mut door| async { Some((Ok(door.accept().await), door)) })
}

impl Door {
    fn new(
        listener: TcpListener,
        tls: Option<Tls>,
        limits: &Limits,
        cut: CancellationToken,
    ) -> Self {
        Self {
            listener,
            tls,
            handshakes: JoinSet::new(),
            places: Places::new(limits.connections_max, limits.connections_per_address_max),
            handshake: Duration::from_secs(HANDSHAKE_SECONDS),
            age: Duration::from_secs(limits.connection_age_seconds + CONNECTION_GRACE_SECONDS),
            cut,
        }
    }

    /// The next connection that can speak. Nobody waits for somebody else's handshake.
    async fn accept(&mut self) -> Connection {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(done) = self.handshakes.join_next() => match done {
                    Ok(Some(connection)) => return connection,
                    Ok(None) | Err(_) => continue,
                },
            };
            let Some(arrival) = self.admit(accepted).await else { continue };
            match &self.tls {
                None => return arrival.plain(),
                Some(tls) => {
                    self.handshakes.spawn(arrival.secured(tls.acceptor()));
                }
            }
        }
    }

    async fn admit(&self, accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<Arrival> {
        let (socket, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MILLIS)).await;
                return None;
            }
        };
        let address = address.ip().to_canonical();
        let source = source(address);
        let Some(place) = self.places.take(source) else {
            tracing::debug!("a connection was closed because there are too many");
            return None;
        };
        // Without this every small answer waits for the peer's delayed acknowledgement.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended while it was accepted");
            return None;
        }
        let now = Instant::now();
        let (deadline, end) = (now + self.handshake, now + self.age);
        let staying = Staying { address, source, place, deadline, end, cut: self.cut.clone() };
        Some(Arrival { socket, staying })
    }
}

impl Arrival {
    fn plain(self) -> Connection {
        self.staying.connection(Either::Left(self.socket), None)
    }

    /// After its handshake, which has the time that the preface has to come in as well.
    async fn secured(self, acceptor: TlsAcceptor) -> Option<Connection> {
        let Self { socket, staying } = self;
        let source = staying.source;
        let handshake = timeout_at(staying.deadline, acceptor.accept(socket));
        let stream = match staying.cut.run_until_cancelled(handshake).await? {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%source, %error, "a handshake failed");
                return None;
            }
            Err(_) => {
                tracing::debug!(%source, "a handshake took too long");
                return None;
            }
        };
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.and_then(|chain| chain.first()).map(ClientCertificate::of);
        let certificate = certificate.map(Arc::new);
        Some(staying.connection(Either::Right(Box::new(stream)), certificate))
    }
}

impl Staying {
    fn connection(self, socket: Socket, certificate: Option<Arc<ClientCertificate>>) -> Connection {
        Connection {
            socket,
            remote: Remote { address: self.address, source: self.source, certificate },
            deadline: Box::pin(tokio::time::sleep_until(self.deadline)),
            end: self.end,
            preface_left: PREFACE_BYTES,
            // One of its own: it is looked at with each read and write, and one that all share
            // would have them wait for each other.
            cut: Box::pin(self.cut.child_token().cancelled_owned()),
            _place: self.place,
        }
    }
}

impl Connection {
    /// Fails once the connection must end. Called at every read and write, so whichever of them
    /// the peer is holding up is woken.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server stopped"));
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the connection's time is over"));
        }
        Ok(())
    }

    fn count_preface(&mut self, bytes: usize) {
        if self.preface_left == 0 {
            return;
        }
        self.preface_left = self.preface_left.saturating_sub(bytes);
        if self.preface_left == 0 {
            self.deadline.as_mut().reset(self.end);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        self.count_preface(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS has something to flush, and may wait for the peer with it.
        self.check(cx)?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl Connected for Connection {
    type ConnectInfo = Remote;

    fn connect_info(&self) -> Remote {
        self.remote.clone()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::config::TlsConfig;

    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_secs(3_600);
    const PATIENCE: Duration = Duration::from_secs(10);

    async fn door(handshake: Duration, age: Duration) -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Door {
            listener,
            tls: None,
            handshakes: JoinSet::new(),
            places: Places::new(1, 1),
            handshake,
            age,
            cut: CancellationToken::new(),
        }
    }

    async fn connect(door: &Door) -> TcpStream {
        TcpStream::connect(door.listener.local_addr().unwrap()).await.unwrap()
    }

    async fn read_to_end(connection: &mut Connection) -> io::ErrorKind {
        let mut bytes = Vec::new();
        let read = connection.read_to_end(&mut bytes);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap_err().kind()
    }

    #[tokio::test]
    async fn a_door_keeps_to_the_limits_that_are_set() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limits = Limits {
            connections_max: 3,
            connections_per_address_max: 2,
            connection_age_seconds: 7,
            ..Limits::default()
        };
        let door = Door::new(listener, None, &limits, CancellationToken::new());
        assert_eq!(door.handshake, Duration::from_secs(HANDSHAKE_SECONDS));
        assert_eq!(door.age, Duration::from_secs(7 + CONNECTION_GRACE_SECONDS));
        let take = |last| door.places.take(source([192, 0, 2, last].into()));
        let _taken = [take(1).unwrap(), take(1).unwrap()];
        assert!(take(1).is_none());
        let _third = take(2).unwrap();
        assert!(take(3).is_none());
    }

    #[tokio::test]
    async fn a_silent_connection_ends() {
        let mut door = door(SHORT, LONG).await;
        let _silent = connect(&door).await;
        let mut connection = door.accept().await;
        assert_eq!(read_to_end(&mut connection).await, io::ErrorKind::TimedOut);
    }

    /// TLS with a certificate that nobody vouches for.
    fn tls() -> Tls {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let config = TlsConfig {
            tls_certificate_file: Some(certificate),
            tls_key_file: Some(key),
            ..TlsConfig::default()
        };
        Tls::load(&config).unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_silent_handshake_ends_and_gives_its_place_back() {
        let mut door = Door { tls: Some(tls()), ..door(SHORT, LONG).await };
        let mut silent = connect(&door).await;
        let mut byte = [0];
        tokio::select! {
            _ = door.accept() => panic!("who said nothing was let in"),
            read = tokio::time::timeout(PATIENCE, silent.read(&mut byte)) => {
                assert_eq!(read.unwrap().unwrap_or(0), 0);
            }
        }
        door.places.take(source([127, 0, 0, 1].into())).unwrap();
    }

    #[tokio::test]
    async fn a_cut_ends_a_handshake() {
        let mut door = Door { tls: Some(tls()), ..door(LONG, LONG).await };
        let mut silent = connect(&door).await;
        let (cut, mut byte) = (door.cut.clone(), [0]);
        let closed = async {
            cut.cancel();
            tokio::time::timeout(PATIENCE, silent.read(&mut byte)).await
        };
        tokio::select! {
            _ = door.accept() => panic!("who said nothing was let in"),
            read = closed => assert_eq!(read.unwrap().unwrap_or(0), 0),
        }
    }

    #[tokio::test]
    async fn a_slow_handshake_ends() {
        let mut door = door(SHORT, LONG).await;
        let mut slow = connect(&door).await;
        slow.write_all(&[b'P'; PREFACE_BYTES - 1]).await.unwrap();
        let mut connection = door.accept().await;
        assert_eq!(read_to_end(&mut connection).await, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_ends_at_its_age() {
        let mut door = door(LONG, SHORT).await;
        let mut client = connect(&door).await;
        client.write_all(&[b'P'; PREFACE_BYTES]).await.unwrap();
        let mut connection = door.accept().await;
        assert_eq!(read_to_end(&mut connection).await, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_cut_ends_reading_and_writing() {
        let mut door = door(LONG, LONG).await;
        let _client = connect(&door).await;
        let mut connection = door.accept().await;
        let cut = door.cut.clone();
        let (read, ()) = tokio::join!(read_to_end(&mut connection), async move { cut.cancel() });
        assert_eq!(read, io::ErrorKind::ConnectionAborted);
        let written = connection.write_all(b"x").await;
        let vectored = connection.write_vectored(&[io::IoSlice::new(b"x")]).await.map(drop);
        // Either may wait for the peer where there is TLS.
        let (flushed, closed) = (connection.flush().await, connection.shutdown().await);
        for done in [written, vectored, flushed, closed] {
            assert_eq!(done.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        }
    }

    #[tokio::test]
    async fn one_connection_too_many_is_closed() {
        let mut door = door(LONG, LONG).await;
        let _first = connect(&door).await;
        let first = door.accept().await;
        let mut second = connect(&door).await;
        let mut byte = [0];
        tokio::select! {
            _ = door.accept() => panic!("the second connection was let in"),
            read = tokio::time::timeout(PATIENCE, second.read(&mut byte)) => {
                assert_eq!(read.unwrap().unwrap_or(0), 0);
            }
        }
        drop(first);
        let _third = connect(&door).await;
        tokio::time::timeout(PATIENCE, door.accept()).await.unwrap();
    }
}
