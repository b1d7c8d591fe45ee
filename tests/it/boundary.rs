//! The end of an activation, in real time and without a scheduler: no call that is sent at or
//! after the end is answered with a yes.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use pim_client::AccessCache;
use pim_proto::{
    access::v1::{CheckAccessRequest, Decision, check_access_request::Question},
    activation::v1::{ActivateRoleRequest, activate_role_request::Length},
    assignment::v1::Rules,
};
use pim_tests::{Organisation, Person, World, duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
    time::timeout,
};

const ENDS: usize = 200;
const CLIENTS: usize = 8;
const PAUSED_ENDS: usize = 8;
const ROLE: &str = Organisation::CONTRIBUTOR;

/// One question around an end.
#[derive(Debug)]
struct Asked {
    /// Right before the question was sent.
    sent: DateTime<Utc>,
    /// Right after the answer came.
    answered: DateTime<Utc>,
    allowed: bool,
    max_clock_error: TimeDelta,
}

fn time_delta(wire: prost_types::Duration) -> TimeDelta {
    TimeDelta::seconds(wire.seconds) + TimeDelta::nanoseconds(wire.nanos.into())
}

/// Asks once at once, and without a pause from shortly before the end until 25 ms after it.
///
/// Shortly before is 25 ms, and as long again as two answers took at first: on a machine that is
/// busy the questions shall lie on both sides of the end as well.
async fn hammer(world: &World, alice: &Person, scope: &str, end: DateTime<Utc>) -> Vec<Asked> {
    let around = TimeDelta::milliseconds(25);
    let first = ask(world, alice, scope).await;
    let before = around + (first.answered - first.sent) * 2;
    if let Ok(pause) = (end - before - world.now()).to_std() {
        tokio::time::timeout(pause, std::future::pending::<()>()).await.unwrap_err();
    }
    let mut asked = vec![first];
    while world.now() < end + around {
        asked.push(ask(world, alice, scope).await);
    }
    asked
}

async fn ask(world: &World, alice: &Person, scope: &str) -> Asked {
    let question = CheckAccessRequest {
        principal_id: alice.id.clone(),
        question: Some(Question::RoleId(ROLE.to_owned())),
        scope: scope.to_owned(),
        ..CheckAccessRequest::default()
    };
    let sent = world.now();
    let answer = alice.client.access().check_access(question).await.unwrap().into_inner();
    Asked {
        sent,
        answered: world.now(),
        allowed: answer.decision() == Decision::Allowed,
        max_clock_error: time_delta(answer.max_clock_error.unwrap_or_default()),
    }
}

/// A world in real time, and alice, who may activate for a second.
async fn begin() -> (World, Organisation, Person) {
    let world = World::start_in_real_time().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let second = Some(duration(TimeDelta::seconds(1)));
    let rules = Rules { activation_min: second, ..Rules::default() };
    organisation.set_policy(ROLE, rules).await.unwrap();
    (world, organisation, alice)
}

/// The end of an activation that begins now and lasts a second.
async fn activate(alice: &Person, scope: &str) -> DateTime<Utc> {
    let wish = ActivateRoleRequest {
        length: Some(Length::Duration(duration(TimeDelta::seconds(1)))),
        ..Person::wish(ROLE, scope)
    };
    let end = alice.activate(wish).await.unwrap().end_time.unwrap();
    DateTime::from_timestamp(end.seconds, end.nanos.try_into().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_says_allowed_at_or_after_the_end() {
    let (world, _organisation, alice) = begin().await;
    let clients: Vec<Person> = (0..CLIENTS).map(|_| alice.again(&world)).collect();
    let (world, clients) = (Arc::new(world), Arc::new(clients));
    let mut hammers = JoinSet::new();
    // So many ends in a second that the questions around them are some 1,000 a second.
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    for place in 0..ENDS {
        pace.tick().await;
        let scope = format!("/subscriptions/{place}");
        let end = activate(&alice, &scope).await;
        let (world, clients) = (Arc::clone(&world), Arc::clone(&clients));
        hammers.spawn(async move {
            let asked = clients.iter().map(|client| hammer(&world, client, &scope, end));
            (end, join_all(asked).await)
        });
    }
    let (mut around_ends, mut allowed) = (0, 0);
    for (end, asked) in hammers.join_all().await {
        for asked in asked.into_iter().flatten() {
            around_ends += 1;
            allowed += usize::from(asked.allowed);
            assert!(!(asked.allowed && asked.sent >= end), "allowed after {end}: {asked:?}");
            let too_early = !asked.allowed && asked.answered < end - asked.max_clock_error;
            assert!(!too_early, "denied before {end}: {asked:?}");
        }
    }
    println!("{around_ends} questions around {ENDS} ends, {allowed} of them allowed");
    assert!(allowed > 0 && allowed < around_ends, "all questions fell on one side of the ends");
}

/// What a cache said, between these instants.
struct Said {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    allowed: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_keeps_no_yes_beyond_the_end_while_its_service_is_paused() {
    let (mut world, _organisation, alice) = begin().await;
    let gate = Gate::before(&world.url).await;
    let direct = std::mem::replace(&mut world.url, gate.url.clone());
    let behind = alice.again(&world);
    world.url = direct;
    let cache = AccessCache::new(behind.client, [alice.id.clone()]);
    let (mut yes, mut no) = (0, 0);
    for place in 0..PAUSED_ENDS {
        let scope = format!("/subscriptions/{place}");
        let end = activate(&alice, &scope).await;
        let question = CheckAccessRequest {
            principal_id: alice.id.clone(),
            question: Some(Question::RoleId(ROLE.to_owned())),
            scope,
            ..CheckAccessRequest::default()
        };
        // Until it has heard of the activation, it asks each time.
        while world.now() < end - TimeDelta::milliseconds(200) {
            assert!(cache.check(question.clone()).await.is_allowed());
        }
        gate.pause();
        while world.now() < end + TimeDelta::milliseconds(20) {
            let from = world.now();
            // Without a service a question has no answer.
            let said = timeout(Duration::from_millis(5), cache.check(question.clone())).await;
            let allowed = said.is_ok_and(|said| said.is_allowed());
            let said = Said { from, until: world.now(), allowed };
            assert!(!(said.allowed && said.from >= end), "allowed after {end}");
            let slack = TimeDelta::milliseconds(100);
            assert!(said.allowed || said.until >= end - slack, "nothing known before {end}");
            yes += usize::from(said.allowed);
            no += usize::from(!said.allowed);
        }
        gate.resume();
    }
    println!("{yes} times yes and {no} times no around {PAUSED_ENDS} ends");
    assert!(yes > PAUSED_ENDS && no >= PAUSED_ENDS, "{yes} {no}");
}

/// What all bytes to and from a service go through, unless it is paused: its connections stay.
struct Gate {
    url: String,
    is_open: Arc<watch::Sender<bool>>,
}

impl Gate {
    async fn before(url: &str) -> Self {
        let service = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_open = Arc::new(watch::channel(true).0);
        let gate = Arc::clone(&is_open);
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let service = TcpStream::connect(&service).await.unwrap();
                let (caller_reads, caller_writes) = caller.into_split();
                let (service_reads, service_writes) = service.into_split();
                tokio::spawn(pass(caller_reads, service_writes, gate.subscribe()));
                tokio::spawn(pass(service_reads, caller_writes, gate.subscribe()));
            }
        });
        Self { url, is_open }
    }

    fn pause(&self) {
        self.is_open.send_replace(false);
    }

    fn resume(&self) {
        self.is_open.send_replace(true);
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_open: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16_384];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if is_open.wait_for(|is_open| *is_open).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
