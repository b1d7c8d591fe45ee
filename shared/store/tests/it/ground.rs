//! What the tests stand on: a database of their own with a tenant and two roles in it, and ways to
//! write there what the rules decide.

use std::{fmt::Debug, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ask, Extend, Facts as ActivationFacts, Length, Request, Use, ask},
    approval::{self, Approval},
    catalog::{CatalogFile, CatalogRole},
    change::{Change, Thing},
    change_request::ChangeRequest,
    condition::{Signals, undecided},
    event::Event,
    fixture::{self, noon, stamp},
    grant::{self, Create, Grant, GrantKind},
    group::{Group, Subject, Surroundings},
    id::TenantId,
    invariant,
    policy::{self, ApprovalRule, Layers, Policy, RuleSet, Update},
    principal::{self, NewPrincipal, Principal, PrincipalKind},
    role::{self, Catalog, Import, Role},
    scope::{Node, Scope},
    tenant,
};
use pim_store::{
    Db, Options, Purpose, Reach, StoreError, Tx, activations, approvals, change_requests, events,
    grants, groups, policies, principals, roles, scopes, tenants,
};
use pim_tests::{TestDb, eventually};
use serde_json::Value;

/// How long a test waits for a connection on a busy machine.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);

/// A database with a tenant that has two roles.
pub(crate) struct Ground {
    pub(crate) database: TestDb,
    pub(crate) db: Db,
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    pub(crate) other_role: Role,
}

/// When the tenant, its roles and its users were made.
pub(crate) fn made() -> DateTime<Utc> {
    noon() - TimeDelta::days(30)
}

pub(crate) fn options() -> Options {
    Options { acquire_timeout: ACQUIRE_TIMEOUT, ..Options::default() }
}

pub(crate) fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

/// What can be known of a sign-in, all of it.
pub(crate) fn signals() -> Signals {
    Signals {
        acr: Some("urn:strong".to_owned()),
        device_compliant: Some(true),
        device_managed: Some(false),
        country: Some("SE".to_owned()),
        risk: Some("low".to_owned()),
        address: Some("2001:db8::7".parse().unwrap()),
    }
}

/// A catalog of those roles.
pub(crate) fn catalog_of(version: &str, catalog: Catalog, roles: &[Role]) -> CatalogFile {
    let roles = roles.iter().map(|role| CatalogRole {
        id: role.id.uuid(),
        name: role.display_name.clone(),
        privileged: role.privileged,
        assignable: role.assignable,
        inherits: role.inherits.iter().map(|one| one.uuid()).collect(),
        permissions: role.permissions.clone(),
    });
    CatalogFile {
        catalog,
        version: version.to_owned(),
        origin: "a test".to_owned(),
        roles: roles.collect(),
    }
}

