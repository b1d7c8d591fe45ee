//! The services that own what is due, as far as the scheduler sees them: they note each push and
//! answer as they are told.

use pim_chassis::process::Peers;
use pim_client::{Client, Credentials};
use pim_proto::{
    activation::v1::activation_service_server::ActivationServiceServer,
    approval::v1::approval_service_server::ApprovalServiceServer,
    assignment::v1::assignment_service_server::AssignmentServiceServer,
};
use pim_tests::{Bell, Peer, Reply, nowhere};

/// Three owners, each at an address of its own.
pub(crate) struct Owners([Peer<Bell>; 3]);

impl Owners {
    pub(crate) async fn listen(reply: Reply) -> Self {
        let note = |bell| async { bell };
        Self([
            Peer::listen::<AssignmentServiceServer<()>, _>(reply, note).await,
            Peer::listen::<ActivationServiceServer<()>, _>(reply, note).await,
            Peer::listen::<ApprovalServiceServer<()>, _>(reply, note).await,
        ])
    }

    pub(crate) fn peers(&self) -> Peers {
        let [assignment, activation, approval] = &self.0;
        let client = |peer: &Peer<Bell>| Some(client(&peer.url));
        Peers {
            assignment: client(assignment),
            activation: client(activation),
            approval: client(approval),
        }
    }

    /// What was pushed since the last call, sorted.
    pub(crate) fn take(&self) -> Vec<Bell> {
        let mut pushes: Vec<Bell> = self.0.iter().flat_map(Peer::take).collect();
        pushes.sort();
        pushes
    }
}

/// An owner that cannot be reached.
pub(crate) async fn nobody() -> Client {
    client(&nowhere().await)
}

fn client(url: &str) -> Client {
    Client::connect_lazy(url, Credentials::none()).unwrap()
}
