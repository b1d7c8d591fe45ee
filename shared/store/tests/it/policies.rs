//! Policies are read back with each rule that can be set, at every scope and revision.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_domain::{
    change::Version,
    condition::Condition,
    fixture::{by_path, noon, stamp},
    id::{PrincipalId, RoleId},
    policy::{
        ApprovalRule, Facts, Layers, Mode, Policy, RuleName, RuleSet, Slot, Stage, TicketPattern,
        Update, update,
    },
    principal::Principal,
    role::Role,
    scope::Scope,
};
use pim_store::{Reach, StoreError, policies};

use crate::ground::{Ground, scope, setting};

/// A value for one rule that is not the catalog's.
fn only(name: RuleName, [one, other]: [PrincipalId; 2]) -> RuleSet {
    let none = RuleSet::default();
    match name {
        RuleName::ActivationMax => {
            RuleSet { activation_max: Some(TimeDelta::milliseconds(36_000_500)), ..none }
        }
        RuleName::ActivationMin => RuleSet { activation_min: Some(TimeDelta::seconds(1)), ..none },
        RuleName::RequireMfa => RuleSet { require_mfa: Some(false), ..none },
        RuleName::MfaMaxAge => RuleSet { mfa_max_age: Some(TimeDelta::zero()), ..none },
        RuleName::SingleUseAuthentication => {
            RuleSet { single_use_authentication: Some(true), ..none }
        }
        RuleName::AuthenticationContext => {
            // Excludes the rule before, which is the catalog's.
            let context = Some(r#"urn:"c1""#.to_owned());
            RuleSet { authentication_context: context, require_mfa: Some(false), ..none }
        }
        RuleName::RequireJustification => RuleSet { require_justification: Some(false), ..none },
        RuleName::RequireTicket => RuleSet { require_ticket: Some(true), ..none },
        RuleName::TicketPattern => {
            let pattern = TicketPattern::try_from(r#"CHG-\d+|"\\'"#.to_owned()).unwrap();
            RuleSet { ticket_pattern: Some(pattern), ..none }
        }
        RuleName::Approval => RuleSet { approval: Some(staged([one, other])), ..none },
        RuleName::PermanentEligibility => RuleSet { permanent_eligibility: Some(false), ..none },
        RuleName::EligibleMax => RuleSet { eligible_max: Some(TimeDelta::days(3_650)), ..none },
        RuleName::PermanentAssignment => RuleSet { permanent_assignment: Some(false), ..none },
        RuleName::AssignedMax => RuleSet { assigned_max: Some(TimeDelta::days(1)), ..none },
        RuleName::AssignmentRequireJustification => {
            RuleSet { assignment_require_justification: Some(false), ..none }
        }
        RuleName::AssignmentRequireMfa => RuleSet { assignment_require_mfa: Some(true), ..none },
        RuleName::AssignmentRequireTicket => {
            RuleSet { assignment_require_ticket: Some(true), ..none }
        }
        RuleName::MinActiveHolders => RuleSet { min_active_holders: Some(100), ..none },
        RuleName::Conditions => {
            let text = "permit (principal, action, resource)\n\twhen { context.acr == \"c1\" };";
            RuleSet { conditions: Some(vec![Condition::new(text.to_owned())]), ..none }
        }
    }
}

/// One stage of each mode but the last, which takes all, and somebody to fall back to.
fn staged([one, other]: [PrincipalId; 2]) -> ApprovalRule {
    let slots = [one, other].map(Slot::User);
    let stage = |slots: &[Slot], mode| Stage { slots: slots.to_vec(), mode };
    ApprovalRule {
        stages: vec![stage(&slots, Mode::AnyOf), stage(&slots[1..], Mode::Quorum(1))],
        timeout: TimeDelta::minutes(90),
        justify_approve: false,
        justify_deny: false,
        fallback_approvers: vec![other, one],
    }
}

/// A role with its policies as they come to be, and who may approve.
struct Told {
    ground: Ground,
    people: [Principal; 2],
    layers: Layers,
}

impl Told {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let people = [ground.user("carol").await, ground.user("dave").await];
        let layers = Layers::untouched(ground.role.id, ground.role.catalog);
        Self { ground, people, layers }
    }

    fn approvers(&self) -> [PrincipalId; 2] {
        self.people.each_ref().map(|one| one.id)
    }

    /// Makes the change and reads it back.
    async fn change(&mut self, wish: Update) -> Policy {
        let (role, people) = (self.ground.role.clone(), self.people.to_vec());
        let (layers, belonging, groups) = (self.layers.clone(), Vec::new(), Vec::new());
        let facts = Facts { role, layers, people, belonging, groups };
        let policy = self.ground.kept(update(&facts, wish, &stamp(noon())).unwrap()).await;
        assert_eq!(policy.revision, self.layers.revision + 1);
        self.layers.revision = policy.revision;
        self.layers.policies.retain(|one| one.scope != policy.scope);
        self.layers.policies.push(policy.clone());
        policy
    }

    /// What had been set then at a scope and above it, by scope.
    async fn at(&self, at: &Scope, revision: i64) -> Layers {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        let (tenant, role) = (self.ground.tenant, &self.ground.role);
        let found = policies::at(&mut read, tenant, role, at, revision).await.unwrap();
        assert_eq!((found.role, found.catalog), (role.id, role.catalog));
        by_scope(found)
    }

    async fn newest(&self, role: &Role, at: &Scope) -> Layers {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        by_scope(policies::newest(&mut read, self.ground.tenant, role, at).await.unwrap())
    }

    async fn list(&self, role: Option<RoleId>, at: Option<&Scope>, size: i64) -> Vec<Policy> {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let tenant = self.ground.tenant;
            let page = policies::list(&mut read, tenant, role, at, after.as_ref(), size).await;
            let page = page.unwrap();
            assert!(page.len() <= usize::try_from(size).unwrap());
            let Some(last) = page.last() else { return pages };
            after = Some((last.role, last.scope.clone()));
            pages.extend(page);
        }
    }
}

