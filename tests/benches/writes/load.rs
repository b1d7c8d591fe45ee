//! Callers who call one after the other, each on a connection of its own.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use pim_client::{Client, Credentials};
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ActivationState},
    approval::v1::ApproveRequest,
};
use pim_tests::{Organisation, Person};

use crate::{figures::Figures, numbered, scene::Scene};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `ActivateRole` where nobody has to approve.
    Activate,
    /// The last `Approve`, up to the role being held.
    Approve,
}

impl Verb {
    /// The number that stands for all others in the call whose statements are logged.
    pub(crate) fn sample(self) -> i64 {
        match self {
            Verb::Activate => 0x00ab_cdef_0123,
            Verb::Approve => 0x00ab_cdef_89ab,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verb::Activate => "activate",
            Verb::Approve => "approve",
        })
    }
}

/// One round: the things of the numbers from `first` on.
pub(crate) async fn run(
    scene: &Scene,
    verb: Verb,
    first: i64,
    callers: usize,
    calls: usize,
) -> Figures {
    let next = Arc::new(AtomicI64::new(first));
    let begun = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let (caller, next) = (Caller::new(scene), Arc::clone(&next));
            tokio::spawn(async move {
                let mut took = Vec::with_capacity(calls);
                for _ in 0..calls {
                    took.push(caller.call(verb, next.fetch_add(1, Ordering::Relaxed)).await);
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await.unwrap());
    }
    Figures::of(all, begun.elapsed())
}

/// Whoever it has to be, on one connection.
pub(crate) struct Caller {
    client: Client,
    token: Arc<Mutex<String>>,
    users: Arc<[(i64, String)]>,
    approver: String,
}

impl Caller {
    pub(crate) fn new(scene: &Scene) -> Self {
        let token = Arc::new(Mutex::new(String::new()));
        let current = Arc::clone(&token);
        let credentials = Credentials::provider(move || Ok(current.lock().unwrap().clone()));
        let client = Client::connect_lazy(&scene.world.url, credentials).unwrap();
        Self { client, token, users: scene.users(), approver: scene.approver_token() }
    }

    /// How long the call about the thing of that number took.
    pub(crate) async fn call(&self, verb: Verb, number: i64) -> Duration {
        match verb {
            Verb::Activate => self.activate(number).await,
            Verb::Approve => self.approve(number).await,
        }
    }

    async fn activate(&self, number: i64) -> Duration {
        let at = usize::try_from(number).unwrap() % (self.users.len() - 1);
        // The last one is the sample's.
        let at = if number == Verb::Activate.sample() { self.users.len() - 1 } else { at };
        self.token.lock().unwrap().clone_from(&self.users[at].1);
        let request = ActivateRoleRequest {
            request_id: numbered::id(numbered::REQUEST, number).to_string(),
            ..Person::wish(Organisation::CONTRIBUTOR, &numbered::scope(number))
        };
        let begun = Instant::now();
        let answer = self.client.activations().activate_role(request).await.unwrap();
        let took = begun.elapsed();
        let activation = answer.into_inner().activation.unwrap();
        assert_eq!(activation.state(), ActivationState::Active);
        took
    }

    async fn approve(&self, number: i64) -> Duration {
        self.token.lock().unwrap().clone_from(&self.approver);
        let request = ApproveRequest {
            request_id: numbered::id(numbered::REQUEST, number).to_string(),
            approval_id: numbered::id(numbered::APPROVAL, number).to_string(),
            etag: format!("a{}", numbered::id(numbered::ACTIVATION, number).simple()),
            justification: "known work".to_owned(),
            ..ApproveRequest::default()
        };
        let begun = Instant::now();
        let answer = self.client.approvals().approve(request).await.unwrap();
        let took = begun.elapsed();
        let approval = answer.into_inner().approval.unwrap();
        assert_eq!(approval.activation_state(), ActivationState::Active);
        took
    }
}
