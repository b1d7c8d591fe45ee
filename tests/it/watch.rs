//! Many readers of what people hold, stopped, slow and resumed at random while that changes, in real
//! time: what each of them puts together is what a list says, nothing is lost and nothing comes
//! twice.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use pim_proto::{
    access::v1::{
        Holding, ListEffectiveRolesRequest, WatchEffectiveRolesRequest, WatchEffectiveRolesResponse,
    },
    assignment::v1::{CreateAssignmentRequest, Rules},
};
use pim_tests::{Organisation, Person, World, duration, timestamp};

use tokio::{task::JoinSet, time::timeout};
use tonic::{Code, Streaming};

const READERS: u64 = 200;
const PEOPLE: usize = 6;
/// How many changes there are.
const CHANGES: u32 = 80;
/// What is assigned for a while ends after so much.
const WHILE: TimeDelta = TimeDelta::seconds(1);
/// After this long, whoever hears anything has heard all that was before.
const QUIET: TimeDelta = TimeDelta::seconds(4);
const ROLE: &str = Organisation::CONTRIBUTOR;

/// What one reader has put together.
#[derive(Default)]
struct Folded {
    held: HashMap<String, BTreeMap<String, Holding>>,
    position: String,
    /// How far it is.
    as_of: Option<DateTime<Utc>>,
    resumed: u32,
    anew: u32,
}

impl Folded {
    fn take(&mut self, message: WatchEffectiveRolesResponse) {
        for change in message.changes {
            let held = self.held.entry(change.principal_id).or_default();
            if change.is_whole {
                held.clear();
            }
            for lost in change.lost_ids {
                assert!(held.remove(&lost).is_some(), "{lost} was lost twice, or never told of");
            }
            for holding in change.held {
                let before = held.insert(holding.id.clone(), holding.clone());
                assert_ne!(before, Some(holding), "it was told of twice");
            }
        }
        self.position = message.position;
        let at = message.as_of_time.unwrap();
        let at = DateTime::from_timestamp(at.seconds, at.nanos.try_into().unwrap()).unwrap();
        assert!(self.as_of.is_none_or(|before| before <= at), "time runs backwards");
        self.as_of = Some(at);
    }
}

async fn open(
    reader: &Person,
    principals: &[String],
    after_position: &str,
) -> Streaming<WatchEffectiveRolesResponse> {
    let request = WatchEffectiveRolesRequest {
        principal_ids: principals.to_vec(),
        after_position: after_position.to_owned(),
    };
    reader.client.access().watch_effective_roles(request).await.unwrap().into_inner()
}

/// Reads, pauses, goes away and comes back, until it is past `end`.
async fn read(
    reader: Person,
    principals: Vec<String>,
    seed: u64,
    mut end: tokio::sync::watch::Receiver<Option<DateTime<Utc>>>,
) -> Folded {
    let mut random = Random(seed);
    let mut folded = Folded::default();
    let mut stream = open(&reader, &principals, "").await;
    loop {
        let is_past = |end: Option<DateTime<Utc>>| {
            end.zip(folded.as_of).is_some_and(|(end, as_of)| end < as_of)
        };
        if is_past(*end.borrow_and_update()) {
            return folded;
        }
        match stream.message().await {
            Ok(Some(message)) => folded.take(message),
            Ok(None) => panic!("it ended without a reason"),
            // Too slow, or away for too long.
            Err(status) if status.code() == Code::ResourceExhausted => {
                stream = open(&reader, &principals, &folded.position).await;
            }
            Err(status) if status.code() == Code::OutOfRange => {
                folded.anew += 1;
                stream = open(&reader, &principals, "").await;
            }
            Err(status) => panic!("{status}"),
        }
        match random.next() % 12 {
            // Reads nothing for a while.
            0 => pause(random.next() % 400).await,
            // Goes away, perhaps for a while.
            1 | 2 if !folded.position.is_empty() => {
                drop(stream);
                pause(random.next() % 200).await;
                folded.resumed += 1;
                stream = open(&reader, &principals, &folded.position).await;
            }
            _ => {}
        }
    }
}

