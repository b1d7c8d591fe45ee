//! A freeze among gains that are under way, of which none commits after it; and beside other changes
//! of its tenant.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use pim_domain::event::Code as EventCode;
use pim_proto::approval::v1::Approval;
use pim_tests::{Organisation, Person, World, assert_refused, eventually, reason};
use sqlx::{Connection as _, Postgres, Transaction};
use tonic::{Code, Status};

use super::{ROLE, freeze, ground::GUARDED, unfreeze};

/// Of each kind of gain, in each of two waves.
const EACH: usize = 3;
/// The lock that holds gains up right before their commit, after all that they have asked.
const GATE: i64 = 77;

/// What a test sees of commits: gains wait for the gate as their last step, and a freeze writes down
/// as its last step which transactions have committed.
const WATCHED: &str = "
    create table committed_before_freeze (snapshot pg_snapshot not null);
    create function see() returns trigger language plpgsql security definer as $$
    begin
        insert into public.committed_before_freeze values (pg_current_snapshot());
        return null;
    end $$;
    create constraint trigger seen after update on tenant deferrable initially deferred
        for each row when (old.freeze_time is null and new.freeze_time is not null)
        execute function see();
    create function wait_at_gate() returns trigger language plpgsql set lock_timeout = 0 as $$
    begin
        perform pg_advisory_xact_lock_shared(77);
        return null;
    end $$;
    create constraint trigger gated after insert on event deferrable initially deferred
        for each row when (new.code in (
            'pim.activation.activated', 'pim.approval.approved', 'pim.assignment.created'
        ))
        execute function wait_at_gate()";

/// People who can gain something at once, each by a call of their own.
struct Wave {
    askers: Vec<Person>,
    approvals: Vec<Approval>,
    assignees: Vec<Person>,
}

impl Wave {
    async fn new(world: &World, organisation: &Organisation, carol: &Person, name: &str) -> Self {
        let people = async |kind: &str| {
            let mut people = Vec::new();
            for number in 0..EACH {
                people.push(organisation.user(world, &format!("{name}-{kind}-{number}")).await);
            }
            people
        };
        let (askers, assignees) = (people("asks").await, people("is-assigned").await);
        for asker in &askers {
            organisation.make_eligible(asker, ROLE, "/").await;
        }
        let mut pending = Vec::new();
        for waiting in people("waits").await {
            organisation.make_eligible(&waiting, GUARDED, "/").await;
            pending.push(waiting.activate(Person::wish(GUARDED, "/")).await.unwrap().id);
        }
        let mut approvals = carol.inbox().await;
        approvals.retain(|approval| pending.contains(&approval.activation_id));
        assert_eq!(approvals.len(), EACH);
        Self { askers, approvals, assignees }
    }

    /// Everybody's call at once: what each was answered.
    async fn gain(
        &self,
        world: &World,
        organisation: &Organisation,
        carol: &Person,
    ) -> Vec<Result<(), Status>> {
        let wish = || Person::wish(ROLE, "/");
        let asked = self.askers.iter().map(async |one| one.activate(wish()).await.map(drop));
        let approved =
            self.approvals.iter().map(async |one| carol.again(world).approve(one).await.map(drop));
        let assigned = self.assignees.iter().map(async |one| {
            let organisation = organisation.again(world);
            organisation.assign(one, ROLE, "/").await.map(drop)
        });
        let (asked, approved, assigned) =
            tokio::join!(join_all(asked), join_all(approved), join_all(assigned));
        [asked, approved, assigned].concat()
    }
}

