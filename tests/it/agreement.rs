//! Who holds what when, by three evaluators: in memory, from the database, and one that walks the
//! tables in the most obvious way. On random tenants, right before, at and right after each instant
//! at which anything may change, all three say the same, and say until when. What was answered then
//! is what the log answers afterwards about that instant.
//!
//! `PIM_AGREEMENT_TENANTS` makes a longer run.

mod brute;
mod deeds;
mod past;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use pim_access::{BY_SQL, SERVICE};
use pim_client::Client;
use pim_proto::access::v1::{
    BatchCheckAccessRequest, BatchCheckAccessResponse, Decision, ListEffectiveRolesRequest,
    ListEffectiveRolesResponse,
    batch_check_access_request::{Item, item::Question as Asked},
    batch_check_access_response::result::Outcome,
};
use pim_tests::{World, timestamp};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use tonic::{Request, Response, Status};

use self::{
    brute::{Facts, Timeline},
    deeds::Cast,
};

const TENANTS: u32 = 8;
/// Of the instants after the last deed, one in so many is asked about afterwards.
const SEEN_EVERY: usize = 5;
/// Where roles are granted and asked about. The second is below the first, until it is moved.
const ABOVE: [&str; 2] = ["/managementGroups/one", "/managementGroups/two"];
const SCOPES: [&str; 6] = [
    "/",
    ABOVE[0],
    "/subscriptions/a",
    "/subscriptions/a/resourceGroups/web",
    "/subscriptions/ab",
    ABOVE[1],
];

/// What is asked about everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Role(&'static str, &'static str),
    Action(&'static str, &'static str),
    Group(usize),
}

/// Every question, about one of those who can be asked about.
fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    for scope in SCOPES {
        all.extend(deeds::ROLES.map(|role| Question::Role(role, scope)));
        all.extend(brute::ACTIONS.map(|(action, _)| Question::Action(action, scope)));
    }
    all.extend((0..deeds::GROUPS).map(Question::Group));
    all
}

#[test]
fn memory_database_and_the_obvious_say_the_same_at_every_boundary() {
    let tenants = std::env::var("PIM_AGREEMENT_TENANTS");
    let tenants = tenants.map_or(TENANTS, |count| count.parse().unwrap());
    let mut runner = TestRunner::deterministic();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (mut boundaries, mut yes) = (0, 0);
    for tenant in 0..tenants {
        let deeds = deeds::some().new_tree(&mut runner).unwrap().current();
        println!("tenant {tenant}: {deeds:?}");
        let (looked, held) = runtime.block_on(agree(&deeds, tenant % 2 == 0));
        (boundaries, yes) = (boundaries + looked, yes + held);
    }
    println!("{boundaries} boundaries, {yes} times yes");
    // Where nothing ends and nobody holds anything, all agree on little.
    assert!(boundaries >= tenants * 4 && yes >= tenants * 50, "{boundaries} {yes}");
}

/// How many boundaries were looked at, and how often somebody held what was asked for. What is in
/// memory has followed each deed, or was loaded after all of them.
async fn agree(deeds: &[deeds::Deed], follows: bool) -> (u32, u32) {
    let mut world = World::start().await;
    let organisation = world.organisation().await;
    let everything = world.url.clone();
    world.call_alone(BY_SQL, &everything).await;
    let database = organisation.again(&world).admin.client;
    world.call_alone(SERVICE, &everything).await;
    let memory = organisation.again(&world).admin;
    world.url = everything;
    let cast = Cast::assemble(&world, &organisation).await;
    let tick = TimeDelta::microseconds(1);
    let mut seen = Vec::new();
    for deed in deeds {
        cast.act(&world, &organisation, deed).await;
        if follows {
            from_memory(async || list(&memory.client, &memory.id).await).await;
        }
        // Of an instant at which nothing else is done.
        world.advance(tick);
        seen.push(past::Seen::now(&cast, &database, world.now()).await);
        world.advance(tick);
    }
    let memory = memory.client;
    let facts = Facts::read(&mut world.database.connect().await, &cast).await;

    let boundaries: Vec<DateTime<Utc>> = facts.boundaries(world.now());
    let around = boundaries.iter().flat_map(|at| [*at - tick, *at, *at + tick]);
    let instants: BTreeSet<_> = around.chain([world.now()]).collect();
    let (timeline, mut yes) = (Timeline::of(&facts, &boundaries), 0);
    for (place, at) in instants.into_iter().enumerate() {
        world.advance(at - world.now());
        yes += checks(&cast, &timeline, (&memory, &database), at).await;
        lists(&cast, &timeline, (&memory, &database), at).await;
        // Nothing is recorded any more: each further one would be told by the same events.
        if place % SEEN_EVERY == 0 {
            seen.push(past::Seen::now(&cast, &database, at).await);
        }
    }
    world.advance(tick);
    for seen in &seen {
        seen.again(&cast, &database).await;
    }
    (u32::try_from(boundaries.len()).unwrap(), yes)
}

