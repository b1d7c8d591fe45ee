//! The organisation that is measured in, and its many things.

use std::sync::Arc;

use chrono::TimeDelta;
use pim_chassis::auth::Grant;
use pim_domain::condition::Signals;
use pim_tests::{Organisation, Person, World};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use uuid::Uuid;

use crate::{
    capture,
    load::{Caller, Verb},
    numbered::{self, ACTIVATION, APPROVAL, ELIGIBILITY, SAMPLE_USER, USER},
    script::{Needle, Script},
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
        let user = |n: &i64| {
            let name = numbered::user(*n);
            json!({ "id": numbered::id(USER, *n), "subject": name, "display_name": name })
        };
        let users = numbers.iter().map(user).collect();
        copy(&mut behind, "principal", first.id.parse().unwrap(), users).await;
        let grant = |n: &i64| json!({ "id": numbered::id(ELIGIBILITY, *n), "principal_id": numbered::id(USER, *n) });
        let grants = numbers.iter().map(grant).collect();
        copy(&mut behind, "role_grant", eligibility.id.parse().unwrap(), grants).await;
        // Not of tables that are empty still: plans for those would be no good for long.
        behind.execute("vacuum analyze principal, role_grant").await.unwrap();
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
            signals: Signals::default(),
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
        let (activation, approval) = (template.activation, template.approval);
        let wish = |(n, user): &(i64, i64)| {
            json!({
                "id": numbered::id(ACTIVATION, *n),
                "principal_id": numbered::id(USER, *user),
                "eligibility_id": numbered::id(ELIGIBILITY, *user),
                "scope": numbered::scope(*n),
            })
        };
        let wishes = numbers.iter().map(wish).collect();
        copy(&mut self.behind, "activation", activation, wishes).await;
        let waiting = |(n, _): &(i64, i64)| {
            json!({
                "id": numbered::id(APPROVAL, *n), "activation_id": numbered::id(ACTIVATION, *n)
            })
        };
        let waiting = numbers.iter().map(waiting).collect();
        copy(&mut self.behind, "approval", approval, waiting).await;
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

/// A row like one that there is for each of `others`, with what is different in it.
async fn copy(behind: &mut PgConnection, table: &str, like: Uuid, others: Vec<Value>) {
    let stored = sqlx::query_scalar::<_, String>(
        "select string_agg(quote_ident(column_name), ', ') from information_schema.columns
         where table_name = $1 and is_generated = 'NEVER'",
    )
    .bind(table)
    .fetch_one(&mut *behind)
    .await
    .unwrap();
    let copies = format!(
        "insert into {table} ({stored})
         select {stored} from (
             select (jsonb_populate_record(one, other)).*
             from {table} one, jsonb_array_elements($1) other where one.id = $2
         ) copies"
    );
    let copies = sqlx::query(AssertSqlSafe(copies)).bind(Value::Array(others)).bind(like);
    copies.execute(behind).await.unwrap();
}
