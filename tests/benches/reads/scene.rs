//! The organisation that is asked about: very many people with ten roles each.

use std::{path::Path, time::Duration};

use chrono::TimeDelta;
use pim_access::{BY_SQL, SERVICE};
use pim_chassis::{Service, auth::Grant};
use pim_proto::access::v1::{
    CheckAccessRequest, CheckAccessResponse, Consistency, check_access_request::Question,
    consistency::Requirement,
};
use pim_tests::{Organisation, Person, World};
use sqlx::{Executor as _, PgConnection};
use tonic::Response;
use uuid::Uuid;

use crate::{
    echo,
    load::{Caller, Target},
};

/// Roles that each of them holds.
pub(crate) const ROLES_EACH: i64 = 10;
/// Different roles, and different scopes.
const ROLES: i64 = 100;
const SCOPES: i64 = 1_000;

pub(crate) struct Scene {
    pub(crate) world: World,
    organisation: Organisation,
    behind: PgConnection,
    checker: Person,
    roles: Vec<Uuid>,
    people: i64,
    /// An assignment that the others are like.
    like: Uuid,
    echo: Option<String>,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let world = World::start_in_real_time().await;
        let organisation = world.organisation().await;
        let checker = organisation.user(&world, "checker").await;
        let role = pim_domain::authority::ACCESS_CHECKER.to_string();
        organisation.assign(&checker, &role, "/").await.unwrap();
        let first = organisation.user(&world, "first").await;
        let scope = "/subscriptions/bench";
        let like = organisation.assign(&first, Organisation::CONTRIBUTOR, scope).await.unwrap();
        let mut behind = world.database.connect().await;
        let roles =
            sqlx::query_scalar("select id from role where catalog = 'azure' order by id limit $1")
                .bind(ROLES)
                .fetch_all(&mut behind)
                .await
                .unwrap();
        let like = like.id.parse().unwrap();
        Self { world, organisation, behind, checker, roles, people: 0, like, echo: None }
    }

    /// Lets there be so many people.
    pub(crate) async fn grow(&mut self, people: i64) {
        sqlx::query(
            "insert into principal (tenant_id, id, kind, issuer, subject, display_name,
                 enabled_since, break_glass, version, create_time, update_time)
             select p.tenant_id, ('00000001-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                 p.kind, p.issuer, 'person' || n, 'Person ' || n, p.enabled_since, false, 1,
                 p.create_time, p.update_time
             from principal p, generate_series($1::bigint, $2::bigint - 1) n
             where p.tenant_id = $3 and p.subject = 'first'",
        )
        .bind(self.people)
        .bind(people)
        .bind(self.organisation.tenant)
        .execute(&mut self.behind)
        .await
        .unwrap();
        sqlx::query(
            "insert into role_grant (tenant_id, id, kind, principal_id, role_id, scope, start_time,
                 justification, policy_revision, version, create_time, update_time)
             select g.tenant_id, ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                 g.kind, ('00000001-0000-7000-8000-' || lpad(to_hex(n / $5), 12, '0'))::uuid,
                 ($6::uuid[])[1 + n % $7],
                 '/subscriptions/bench/resourcegroups/group-' || (n / $5 * 7 + n) % $8, g.start_time,
                 g.justification, g.policy_revision, 1, g.create_time, g.update_time
             from role_grant g, generate_series($1::bigint * $5, $2::bigint * $5 - 1) n
             where g.tenant_id = $3 and g.id = $4",
        )
        .bind(self.people)
        .bind(people)
        .bind(self.organisation.tenant)
        .bind(self.like)
        .bind(ROLES_EACH)
        .bind(&self.roles)
        .bind(ROLES)
        .bind(SCOPES)
        .execute(&mut self.behind)
        .await
        .unwrap();
        self.people = people;
        self.behind.execute("vacuum analyze principal, role_grant").await.unwrap();
    }

    /// A question about somebody: half of them hold what is asked about.
    pub(crate) fn question(&self, n: i64, requirement: Option<Requirement>) -> CheckAccessRequest {
        let person = n.wrapping_mul(7_919).rem_euclid(self.people);
        let grant = person * ROLES_EACH + n % ROLES_EACH;
        let role = self.roles[usize::try_from(grant % ROLES).unwrap()];
        let group = (grant / ROLES_EACH * 7 + grant + n % 2).rem_euclid(SCOPES);
        CheckAccessRequest {
            principal_id: format!("00000001-0000-7000-8000-{person:012x}"),
            question: Some(Question::RoleId(role.to_string())),
            scope: format!("/subscriptions/bench/resourcegroups/group-{group}/providers/a/b/c"),
            consistency: Some(Consistency { requirement }),
            ..CheckAccessRequest::default()
        }
    }

    /// Who may ask about everybody.
    pub(crate) fn token(&self) -> String {
        let grant = Grant::Principal {
            tenant: self.organisation.tenant,
            subject: self.checker.name.clone(),
            amr: vec!["pwd".to_owned()],
            acr: None,
            acrs: Vec::new(),
            auth_time: None,
        };
        self.world.system.issuer.mint(&grant, self.world.now(), TimeDelta::hours(1)).unwrap()
    }

    /// Where each target listens, anew; and how many bytes the copy in memory takes.
    pub(crate) async fn serve(&mut self) -> (Vec<(Target, String)>, i64) {
        let by_sql = self.alone(BY_SQL).await;
        let caller = Caller::new(&by_sql, self.token());
        let answer = caller.ask(self.question(0, None)).await.into_inner();
        if self.echo.is_none() {
            self.echo = Some(echo::serve(answer).await);
        }
        let remembering = self.alone(SERVICE).await;
        let caller = Caller::new(&remembering, self.token());
        let before = resident();
        // The first question is what makes it load.
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while source(&caller.ask(self.question(0, None)).await) != "memory" {
            ticks.tick().await;
        }
        let bytes = resident() - before;
        let urls = vec![
            (Target::Echo, self.echo.clone().unwrap()),
            (Target::Memory, remembering.clone()),
            (Target::Consistent, remembering),
            (Target::Database, by_sql),
        ];
        (urls, bytes)
    }

    async fn alone(&mut self, service: Service) -> String {
        let url = self.world.url.clone();
        self.world.call_alone(service, &url).await;
        std::mem::replace(&mut self.world.url, url)
    }
}

fn source(answer: &Response<CheckAccessResponse>) -> &str {
    answer.metadata().get("pim-source").unwrap().to_str().unwrap()
}

/// Bytes of this process that are in memory.
fn resident() -> i64 {
    let told = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap();
    let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<i64>().unwrap() * 1_024
}