/// An event as it was written: without the words beside its commitments.
fn bare(mut event: Event) -> Event {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) if fields.contains_key("commitment") => {
                fields.remove("text");
            }
            Value::Object(fields) => fields.values_mut().for_each(strip),
            Value::Array(values) => values.iter_mut().for_each(strip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let changes = event.changes.iter_mut();
    changes.flat_map(|one| one.old.iter_mut().chain(&mut one.new)).for_each(strip);
    event
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let database = TestDb::new().await;
        let db = database.db().await;
        let role = fixture::role();
        let other_role = Role { display_name: "Another Role".to_owned(), ..fixture::role() };
        let tenant = tenant::create("Contoso".to_owned(), tenant::Plan::P2, &stamp(made()));
        let mut tx = db.begin(Purpose::Gain, Reach::EveryTenant).await.unwrap();
        tenants::record(&mut tx, &tenant).await.unwrap();
        let tenant = tenant.into_after().id;
        let file = catalog_of("1", Catalog::Entra, &[role.clone(), other_role.clone()]);
        let import = role::import(tenant, None, &file, &stamp(made())).unwrap();
        let all = role::of_catalog(&file, import.after());
        roles::record(&mut tx, tenant, &import, all).await.unwrap();
        tx.commit().await.unwrap();
        Self { database, db, tenant, role, other_role }
    }

    pub(crate) async fn begin(&self) -> Tx {
        self.db.begin(Purpose::Gain, self.tenant).await.unwrap()
    }

    /// Writes a change in a transaction of its own.
    pub(crate) async fn write<T: Stored>(&self, change: &Change<T>) -> Result<(), StoreError> {
        let mut tx = self.begin().await;
        T::record(&mut tx, self.tenant, change).await?;
        tx.commit().await.map(|_| ())
    }

    /// Writes a change, reads the same back, and finds the log to explain it.
    pub(crate) async fn kept<T: Stored>(&self, change: Change<T>) -> T {
        self.write(&change).await.unwrap();
        let stored = self.stored(change.after()).await.unwrap();
        assert_eq!(&stored, change.after());
        let events = self.events_of(&stored).await;
        assert_eq!(events.last().cloned().map(bare).as_ref(), Some(change.event()));
        invariant::log_explains(&events, &stored).unwrap();
        stored
    }

    /// A thing as it is stored.
    pub(crate) async fn stored<T: Stored>(&self, thing: &T) -> Option<T> {
        T::load(thing, &mut self.begin().await, self.tenant).await.unwrap()
    }

    pub(crate) async fn events_of<T: Stored>(&self, thing: &T) -> Vec<pim_domain::event::Event> {
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        let events = events::of_thing(&mut read, self.tenant, thing.id()).await.unwrap();
        events.into_iter().map(|stored| stored.event).collect()
    }

    /// What is asked for at noon, and waits or holds from then on.
    pub(crate) async fn asked(&self, facts: &ActivationFacts, at: &str) -> Activation {
        let wish = Ask { scope: scope(at), ..fixture::wish(facts) };
        self.kept(ask(facts, wish, &stamp(noon())).unwrap()).await
    }

    /// An active role that is to be held for longer, when those whom `asking` names have agreed.
    pub(crate) async fn extending(
        &self,
        facts: &ActivationFacts,
        asking: &ActivationFacts,
        at: &str,
        length: Length,
    ) -> Activation {
        let active = self.asked(facts, at).await;
        let wish = longer(&active, length);
        self.kept(active.extend(asking, wish, &stamp(noon())).unwrap()).await
    }

    /// A new user.
    pub(crate) async fn user(&self, name: &str) -> Principal {
        self.kept(new_user(name)).await
    }

    /// A new grant of the role, made ten days ago at the root.
    pub(crate) async fn grant(
        &self,
        kind: GrantKind,
        principal: &Principal,
        end: Option<DateTime<Utc>>,
    ) -> Grant {
        self.kept(new_grant(kind, principal, &self.role, end)).await
    }

    /// Facts for a new user who is eligible for the role at the root for a year around noon.
    pub(crate) async fn facts(&self) -> ActivationFacts {
        let principal = self.user("alice").await;
        self.grant(GrantKind::Eligibility, &principal, Some(noon() + TimeDelta::days(355))).await;
        self.facts_of(&principal).await
    }

    /// Facts for a user as they are stored, where nobody has set a policy.
    pub(crate) async fn facts_of(&self, principal: &Principal) -> ActivationFacts {
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        let (kind, root) = (GrantKind::Eligibility, Scope::root());
        let (who, target) = ([principal.id], (self.role.id, &root));
        let found = grants::reaching(&mut read, self.tenant, kind, &who, target).await;
        ActivationFacts {
            principal: principal.clone(),
            policy: Layers::untouched(self.role.id, self.role.catalog),
            role: self.role.clone(),
            eligibilities: found.unwrap(),
            memberships: Vec::new(),
            live: None,
            severed: None,
            people: Vec::new(),
            belonging: Vec::new(),
            decide: undecided,
            used: Use::Unknown,
        }
    }

    /// As soon as so many wait for a lock of another transaction.
    pub(crate) async fn until_waiting(&self, waiting: i64) {
        let mut connection = self.database.connect().await;
        eventually("a wait for a lock", async || {
            let count: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&mut connection)
            .await
            .unwrap();
            (count == waiting).then_some(())
        })
        .await;
    }

    /// How many events there are.
    pub(crate) async fn event_count(&self) -> i64 {
        let mut connection = self.database.connect().await;
        sqlx::query_scalar("select count(*) from event").fetch_one(&mut connection).await.unwrap()
    }
}

/// A user who has just been made.
pub(crate) fn new_user(name: &str) -> Change<Principal> {
    let new = NewPrincipal {
        kind: PrincipalKind::User,
        issuer: "https://issuer.example".to_owned(),
        subject: name.to_owned(),
        display_name: name.to_owned(),
        person: None,
    };
    principal::create(new, None, &stamp(made())).unwrap()
}

/// A grant of `role`, made ten days ago at the root.
pub(crate) fn new_grant(
    kind: GrantKind,
    principal: &Principal,
    role: &Role,
    end: Option<DateTime<Utc>>,
) -> Change<Grant> {
    let wish = Create {
        kind,
        principal: principal.id,
        role: role.id,
        scope: Scope::root(),
        start: None,
        end,
        justification: "their work".into(),
        ticket: None,
    };
    grant::create(&grant_facts(principal, role), wish, &stamp(noon() - TimeDelta::days(10)))
        .unwrap()
}