/// Every question about everybody, to both; how many were answered with yes.
async fn checks(
    cast: &Cast,
    timeline: &Timeline<'_>,
    (memory, database): (&Client, &Client),
    at: DateTime<Utc>,
) -> u32 {
    let mut yes = 0;
    for (place, user) in cast.users.iter().enumerate() {
        let questions = questions();
        let items: Vec<Item> =
            questions.iter().map(|question| cast.item(&user.id, *question)).collect();
        let by_database = batch(database, &items).await.unwrap().into_inner();
        let by_memory = from_memory(async || batch(memory, &items).await).await;
        assert_eq!(by_memory.as_of_time, Some(timestamp(at)));
        assert_eq!(by_memory.results, by_database.results, "{} at {at}", user.name);
        let has = timeline.has(place, at);
        for (question, result) in questions.into_iter().zip(by_memory.results) {
            let Some(Outcome::Answer(answer)) = result.outcome else { panic!("{question:?}") };
            let (holds, until) = timeline.check(place, &has, question, at);
            let about = format!("{} {question:?} at {at}", user.name);
            assert_eq!(answer.decision() == Decision::Allowed, holds, "{about}: {answer:?}");
            assert_eq!(answer.valid_until, until.map(timestamp), "{about}: {answer:?}");
            yes += u32::from(holds);
        }
    }
    yes
}

/// All that everybody holds, to both.
async fn lists(
    cast: &Cast,
    timeline: &Timeline<'_>,
    (memory, database): (&Client, &Client),
    at: DateTime<Utc>,
) {
    for (place, user) in cast.users.iter().enumerate() {
        let by_database = list(database, &user.id).await.unwrap().into_inner();
        let by_memory = from_memory(async || list(memory, &user.id).await).await;
        assert_eq!(by_memory.holdings, by_database.holdings, "{} at {at}", user.name);
        assert_eq!(by_memory.valid_until, by_database.valid_until, "{} at {at}", user.name);
        let listed: BTreeSet<String> =
            by_memory.holdings.into_iter().map(|holding| holding.id).collect();
        let (held, until) = timeline.list(place, &timeline.has(place, at), at);
        assert_eq!(listed, held, "{} at {at}", user.name);
        assert_eq!(by_memory.valid_until, until.map(timestamp), "{} at {at}", user.name);
    }
}

async fn batch(
    client: &Client,
    items: &[Item],
) -> Result<Response<BatchCheckAccessResponse>, Status> {
    let request =
        BatchCheckAccessRequest { items: items.to_vec(), ..BatchCheckAccessRequest::default() };
    client.access().batch_check_access(Request::new(request)).await
}

async fn list(
    client: &Client,
    principal: &str,
) -> Result<Response<ListEffectiveRolesResponse>, Status> {
    let request = ListEffectiveRolesRequest {
        principal_id: principal.to_owned(),
        page_size: 1_000,
        ..ListEffectiveRolesRequest::default()
    };
    client.access().list_effective_roles(request).await
}

/// Asks until memory answers: it may not be there yet, or late on a busy machine.
async fn from_memory<T>(ask: impl AsyncFn() -> Result<Response<T>, Status>) -> T {
    loop {
        let answer = ask().await.unwrap();
        if answer.metadata().get("pim-source").unwrap() == "memory" {
            return answer.into_inner();
        }
    }
}

impl Cast {
    fn item(&self, principal: &str, question: Question) -> Item {
        let (asked, scope) = match question {
            Question::Role(role, scope) => (Asked::RoleId(role.to_owned()), scope),
            Question::Action(action, scope) => (Asked::Action(action.to_owned()), scope),
            Question::Group(place) => (Asked::GroupId(self.groups[place].id.clone()), ""),
        };
        Item { principal_id: principal.to_owned(), question: Some(asked), scope: scope.to_owned() }
    }
}