fn by_scope(mut layers: Layers) -> Layers {
    layers.policies.sort_by_key(|policy| policy.scope.to_string());
    layers
}

fn most(hours: i64) -> RuleSet {
    RuleSet { activation_max: Some(TimeDelta::hours(hours)), ..RuleSet::default() }
}

#[tokio::test]
async fn every_rule_is_read_back_alone_and_with_the_others() {
    let mut told = Told::new().await;
    let (root, approvers) = (Scope::root(), told.approvers());
    let untouched = Policy::untouched(told.ground.role.id, root.clone());
    assert_eq!(told.ground.stored(&untouched).await.as_ref(), Some(&untouched));
    let mut revisions = vec![untouched];
    let with_all = RuleName::ALL.map(|name| (only(name, approvers), Vec::new()));
    let alone = RuleName::ALL.map(|name| {
        let set = only(name, approvers);
        let others = RuleName::ALL.into_iter().filter(|other| !set.sets(*other)).collect();
        (set, others)
    });
    let empty = TicketPattern::try_from(String::new()).unwrap();
    let context = Some(String::new());
    let unset = RuleSet {
        ticket_pattern: Some(empty),
        authentication_context: context,
        approval: Some(ApprovalRule::off()),
        ..RuleSet::default()
    };
    let all_reset = (RuleSet::default(), RuleName::ALL.to_vec());
    let last = [(unset, RuleName::ALL.to_vec()), all_reset];
    for (set, reset) in with_all.into_iter().chain(alone).chain(last) {
        let wish = Update { reset, ..setting(&told.layers, &root, set) };
        revisions.push(told.change(wish).await);
    }
    let names = |index: usize| revisions[index].set.names().collect::<Vec<_>>();
    assert_eq!(names(RuleName::ALL.len()), RuleName::ALL);
    assert_eq!(names(RuleName::ALL.len() + 1), [RuleName::ALL[0]]);

    // What a request was judged by can be read for as long as there is a database.
    for policy in &revisions {
        let found = told.at(&root, policy.revision).await;
        assert_eq!((found.revision, &found.own(&root)), (policy.revision, policy));
    }
    let other = told.newest(&told.ground.other_role, &root).await;
    assert_eq!(other, Layers::untouched(told.ground.other_role.id, told.ground.role.catalog));
}

