//! The organisation that is asked about: very many people with ten roles each.

use std::{path::Path, time::Duration};

use chrono::TimeDelta;
use pim_access::{BY_SQL, SERVICE};
use pim_chassis::{
    Service, auth::Grant, config::TlsConfig, limits::Limits, rates::RateLimits, tls::Tls,
};
use pim_domain::condition::Signals;
use pim_proto::{
    access::v1::{
        CheckAccessRequest, CheckAccessResponse, Consistency, check_access_request::Question,
        consistency::Requirement,
    },
    assignment::v1::Assignment,
};
use pim_tests::{Authority, Copied, Ends, Mounted, Organisation, Person, World};
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
    checker: Person,
    roles: Vec<Uuid>,
    people: i64,
    /// Whom the others are like, and what they hold.
    first: Person,
    like: Assignment,
    echo: Option<String>,
    files: Mounted,
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
        let authority = Authority::new();
        let files = Mounted::new(&authority.issue(None, Ends::InMany), &authority);
        Self { world, organisation, checker, roles, people: 0, first, like, echo: None, files }
    }

    /// Lets there be so many people.
    pub(crate) async fn grow(&mut self, people: i64) {
        self.world.copy_person(&self.first, (self.people..people).map(person)).await;
        let grants = (self.people * ROLES_EACH..people * ROLES_EACH).map(|n| Copied {
            id: numbered(2, n),
            principal: person(n / ROLES_EACH),
            role: self.roles[usize::try_from(n % ROLES).unwrap()],
            scope: scope((n / ROLES_EACH * 7 + n) % SCOPES).parse().unwrap(),
        });
        self.world.copy_assignment(&self.like, grants).await;
        self.people = people;
    }

    /// A question about somebody: half of them hold what is asked about.
    pub(crate) fn question(&self, n: i64, requirement: Option<Requirement>) -> CheckAccessRequest {
        let person = n.wrapping_mul(7_919).rem_euclid(self.people);
        let grant = person * ROLES_EACH + n % ROLES_EACH;
        let role = self.roles[usize::try_from(grant % ROLES).unwrap()];
        let group = (grant / ROLES_EACH * 7 + grant + n % 2).rem_euclid(SCOPES);
        CheckAccessRequest {
            principal_id: self::person(person).to_string(),
            question: Some(Question::RoleId(role.to_string())),
            scope: format!("{}/providers/a/b/c", scope(group)),
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
            signals: Signals::default(),
        };
        self.world.system.issuer.mint(&grant, self.world.now(), TimeDelta::hours(1)).unwrap()
    }

    /// Where each target listens, anew; and how many bytes the copy in memory takes.
    pub(crate) async fn serve(&mut self) -> (Vec<(Target, String)>, i64) {
        let by_sql = self.alone(BY_SQL).await;
        let caller = Caller::new(&by_sql, self.token(), None);
        let answer = caller.ask(self.question(0, None)).await.into_inner();
        if self.echo.is_none() {
            self.echo = Some(echo::serve(answer).await);
        }
        let remembering = self.alone(SERVICE).await;
        let before = resident();
        self.load(&remembering).await;
        let bytes = resident() - before;
        let secured = self.secured().await;
        self.load(&secured).await;
        let urls = vec![
            (Target::Echo, self.echo.clone().unwrap()),
            (Target::Memory, remembering.clone()),
            (Target::Secured, secured),
            (Target::Consistent, remembering),
            (Target::Database, by_sql),
        ];
        (urls, bytes)
    }

    /// Lets a service have all in memory: the first question is what makes it load.
    async fn load(&self, url: &str) {
        let caller = Caller::new(url, self.token(), self.tls(url));
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while source(&caller.ask(self.question(0, None)).await) != "memory" {
            ticks.tick().await;
        }
    }

    /// How what listens there is called.
    pub(crate) fn tls(&self, url: &str) -> Option<pim_client::Tls> {
        url.starts_with("https").then(|| self.files.nameless_client())
    }

    /// The service that answers from memory, by TLS.
    async fn secured(&mut self) -> String {
        let config = TlsConfig {
            tls_certificate_file: Some(self.files.path("tls.crt")),
            tls_key_file: Some(self.files.path("tls.key")),
            ..TlsConfig::default()
        };
        let tls = Tls::load(&config).unwrap();
        let url = self.world.url.clone();
        self.world.tls = Some(self.files.nameless_client());
        let limits = Limits { rates: RateLimits::none(), ..Limits::default() };
        self.world.call_another(limits, |_, _, process| process.tls.clone_from(&tls)).await;
        self.world.tls = None;
        std::mem::replace(&mut self.world.url, url)
    }

    async fn alone(&mut self, service: Service) -> String {
        let url = self.world.url.clone();
        self.world.call_alone(service, &url).await;
        std::mem::replace(&mut self.world.url, url)
    }
}

fn person(n: i64) -> Uuid {
    numbered(1, n)
}

fn scope(n: i64) -> String {
    format!("/subscriptions/bench/resourceGroups/group-{n}")
}

/// The id of the `n`th of a kind.
fn numbered(kind: u32, n: i64) -> Uuid {
    format!("{kind:08x}-0000-7000-8000-{n:012x}").parse().unwrap()
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