/// How many wait for a lock like that of the gate, or for one of the tenant's: before their commit,
/// or before they may freeze.
async fn waiting(owner: &mut sqlx::PgConnection, is_gate: bool) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_locks
         where locktype = 'advisory' and not granted
             and database = (select oid from pg_database where datname = current_database())
             and (classid = 0 and objid::bigint = $1) = $2
             and ($2 or mode = 'ExclusiveLock')",
    )
    .bind(GATE)
    .bind(is_gate)
    .fetch_one(owner)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_gain_commits_after_a_freeze() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let carol = organisation.user(&world, "carol").await;
    organisation.require_approval(GUARDED, &[&carol]).await;
    let first = Wave::new(&world, &organisation, &carol, "first").await;
    let late = Wave::new(&world, &organisation, &carol, "late").await;
    let (mut owner, mut gate) = (world.database.connect().await, world.database.connect().await);
    sqlx::raw_sql(WATCHED).execute(&mut owner).await.unwrap();
    sqlx::query("select pg_advisory_lock($1)").bind(GATE).execute(&mut gate).await.unwrap();

    let admin = organisation.admin.again(&world);
    let freezing = async {
        eventually("gains are under way", async || {
            (waiting(&mut owner, true).await > 0).then_some(())
        })
        .await;
        let is_over = AtomicBool::new(false);
        let frozen = async {
            let frozen = freeze(&admin.client).await;
            is_over.store(true, Ordering::SeqCst);
            frozen
        };
        let opening = async {
            eventually("the freeze waits for them", async || {
                let waits = waiting(&mut owner, false).await > 0;
                (waits || is_over.load(Ordering::SeqCst)).then_some(())
            })
            .await;
            let lates = late.gain(&world, &organisation, &carol);
            // What waits for the gate has committed before this is answered.
            let opened = gate.close();
            tokio::join!(lates, opened)
        };
        let (frozen, (lates, opened)) = tokio::join!(frozen, opening);
        opened.unwrap();
        frozen.unwrap();
        lates
    };
    let (answers, lates) = tokio::join!(first.gain(&world, &organisation, &carol), freezing);
    let gained = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(gained > 0, "{answers:?}");
    for refused in lates.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&refused), "FROZEN", "{refused}");
    }

    let gains: Vec<&str> =
        EventCode::ALL.iter().filter(|code| code.gains()).map(|code| code.as_str()).collect();
    let after: Vec<String> = sqlx::query_scalar(
        "select e.code from event e, committed_before_freeze before
         where e.code = any($1) and e.result = 'success'
             and not pg_visible_in_snapshot(e.xid, before.snapshot)",
    )
    .bind(&gains)
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(after, Vec::<String>::new());
    let seen: i64 = sqlx::query_scalar("select count(*) from committed_before_freeze")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(seen, 1);
}

/// Once somebody waits for a row that `held` has changed, lets go of it.
async fn let_go_when_waited_for(world: &World, held: Transaction<'_, Postgres>) {
    let mut owner = world.database.connect().await;
    eventually("somebody waits for the row", async || {
        let waits: bool = sqlx::query_scalar(
            "select exists (select from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock')",
        )
        .fetch_one(&mut owner)
        .await
        .unwrap();
        waits.then_some(())
    })
    .await;
    held.commit().await.unwrap();
}

#[tokio::test]
async fn a_freeze_beside_another_change_of_the_tenant_waits_and_is_done() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let mut owner = world.database.connect().await;
    let mut changing = owner.begin().await.unwrap();
    sqlx::query("update tenant set version = version + 1 where id = $1")
        .bind(organisation.tenant)
        .execute(&mut *changing)
        .await
        .unwrap();
    let (frozen, ()) =
        tokio::join!(freeze(&organisation.admin.client), let_go_when_waited_for(&world, changing));
    frozen.unwrap();
}

#[tokio::test]
async fn who_loses_their_say_meanwhile_unfreezes_nothing() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let second = &organisation.second_admin;
    freeze(&organisation.admin.client).await.unwrap();
    let mut owner = world.database.connect().await;
    // As whoever disables them does: the guard first.
    let mut losing = owner.begin().await.unwrap();
    sqlx::query("select id from tenant where id = $1 for no key update")
        .bind(organisation.tenant)
        .execute(&mut *losing)
        .await
        .unwrap();
    sqlx::query("update principal set enabled_since = null where id::text = $1")
        .bind(&second.id)
        .execute(&mut *losing)
        .await
        .unwrap();
    let (refused, ()) =
        tokio::join!(unfreeze(&second.client), let_go_when_waited_for(&world, losing));
    assert_refused(refused, Code::PermissionDenied, "NOT_PERMITTED");
}
