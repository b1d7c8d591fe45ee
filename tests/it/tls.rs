//! TLS with real certificates: who may connect, what happens when certificates change, and which
//! service a certificate is.

mod address;
mod handshake;
mod services;

use std::{net::SocketAddr, sync::Arc};

use pim_chassis::{
    config::TlsConfig,
    limits::Limits,
    serve::{Guard, Server, Services},
    tls::Tls,
};
use pim_client::{Client, Credentials};
use pim_proto::assignment::v1::GetRoleRequest;
use pim_tests::{Authority, Ends, Mounted};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Code;

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    Any,
    Certified,
}

pub(crate) fn config(files: &Mounted, clients: Clients) -> TlsConfig {
    TlsConfig {
        tls_certificate_file: Some(files.path("tls.crt")),
        tls_key_file: Some(files.path("tls.key")),
        tls_client_ca_file: (clients == Clients::Certified).then(|| files.path("ca.crt")),
        ..TlsConfig::default()
    }
}

/// A server that serves nothing but lets everybody in: who reaches it is told that it has no roles.
struct Target {
    tls: Tls,
    address: SocketAddr,
    shutdown: CancellationToken,
}

impl Target {
    async fn start(files: &Mounted, clients: Clients) -> Self {
        let tls = Tls::load(&config(files, clients)).unwrap().unwrap();
        let open: Guard = Arc::new(|_| Box::pin(async { Ok(()) }));
        let server = Server::new(Services::new(), &[], open, Limits::default()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(server.secured(Some(tls.clone())).serve(listener, shutdown.clone()));
        Self { tls, address, shutdown }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    fn client(&self, tls: pim_client::Tls) -> Client {
        Client::connect_lazy_by(&self.url(), Credentials::none(), Some(tls)).unwrap()
    }

    async fn is_reached(&self, tls: pim_client::Tls) -> bool {
        reaches(&self.client(tls)).await
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn reaches(client: &Client) -> bool {
    let answer = client.roles().get_role(GetRoleRequest::default()).await;
    answer.unwrap_err().code() == Code::Unimplemented
}

/// A good pair of an authority, as files.
pub(crate) fn mounted(authority: &Authority) -> Mounted {
    Mounted::new(&authority.issue(None, Ends::InMany), authority)
}