/// Chance enough to behave by, the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // Knuth's MMIX.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

async fn pause(millis: u64) {
    let pause = Duration::from_millis(millis);
    timeout(pause, std::future::pending::<()>()).await.unwrap_err();
}

/// Grants and takes away, for good and for a while, to people and to a group of theirs.
async fn change(world: &World, organisation: &Organisation, people: &[Person]) {
    let group = organisation.group("ops").await;
    let admin = &organisation.admin;
    let mut given = Vec::new();
    for count in 0..CHANGES {
        let who = &people[usize::try_from(count).unwrap() % people.len()];
        let scope = format!("/subscriptions/{count}");
        match count % 5 {
            0 | 1 => {
                let request = CreateAssignmentRequest {
                    principal_id: who.id.clone(),
                    role_id: ROLE.to_owned(),
                    scope,
                    end_time: Some(timestamp(world.now() + WHILE * 2)),
                    justification: "their work".to_owned(),
                    ..CreateAssignmentRequest::default()
                };
                admin.client.assignments().create_assignment(request).await.unwrap();
            }
            2 => given.push(organisation.assign(who, ROLE, &scope).await.unwrap()),
            3 => given.push(admin.assign_to(&group.id, ROLE, &scope).await.unwrap()),
            _ => {
                if let Ok(joined) = admin.add_member(&who.id, &group).await {
                    given.push(joined);
                }
                if given.len() > 6 {
                    admin.remove(&given.remove(0)).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_in_whatever_way_has_what_a_list_says() {
    let world = Arc::new(World::start_in_real_time().await);
    let organisation = world.organisation().await;
    let short = Rules { activation_min: Some(duration(WHILE)), ..Rules::default() };
    organisation.set_policy(ROLE, short).await.unwrap();
    let mut people = Vec::new();
    for place in 0..PEOPLE {
        people.push(organisation.user(&world, &format!("user-{place}")).await);
    }
    let (ending, end) = tokio::sync::watch::channel(None);
    let mut readers = JoinSet::new();
    for seed in 0..READERS {
        let first = usize::try_from(seed).unwrap();
        let principals = (0..1 + first % 3).map(|n| people[(first + n) % PEOPLE].id.clone());
        let (reader, principals) = (organisation.admin.again(&world), principals.collect());
        readers.spawn(read(reader, principals, seed, end.clone()));
    }
    change(&world, &organisation, &people).await;
    ending.send(Some(world.now() + QUIET)).unwrap();
    let all: Vec<Folded> = readers.join_all().await;

    let mut lists = HashMap::new();
    for person in &people {
        let request = ListEffectiveRolesRequest {
            principal_id: person.id.clone(),
            page_size: 1_000,
            ..ListEffectiveRolesRequest::default()
        };
        let list = organisation.admin.client.access().list_effective_roles(request).await;
        let list = list.unwrap().into_inner().holdings;
        let list = list.into_iter().map(|holding| (holding.id.clone(), holding)).collect();
        lists.insert(person.id.clone(), list);
    }
    let lists: HashMap<String, BTreeMap<String, Holding>> = lists;
    for folded in &all {
        for (principal, held) in &folded.held {
            assert_eq!(held, &lists[principal]);
        }
    }
    let resumed: u32 = all.iter().map(|folded| folded.resumed).sum();
    let anew: u32 = all.iter().map(|folded| folded.anew).sum();
    println!("{CHANGES} changes, {READERS} readers, resumed {resumed} times, begun anew {anew}");
    assert!(u64::from(resumed) > READERS && anew == 0, "{resumed} {anew}");
    assert!(lists.values().any(|list| list.len() > 3), "{lists:?}");
}
