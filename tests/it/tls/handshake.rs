//! Handshakes: refused and made, by the certificates of the moment.

use std::{fs, io, sync::Arc};

use futures::future::join_all;
use pim_chassis::tls::Tls;
use pim_client::{Client, Credentials};
use pim_tests::{Authority, Ends, Mounted};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, HandshakeKind, SupportedProtocolVersion,
        crypto::aws_lc_rs,
        version::{TLS12, TLS13},
    },
};

use super::{Clients, Target, config, mounted, reaches};

/// Swaps of the files under load.
const SWAPS: usize = 20;
/// Who calls without a pause meanwhile, on a connection that stays.
const STAYING: usize = 4;
/// And with a new connection for each call.
const COMING: usize = 2;
/// Connections that say nothing.
const SILENT: usize = 64;

/// A client that shows nothing and speaks one version of TLS.
fn speaking(version: &'static SupportedProtocolVersion, authority: &Mounted) -> TlsConnector {
    let pem = fs::read(authority.path("ca.crt")).unwrap();
    let roots = pim_client::tls::authorities_of("ca.crt", &pem).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(client))
}

async fn connect(target: &Target, client: &TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(target.address).await.unwrap();
    client.connect("localhost".try_into().unwrap(), socket).await
}

/// The certificate that a server shows now.
async fn shown(target: &Target, authority: &Mounted) -> Vec<u8> {
    let stream = connect(target, &speaking(&TLS13, authority)).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn who_speaks_without_tls_is_not_answered() {
    let target = Target::start(&mounted(&Authority::new()), Clients::Any).await;
    let plain = format!("http://{}", target.address);
    assert!(!reaches(&Client::connect_lazy(&plain, Credentials::none()).unwrap()).await);
}

#[tokio::test]
async fn an_older_version_of_tls_is_refused() {
    let files = mounted(&Authority::new());
    let target = Target::start(&files, Clients::Any).await;
    connect(&target, &speaking(&TLS13, &files)).await.unwrap();
    let refused = connect(&target, &speaking(&TLS12, &files)).await.unwrap_err().to_string();
    assert!(refused.contains("ProtocolVersion"), "{refused}");
}

#[tokio::test]
async fn each_connection_is_judged_anew_and_none_resumed() {
    let files = mounted(&Authority::new());
    let target = Target::start(&files, Clients::Any).await;
    let client = speaking(&TLS13, &files);
    for _ in 0..2 {
        let mut stream = connect(&target, &client).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        // What could be resumed by would come before the first answer.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        stream.flush().await.unwrap();
        stream.read_u8().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_reaches_only_a_server_whose_authority_it_trusts() {
    let authority = Authority::new();
    let target = Target::start(&mounted(&authority), Clients::Any).await;
    assert!(target.is_reached(mounted(&authority).nameless_client()).await);
    assert!(!target.is_reached(mounted(&Authority::new()).nameless_client()).await);
    assert!(!target.is_reached(pim_client::Tls::load(None, None).unwrap()).await);
}

#[tokio::test]
async fn a_client_must_show_a_good_certificate_where_that_is_asked_for() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let target = Target::start(&mounted(&authority), Clients::Certified).await;
    assert!(target.is_reached(mounted(&authority).client()).await);
    assert!(!target.is_reached(mounted(&authority).nameless_client()).await);
    let foreign = Mounted::new(&stranger.issue(None, Ends::InMany), &authority);
    assert!(!target.is_reached(foreign.client()).await);
    let expired = Mounted::new(&authority.issue(None, Ends::YearsAgo), &authority);
    assert!(!target.is_reached(expired.client()).await);
}

#[tokio::test]
async fn no_call_fails_while_certificates_change() {
    let authority = Authority::new();
    let (files, callers) = (mounted(&authority), mounted(&authority));
    let target = Target::start(&files, Clients::Certified).await;
    let (stop, stopped) = watch::channel(false);
    let mut calling = JoinSet::new();
    for caller in 0..STAYING + COMING {
        let (tls, stopped) = (callers.client(), stopped.clone());
        let (staying, url) = (target.client(tls.clone()), target.url());
        calling.spawn(async move {
            let mut calls = 0;
            while !*stopped.borrow() {
                let coming = || {
                    Client::connect_lazy_by(&url, Credentials::none(), Some(tls.clone())).unwrap()
                };
                let client = if caller < STAYING { staying.clone() } else { coming() };
                assert!(reaches(&client).await, "call {calls} of caller {caller}");
                calls += 1;
            }
            calls
        });
    }
    for _ in 0..SWAPS {
        let pair = authority.issue(None, Ends::InMany);
        files.swap(&pair, &authority);
        callers.swap(&authority.issue(None, Ends::InMany), &authority);
        assert_eq!(target.tls.reload(), Ok(true));
        assert_eq!(shown(&target, &files).await, pair.der);
        assert!(target.is_reached(callers.client()).await);
    }
    stop.send(true).unwrap();
    let calls: Vec<usize> = calling.join_all().await;
    assert!(calls.iter().all(|calls| *calls > 0), "{calls:?}");
}

#[tokio::test]
async fn the_next_handshake_shows_the_new_certificate_and_a_broken_file_keeps_the_old() {
    let authority = Authority::new();
    let files = mounted(&authority);
    let target = Target::start(&files, Clients::Any).await;
    let staying = target.client(files.nameless_client());
    assert!(reaches(&staying).await);
    let pair = authority.issue(None, Ends::InMany);
    files.swap(&pair, &authority);
    assert_eq!(target.tls.reload(), Ok(true));
    assert_eq!(shown(&target, &files).await, pair.der);

    let (other, expired) =
        (authority.issue(None, Ends::InMany), authority.issue(None, Ends::YearsAgo));
    let trust = fs::read_to_string(files.path("ca.crt")).unwrap();
    let broken = [
        ("no certificate at all", pair.key.as_str(), "has no certificate"),
        (other.certificate.as_str(), pair.key.as_str(), "tls.key: "),
        (expired.certificate.as_str(), expired.key.as_str(), "has expired"),
        (pair.certificate.as_str(), "no key", "has no private key"),
    ];
    for (certificate, key, said) in broken {
        files.swap_texts(certificate, key, &trust);
        for _ in 0..2 {
            let error = target.tls.reload().unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(shown(&target, &files).await, pair.der);
    }
    files.swap(&other, &authority);
    assert_eq!(target.tls.reload(), Ok(true));
    assert_eq!(shown(&target, &files).await, other.der);
    assert!(reaches(&staying).await);
}

#[tokio::test]
async fn nothing_starts_with_files_that_cannot_be_used() {
    let authority = Authority::new();
    let expired = Mounted::new(&authority.issue(None, Ends::YearsAgo), &authority);
    let error = Tls::load(&config(&expired, Clients::Any)).unwrap_err().to_string();
    assert!(error.starts_with("the certificate in ") && error.ends_with(" has expired"), "{error}");
    let good = mounted(&authority);
    let mut nowhere = config(&good, Clients::Certified);
    nowhere.tls_client_ca_file = Some("/nowhere/ca.crt".into());
    let error = Tls::load(&nowhere).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /nowhere/ca.crt: "), "{error}");
    let mut keys = config(&good, Clients::Any);
    keys.tls_key_file = Some(good.path("ca.crt"));
    let error = Tls::load(&keys).unwrap_err().to_string();
    assert!(error.ends_with("ca.crt has no private key as PEM"), "{error}");
}

#[tokio::test]
async fn silent_connections_hold_nobody_up() {
    let authority = Authority::new();
    let files = mounted(&authority);
    let target = Target::start(&files, Clients::Any).await;
    let silent = join_all((0..SILENT).map(|_| TcpStream::connect(target.address))).await;
    // Their time has not passed: this one is not let in for that.
    assert!(target.is_reached(files.nameless_client()).await);
    drop(silent);
}