#[tokio::test]
async fn what_is_enforced_is_read_back() {
    let mut told = Told::new().await;
    let root = Scope::root();
    let mut everything = RuleSet::default();
    for name in RuleName::ALL {
        let wish = setting(&told.layers, &root, only(name, told.approvers()));
        everything = told.change(wish).await.set;
    }
    let merged = || RuleName::ALL.into_iter().filter(|name| *name != RuleName::MinActiveHolders);
    for name in merged() {
        let wish = setting(&told.layers, &root, RuleSet::default());
        let policy = told.change(Update { enforce: vec![name], ..wish }).await;
        assert!(policy.enforced.contains(&name));
    }
    let newest = told.newest(&told.ground.role, &root).await.own(&root);
    assert_eq!(newest.enforced, BTreeSet::from_iter(merged()));
    assert_eq!(newest.set, everything);
    let wish = setting(&told.layers, &root, RuleSet::default());
    let (unenforce, reset) = (vec![RuleName::Approval], vec![RuleName::TicketPattern]);
    let fewer = told.change(Update { unenforce, reset, ..wish }).await;
    assert_eq!(fewer.enforced.len(), newest.enforced.len() - 2);
}

#[tokio::test]
async fn policies_at_scopes_have_versions_of_their_own_and_revisions_in_common() {
    let mut told = Told::new().await;
    let (root, a) = (Scope::root(), scope("/administrativeUnits/a"));
    let (b, ab) = (scope("/administrativeUnits/a/b"), scope("/administrativeUnits/ab"));
    let mut revisions = vec![told.layers.clone()];
    for (at, hours) in [(&root, 1), (&b, 2), (&a, 3), (&root, 4), (&ab, 5), (&b, 6)] {
        let policy = told.change(setting(&told.layers, at, most(hours))).await;
        assert_eq!(policy.set, most(hours));
        revisions.push(told.layers.clone());
    }
    let version = |at: &Scope| told.layers.own(at).version;
    assert_eq!([&root, &a, &b, &ab].map(version), [2, 1, 2, 1].map(Version));

    // At each revision and scope: what had been set there and above, and nothing from beside.
    for known in &revisions {
        for at in [&root, &a, &b, &ab, &scope("/applications/c")] {
            let lineage = by_path(at);
            let reaching = known.policies.iter().filter(|one| lineage.is_below(&one.scope));
            let policies = reaching.cloned().collect();
            let expected = by_scope(Layers { policies, ..known.clone() });
            assert_eq!(told.at(at, known.revision).await, expected, "{at} {}", known.revision);
        }
    }
    // A number that is not there yet is as good as the newest.
    assert_eq!(told.at(&b, 99).await, told.newest(&told.ground.role, &b).await);
    assert_eq!(told.newest(&told.ground.role, &b).await.policies.len(), 3);
    // The number is that of the newest change, also where that does not reach.
    let beside = told.at(&scope("/administrativeUnits/c"), 6).await;
    assert_eq!(beside.revision, 6);
    told.layers.policies.clear();
    let change = setting(&told.layers, &scope("/applications/d"), most(7));
    assert_eq!(told.change(change).await.revision, 7);
}

