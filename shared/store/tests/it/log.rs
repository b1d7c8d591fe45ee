//! The log is insert-only, and its lists are stable.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Ask, ask},
    event::{Actor, Event, Stamp, StoredEvent},
    fixture::{self, noon, stamp},
    id::{EventId, TenantId},
    principal,
    role::Catalog,
};
use pim_store::{
    Reach, StoreError,
    events::{self, Cursor, Filter},
};
use uuid::Uuid;

use crate::ground::{Ground, new_user, scope};

impl Ground {
    async fn list(&self, filter: &Filter, before: Option<Cursor>, limit: i64) -> Vec<StoredEvent> {
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        events::list(&mut read, self.tenant, filter, before, limit).await.unwrap()
    }
}

fn cursor(last: &StoredEvent) -> Cursor {
    Cursor { time: last.event.time, id: last.id }
}

#[tokio::test]
async fn nothing_is_taken_from_the_log_or_altered() {
    let ground = Ground::new().await;
    ground.user("alice").await;
    let before = ground.list(&Filter::default(), None, 100).await;
    let mut connection = ground.database.connect().await;
    for statement in [
        "update event set body = ''",
        "update event set id = id where false",
        "delete from event",
        "truncate event",
        "insert into event select * from event on conflict (tenant_id, id) do update set body = ''",
    ] {
        let error = sqlx::query(statement).execute(&mut connection).await.unwrap_err();
        let text = error.as_database_error().unwrap().message().to_owned();
        assert_eq!(text, "the log is insert-only", "{statement}");
        assert!(matches!(StoreError::from(error), StoreError::Refused(_)));
    }
    assert_eq!(ground.list(&Filter::default(), None, 100).await, before);
}

#[tokio::test]
async fn every_kind_of_event_is_read_back() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let actors = [
        Actor::Service { name: "test".to_owned() },
        Actor::Operator { issuer: "i".to_owned(), subject: "o".to_owned() },
        Actor::Principal {
            id: alice.id,
            issuer: alice.issuer.clone(),
            amr: vec!["pwd".to_owned(), "mfa".to_owned()],
            acr: Some("c1".to_owned()),
            acrs: vec!["c1".to_owned()],
            auth_time: Some(noon()),
        },
    ];
    for actor in actors {
        let stamp = Stamp { now: noon() + TimeDelta::microseconds(1), actor };
        let denial = alice.enable(&stamp).unwrap_err();
        let event = Event::refusal(&stamp, &denial, "WRONG_STATE", "/pim.test/Enable");
        let mut tx = ground.begin().await;
        events::insert(&mut tx, ground.tenant, &event).await.unwrap();
        tx.commit().await.unwrap();
        let filter = Filter { actor: Some(stamp.actor.id()), ..Filter::default() };
        let newest = ground.list(&filter, None, 1).await.remove(0);
        assert_eq!(newest.event, event);
        let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
        let got = events::get(&mut read, ground.tenant, newest.id).await.unwrap();
        assert_eq!(got.as_ref(), Some(&newest));
        let stranger = TenantId::from(Uuid::from_u128(1));
        assert_eq!(events::get(&mut read, stranger, newest.id).await.unwrap(), None);
        let unknown = EventId::at(noon());
        assert_eq!(events::get(&mut read, ground.tenant, unknown).await.unwrap(), None);
        assert_eq!(events::newest_time(&mut read).await.unwrap(), Some(stamp.now));
    }
}

#[tokio::test]
async fn pages_lose_and_double_nothing_while_the_log_grows() {
    let ground = Ground::new().await;
    // Many at one instant: the order within it must be one order, too.
    for number in 0..9 {
        ground.user(&format!("user {number}")).await;
    }
    let all = ground.list(&Filter::default(), None, 100).await;
    let order: Vec<_> = all.iter().map(|one| (one.event.time, one.id)).collect();
    assert!(order.is_sorted_by(|one, next| one > next), "{order:?}");
    for size in [1, 2, 4, 100] {
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let page = ground.list(&Filter::default(), before, size).await;
            let Some(last) = page.last() else { break };
            before = Some(cursor(last));
            pages.extend(page);
            let newer = noon() + TimeDelta::minutes(size);
            let change = fixture_user_at(newer, pages.len());
            ground.write(&change).await.unwrap();
        }
        pages.retain(|one| one.event.time < noon());
        assert_eq!(pages, all, "pages of {size}");
    }
}

