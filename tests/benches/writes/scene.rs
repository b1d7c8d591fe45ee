//! The organisation that is measured in, and its many things.

use std::sync::Arc;

use chrono::TimeDelta;
use pim_chassis::auth::Grant;
use pim_tests::{Organisation, Person, World};
use sqlx::{Executor as _, PgConnection};
use uuid::Uuid;

use crate::{
    capture,
    load::{Caller, Verb},
    numbered::{self, ACTIVATION, APPROVAL, ELIGIBILITY, SAMPLE_USER, USER},
    pgbench::{Needle, Script},
};

/// Those who activate; each has a few activations at the end.
const USERS: i64 = 4_096;

pub(crate) struct Scene {
    pub(crate) world: World,
    organisation: Organisation,
    behind: PgConnection,
    approver: Person,
    users: Arc<[(i64, String)]>,
    pending: Option<Template>,
    next: i64,
}

/// Rows to make others like.
struct Template {
    activation: Uuid,
    approval: Uuid,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let world = World::start_in_real_time().await;
        let organisation = world.organisation().await;
        let approver = organisation.user(&world, "approver").await;
        let first = organisation.user(&world, "first").await;
        let role = Organisation::CONTRIBUTOR;
        let eligibility = organisation.make_eligible(&first, role, "/subscriptions/bench").await;
        let numbers: Vec<i64> = (0..USERS).chain([SAMPLE_USER]).collect();
        let mut behind = world.database.connect().await;
        sqlx::query(
            "insert into principal
             select (jsonb_populate_record(p, jsonb_build_object(
                 'id', n.id, 'subject', n.subject, 'display_name', n.subject))).*
             from principal p, unnest($1::uuid[], $2::text[]) n (id, subject) where p.id = $3",
        )
        .bind(numbers.iter().map(|n| numbered::id(USER, *n)).collect::<Vec<_>>())
        .bind(numbers.iter().map(|n| numbered::user(*n)).collect::<Vec<_>>())
        .bind(first.id.parse::<Uuid>().unwrap())
        .execute(&mut behind)
        .await
        .unwrap();
        sqlx::query(
            "insert into role_grant
             select (jsonb_populate_record(g, jsonb_build_object(
                 'id', n.id, 'principal_id', n.principal))).*
             from role_grant g, unnest($1::uuid[], $2::uuid[]) n (id, principal) where g.id = $3",
        )
        .bind(numbers.iter().map(|n| numbered::id(ELIGIBILITY, *n)).collect::<Vec<_>>())
        .bind(numbers.iter().map(|n| numbered::id(USER, *n)).collect::<Vec<_>>())
        .bind(eligibility.id.parse::<Uuid>().unwrap())
        .execute(&mut behind)
        .await
        .unwrap();
        behind.execute("vacuum analyze").await.unwrap();
        let mut scene = Self {
            world,
            organisation,
            behind,
            approver,
            users: Arc::from([]),
            pending: None,
            next: 0,
        };
        scene.users = numbers.into_iter().map(|n| (n, scene.token(&numbered::user(n)))).collect();
        scene
    }

    pub(crate) fn users(&self) -> Arc<[(i64, String)]> {
        Arc::clone(&self.users)
    }

    pub(crate) fn approver_token(&self) -> String {
        self.token(&self.approver.name)
    }

    fn token(&self, subject: &str) -> String {
        let grant = Grant::Principal {
            tenant: self.organisation.tenant,
            subject: subject.to_owned(),
            amr: vec!["pwd".to_owned(), "mfa".to_owned()],
            acr: None,
            acrs: Vec::new(),
            auth_time: None,
        };
        let system = &self.world.system;
        system.issuer.mint(&grant, self.world.now(), TimeDelta::hours(1)).unwrap()
    }

    /// What the verb says to the database, for `pgbench`.
    pub(crate) async fn script(&mut self, verb: Verb) -> Script {
        if verb == Verb::Approve {
            self.pend().await;
        }
        // Everything that is prepared or cached once has been.
        let warm = self.prepare(verb, 64).await;
        let caller = Caller::new(self);
        for number in warm..warm + 64 {
            caller.call(verb, number).await;
        }
        if verb == Verb::Approve {
            self.copy_pending(&[(verb.sample(), SAMPLE_USER)]).await;
        }
        let before = self.events().await;
        let call = async {
            caller.call(verb, verb.sample()).await;
        };
        let statements = capture::statements(self.world.database.url(), call).await;
        let mut made: Vec<Uuid> = self.events().await;
        made.retain(|id| !before.contains(id));
        made.push(self.activation_at(&numbered::scope(verb.sample())).await);
        let needles = needles(verb, &made);
        let users = usize::try_from(USERS).unwrap();
        Script::of(&statements, &needles, users, self.world.database.url())
    }

    /// Makes so many things ready to be acted on; the number of the first.
    pub(crate) async fn prepare(&mut self, verb: Verb, count: usize) -> i64 {
        let first = self.next;
        self.next += i64::try_from(count).unwrap();
        if verb == Verb::Approve {
            let numbers: Vec<_> = (first..self.next).map(|n| (n, n % USERS)).collect();
            self.copy_pending(&numbers).await;
        }
        self.behind.execute("checkpoint").await.unwrap();
        first
    }

    /// From now on the approver must approve; one request waits for it.
    async fn pend(&mut self) {
        let role = Organisation::CONTRIBUTOR;
        self.organisation.require_approval(role, &[&self.approver]).await;
        let first = self.organisation.user(&self.world, "pending").await;
        self.organisation.make_eligible(&first, role, "/subscriptions/bench").await;
        let wish = Person::wish(role, "/subscriptions/bench/resourceGroups/first");
        let activation = first.activate(wish).await.unwrap();
        let approval = self.approver.inbox().await.remove(0);
        self.pending = Some(Template {
            activation: activation.id.parse().unwrap(),
            approval: approval.id.parse().unwrap(),
        });
    }

    async fn copy_pending(&mut self, numbers: &[(i64, i64)]) {
        let template = self.pending.as_ref().unwrap();
        let ids = |family: &str| -> Vec<Uuid> {
            numbers.iter().map(|(n, _)| numbered::id(family, *n)).collect()
        };
        let of_user = |family: &str| -> Vec<Uuid> {
            numbers.iter().map(|(_, user)| numbered::id(family, *user)).collect()
        };
        sqlx::query(
            "insert into activation
             select (jsonb_populate_record(a, jsonb_build_object(
                 'id', n.id, 'principal_id', n.principal, 'eligibility_id', n.eligibility,
                 'scope', n.scope))).*
             from activation a,
                  unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[])
                      n (id, principal, eligibility, scope)
             where a.id = $5",
        )
        .bind(ids(ACTIVATION))
        .bind(of_user(USER))
        .bind(of_user(ELIGIBILITY))
        .bind(numbers.iter().map(|(n, _)| numbered::scope(*n)).collect::<Vec<_>>())
        .bind(template.activation)
        .execute(&mut self.behind)
        .await
        .unwrap();
        sqlx::query(
            "insert into approval
             select (jsonb_populate_record(a, jsonb_build_object(
                 'id', n.id, 'activation_id', n.activation))).*
             from approval a, unnest($1::uuid[], $2::uuid[]) n (id, activation) where a.id = $3",
        )
        .bind(ids(APPROVAL))
        .bind(ids(ACTIVATION))
        .bind(template.approval)
        .execute(&mut self.behind)
        .await
        .unwrap();
    }

    async fn events(&mut self) -> Vec<Uuid> {
        sqlx::query_scalar("select id from event").fetch_all(&mut self.behind).await.unwrap()
    }

    async fn activation_at(&mut self, scope: &str) -> Uuid {
        let sql = "select id from activation where scope = $1";
        sqlx::query_scalar(sql).bind(scope).fetch_one(&mut self.behind).await.unwrap()
    }
}

/// All that is different in each transaction.
fn needles(verb: Verb, made: &[Uuid]) -> Vec<Needle> {
    let cut = |text: String| text[..text.len() - numbered::text(0).len()].to_owned();
    let needle = |text: String, variable| Needle { prefix: cut(text.clone()), text, variable };
    let ids = made.iter().map(|id| needle(id.to_string(), "n"));
    let numbers =
        [needle(numbered::text(verb.sample()), "n"), needle(numbered::text(SAMPLE_USER), "u")];
    ids.chain(numbers).collect()
}