#[tokio::test]
async fn policies_are_listed_by_role_and_scope_in_pages() {
    let mut told = Told::new().await;
    let at = ["/administrativeUnits/ab", "/administrativeUnits/a", "/", "/administrativeUnits/a/b"];
    for hours in [1, 2] {
        for at in at.map(scope) {
            told.change(setting(&told.layers, &at, most(hours))).await;
        }
    }
    // Another role has policies of its own.
    let other = told.ground.other_role.clone();
    let layers = Layers::untouched(other.id, other.catalog);
    let wish = setting(&layers, &Scope::root(), most(3));
    let facts = Facts {
        role: other.clone(),
        layers,
        people: Vec::new(),
        belonging: Vec::new(),
        groups: Vec::new(),
    };
    let one = told.ground.kept(update(&facts, wish, &stamp(noon())).unwrap()).await;
    assert_eq!(one.revision, 1);

    let mut all: Vec<Policy> = told.layers.policies.iter().cloned().chain([one.clone()]).collect();
    all.sort_by_key(|policy| (policy.role, policy.scope.to_string()));
    for size in [1, 2, 3, 10] {
        assert_eq!(told.list(None, None, size).await, all, "{size}");
    }
    assert_eq!(told.list(Some(other.id), None, 2).await, [one]);
    let scopes = async |role, at: &str| {
        let found = told.list(role, Some(&scope(at)), 2).await;
        found.into_iter().map(|policy| String::from(policy.scope)).collect::<Vec<_>>()
    };
    let role = Some(told.ground.role.id);
    let below = ["/administrativeUnits/a", "/administrativeUnits/a/b"];
    assert_eq!(scopes(role, "/administrativeUnits/a").await, below);
    assert_eq!(scopes(None, "/administrativeUnits/ab").await, ["/administrativeUnits/ab"]);
    assert_eq!(scopes(role, "/").await.len(), 4);
    assert_eq!(scopes(Some(other.id), "/administrativeUnits/a").await, [""; 0]);
}

/// Each of two writers has read the same newest revision: at different scopes too one of them must
/// not win.
#[tokio::test]
async fn of_two_changes_of_a_roles_policies_one_wins() {
    let told = Told::new().await;
    let change = |at: &str| {
        let (role, layers) = (told.ground.role.clone(), told.layers.clone());
        let wish = setting(&layers, &scope(at), most(2));
        update(
            &Facts { role, layers, people: Vec::new(), belonging: Vec::new(), groups: Vec::new() },
            wish,
            &stamp(noon()),
        )
        .unwrap()
    };
    told.ground.kept(change("/")).await;
    let late = told.ground.write(&change("/applications/a")).await;
    assert!(matches!(&late, Err(StoreError::Conflict(what)) if what == "policy_pkey"), "{late:?}");
}

/// Whoever changes a policy of a role waits for whoever does so already, and reads what came of it.
#[tokio::test]
async fn changes_of_one_roles_policies_follow_each_other() {
    let told = Told::new().await;
    let (tenant, role) = (told.ground.tenant, told.ground.role.clone());
    let (mut one, mut other) = (told.ground.begin().await, told.ground.begin().await);
    policies::lock_role(&mut one, tenant, role.id).await.unwrap();
    // Another role is not waited for.
    let mut third = told.ground.begin().await;
    policies::lock_role(&mut third, tenant, told.ground.other_role.id).await.unwrap();
    let wish = setting(&told.layers, &scope("/applications/a"), most(2));
    let facts = Facts {
        role: role.clone(),
        layers: told.layers.clone(),
        people: Vec::new(),
        belonging: Vec::new(),
        groups: Vec::new(),
    };
    let change = update(&facts, wish, &stamp(noon())).unwrap();
    let first = async {
        told.ground.until_waiting(1).await;
        policies::record(&mut one, tenant, &change).await.unwrap();
        one.commit().await.unwrap();
    };
    let second = async {
        policies::lock_role(&mut other, tenant, role.id).await.unwrap();
        policies::newest(&mut other, tenant, &role, &Scope::root()).await.unwrap()
    };
    let (second, ()) = tokio::join!(second, first);
    assert_eq!((second.revision, second.policies.len()), (1, 0));
}