/// By which an administrator may grant `role` to `principal`.
pub(crate) fn grant_facts(principal: &Principal, role: &Role) -> grant::Facts {
    grant::Facts {
        role: role.clone(),
        policy: Layers::untouched(role.id, role.catalog),
        subject: Subject::Principal(principal.clone()),
        caller: fixture::user("administrator"),
        caller_mfa: true,
        existing: Vec::new(),
        groups: Surroundings::default(),
    }
}

/// The same facts where all of `approvers` must approve.
pub(crate) fn asking(facts: &ActivationFacts, approvers: &[Principal]) -> ActivationFacts {
    let approval = Some(ApprovalRule::all_of(approvers.iter().map(|one| one.id)));
    let mut facts = facts.clone();
    fixture::set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
    facts.people = approvers.to_vec();
    facts
}

/// Facts for the same request where `rules` are set for the tenant, and stored.
pub(crate) async fn stored_policy(
    ground: &Ground,
    facts: &ActivationFacts,
    approval: ApprovalRule,
    people: &[Principal],
) -> ActivationFacts {
    let (role, layers) = (ground.role.clone(), facts.policy.clone());
    let set = RuleSet { approval: Some(approval), ..RuleSet::default() };
    let wish = setting(&layers, &Scope::root(), set);
    let judged = policy::Facts {
        role,
        layers,
        people: people.to_vec(),
        belonging: Vec::new(),
        groups: Vec::new(),
    };
    let kept = ground.kept(policy::update(&judged, wish, &stamp(noon())).unwrap()).await;
    let mut facts = facts.clone();
    facts.policy.revision = kept.revision;
    facts.policy.policies = vec![kept];
    facts.people = people.to_vec();
    facts
}

/// A wish to hold an active role for longer.
pub(crate) fn longer(activation: &Activation, length: Length) -> Extend {
    let request = Request { start: None, length, ..activation.request.clone() };
    Extend { activation: activation.id, request }
}

/// The approval that an activation waits for.
pub(crate) fn opened(activation: &Activation, facts: &ActivationFacts) -> Change<Approval> {
    let rules = facts.rules(facts.eligibilities.first(), &activation.scope);
    approval::open(activation, rules, facts.role.catalog, &stamp(noon())).unwrap()
}

/// A wish to set these rules at a scope, as it stands in `layers`.
pub(crate) fn setting(layers: &Layers, scope: &Scope, set: RuleSet) -> Update {
    Update {
        role: layers.role,
        scope: scope.clone(),
        etag: layers.own(scope).version.etag(),
        set,
        reset: Vec::new(),
        enforce: Vec::new(),
        unenforce: Vec::new(),
    }
}

/// The name of the constraint that a statement broke.
pub(crate) fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|error| error.constraint())
}

/// What is written by a change and can be read again.
pub(crate) trait Stored: Thing + PartialEq + Debug {
    async fn record(tx: &mut Tx, tenant: TenantId, change: &Change<Self>)
    -> Result<(), StoreError>;

    /// The stored one of the same id.
    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError>;
}

impl Stored for Principal {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        principals::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        principals::get_for_update(tx, tenant, self.id).await
    }
}

impl Stored for Group {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        groups::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        groups::get_for_update(tx, tenant, self.id).await
    }
}

impl Stored for Grant {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        grants::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        grants::get_for_update(tx, tenant, self.kind, self.id).await
    }
}

impl Stored for Activation {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        activations::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        activations::get_for_update(tx, tenant, self.id).await
    }
}

impl Stored for Approval {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        approvals::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        approvals::get(tx, tenant, self.id).await
    }
}

impl Stored for ChangeRequest {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        change_requests::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        change_requests::get_for_update(tx, tenant, self.id).await
    }
}

impl Stored for Policy {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        policies::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        let role = roles::get(tx, tenant, self.role).await?.unwrap();
        let layers = policies::newest(tx, tenant, &role, &self.scope).await?;
        Ok(Some(layers.own(&self.scope)))
    }
}

impl Stored for Node {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        scopes::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        scopes::get(tx, tenant, &self.scope).await
    }
}

impl Stored for Import {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        roles::record(tx, tenant, change, std::iter::empty()).await.map(|_| ())
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        roles::import_for_update(tx, tenant, self.catalog).await
    }
}
