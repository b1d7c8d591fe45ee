//! Connections with an end: none may be silent at its start, outlive its age, or survive the
//! drain.
//!
//! tonic asks a connection to go away at its age but then waits for its streams for ever (or,
//! with a grace, cuts it without asking). So asking is left to tonic, and cutting happens here,
//! where the bytes are.

use std::{
    convert::Infallible,
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::limits::{CONNECTION_GRACE_SECONDS, HANDSHAKE_SECONDS, Limits};

/// The HTTP/2 connection preface, `PRI * HTTP/2.0` and so on.
const PREFACE_BYTES: usize = 24;
/// The pause after the system had no file descriptor for a new connection.
const ACCEPT_PAUSE_MILLIS: u64 = 50;

/// A connection that ends itself.
pub(crate) struct Connection {
    socket: TcpStream,
    /// First the end of the handshake, then of the connection.
    deadline: Pin<Box<Sleep>>,
    end: Instant,
    preface_left: usize,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

/// Where connections come from, and what they may do.
struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    handshake: Duration,
    age: Duration,
    cut: CancellationToken,
}

/// The connections that arrive at `listener`; all of them end when `cut` is cancelled.
pub(crate) fn incoming(
    listener: TcpListener,
    limits: &Limits,
    cut: CancellationToken,
) -> impl Stream<Item = Result<Connection, Infallible>> + use<> {
    let door = Door {
        listener,
        places: Arc::new(Semaphore::new(limits.connections_max)),
        handshake: Duration::from_secs(HANDSHAKE_SECONDS),
        age: Duration::from_secs(limits.connection_age_seconds + CONNECTION_GRACE_SECONDS),
        cut,
    };
    stream::unfold(door, |door| async { Some((Ok(door.accept().await), door)) })
}

impl Door {
    async fn accept(&self) -> Connection {
        loop {
            let socket = match self.listener.accept().await {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MILLIS)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                tracing::debug!("a connection was closed because there are too many");
                continue;
            };
            // Without this every small answer waits for the peer's delayed acknowledgement.
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "a connection ended while it was accepted");
                continue;
            }
            return Connection {
                socket,
                deadline: Box::pin(tokio::time::sleep(self.handshake)),
                end: Instant::now() + self.age,
                preface_left: PREFACE_BYTES,
                // One of its own: it is looked at with each read and write, and one that all share
                // would have them wait for each other.
                cut: Box::pin(self.cut.child_token().cancelled_owned()),
                _place: place,
            };
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
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.socket.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_secs(3_600);
    const PATIENCE: Duration = Duration::from_secs(10);

    async fn door(handshake: Duration, age: Duration) -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let places = Arc::new(Semaphore::new(1));
        Door { listener, places, handshake, age, cut: CancellationToken::new() }
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
    async fn a_silent_connection_ends() {
        let door = door(SHORT, LONG).await;
        let _silent = connect(&door).await;
        let mut connection = door.accept().await;
        assert_eq!(read_to_end(&mut connection).await, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_handshake_ends() {
        let door = door(SHORT, LONG).await;
        let mut slow = connect(&door).await;
        slow.write_all(&[b'P'; PREFACE_BYTES - 1]).await.unwrap();
        let mut connection = door.accept().await;
        assert_eq!(read_to_end(&mut connection).await, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_ends_at_its_age() {
        let door = door(LONG, SHORT).await;
        let mut client = connect(&door).await;
        client.write_all(&[b'P'; PREFACE_BYTES]).await.unwrap();
        let mut connection = door.accept().await;
        assert_eq!(read_to_end(&mut connection).await, io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_cut_ends_reading_and_writing() {
        let door = door(LONG, LONG).await;
        let _client = connect(&door).await;
        let mut connection = door.accept().await;
        let cut = door.cut.clone();
        let (read, ()) = tokio::join!(read_to_end(&mut connection), async move { cut.cancel() });
        assert_eq!(read, io::ErrorKind::ConnectionAborted);
        let written = connection.write_all(b"x").await.unwrap_err();
        assert_eq!(written.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn one_connection_too_many_is_closed() {
        let door = door(LONG, LONG).await;
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