/// A user of a name that nobody has, made then.
fn fixture_user_at(
    now: DateTime<Utc>,
    number: usize,
) -> pim_domain::change::Change<principal::Principal> {
    let new = principal::NewPrincipal {
        kind: principal::PrincipalKind::User,
        issuer: now.to_rfc3339(),
        subject: number.to_string(),
        display_name: String::new(),
        person: None,
    };
    principal::create(new, None, &stamp(now)).unwrap()
}

#[tokio::test]
async fn every_filter_finds_what_it_is_of() {
    let ground = Ground::new().await;
    let facts = ground.facts().await;
    let at = scope("/administrativeUnits/a");
    let wish = Ask { scope: at.clone(), ..fixture::wish(&facts) };
    let operator = Actor::Operator { issuer: "i".to_owned(), subject: "o".to_owned() };
    let asked = ask(&facts, wish, &Stamp { now: noon(), actor: operator }).unwrap();
    let active = ground.kept(asked).await;
    let late = stamp(noon() + TimeDelta::minutes(1));
    let change = active.deactivate(Catalog::Entra, Default::default(), &late).unwrap();
    let code = change.event().code.as_str().to_owned();
    ground.kept(change).await;
    let denial = facts.principal.enable(&late).unwrap_err();
    let refused = Event::refusal(&late, &denial, "WRONG_STATE", "/pim.test/Enable");
    let mut tx = ground.begin().await;
    events::insert(&mut tx, ground.tenant, &refused).await.unwrap();
    tx.commit().await.unwrap();

    let none = Filter::default();
    // The tenant, the import, the user, the eligibility; asked for, given up, refused.
    for (filter, count) in [
        (none.clone(), 7),
        (Filter { start: Some(noon()), ..none.clone() }, 3),
        (Filter { start: Some(noon() + TimeDelta::microseconds(1)), ..none.clone() }, 2),
        (Filter { end: Some(noon()), ..none.clone() }, 4),
        (Filter { end: Some(noon() + TimeDelta::microseconds(1)), ..none.clone() }, 5),
        (Filter { actor: Some("o".to_owned()), ..none.clone() }, 1),
        (Filter { subject: Some(facts.principal.id), ..none.clone() }, 5),
        (Filter { role: Some(ground.role.id), ..none.clone() }, 3),
        (Filter { role: Some(ground.other_role.id), ..none.clone() }, 0),
        (Filter { scope: Some(at), ..none.clone() }, 2),
        (Filter { code: Some(code), ..none.clone() }, 1),
        (Filter { result: Some("failure"), ..none.clone() }, 1),
        (Filter { result: Some("success"), ..none.clone() }, 6),
        (Filter { correlation: Some(active.id.uuid()), ..none.clone() }, 2),
        (Filter { thing: Some(active.id.uuid()), ..none.clone() }, 2),
        (Filter { thing: Some(facts.principal.id.uuid()), ..none.clone() }, 2),
        (Filter { category: Some("RoleManagement".to_owned()), ..none.clone() }, 7),
        (Filter { category: Some("ResourceManagement".to_owned()), ..none.clone() }, 0),
    ] {
        assert_eq!(ground.list(&filter, None, 100).await.len(), count, "{filter:?}");
    }
}

#[tokio::test]
async fn a_log_is_its_tenants_own() {
    let ground = Ground::new().await;
    let alice = new_user("alice");
    ground.write(&alice).await.unwrap();
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let stranger = TenantId::from(Uuid::from_u128(1));
    let none = Filter::default();
    assert_eq!(events::list(&mut read, stranger, &none, None, 100).await.unwrap(), []);
    let thing = alice.after().id.uuid();
    assert_eq!(events::of_thing(&mut read, stranger, thing).await.unwrap(), []);
}
