//! What the tests stand on: an organisation in which Ada may activate a role, and ways to read
//! what is stored and to change it without anybody being told.

use pim_domain::{
    approval::{self, Decide, Decided, Verdict},
    event::{Actor, Stamp},
    grant::GrantKind,
    id::TenantId,
    role::Catalog,
};
use pim_proto::{
    activation::v1::{Activation, ActivationState, SearchMyActivationsRequest},
    approval::v1::Approval,
    assignment::v1::{
        ApprovalRule, CreateEligibilityRequest, DisablePrincipalRequest, Eligibility,
        EnablePrincipalRequest, Rules,
    },
};
use pim_store::{Purpose, approvals, grants, principals};
use pim_tests::{Organisation, Person, World};
use uuid::Uuid;

/// A directory role; an activation of it lasts at most eight hours.
pub(crate) const ROLE: &str = Organisation::USER_ADMINISTRATOR;
/// A scope below the root at which directory roles are held.
pub(crate) const UNIT: &str = "/administrativeUnits/5f0c2b7a-43d7-4c1f-9d3c-0a3f7f7a1c11";
/// A scope at which resource roles are held.
pub(crate) const SUBSCRIPTION: &str = "/subscriptions/9a4e0f5c-6c6b-4a63-8f3e-2a9d1f0b7e21";

pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) org: Organisation,
    /// A user who is eligible for `ROLE` everywhere.
    pub(crate) ada: Person,
    pub(crate) eligibility: Eligibility,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let world = World::start().await;
        let org = world.organisation().await;
        let ada = org.user(&world, "ada").await;
        let eligibility = org.make_eligible(&ada, ROLE, "/").await;
        Self { world, org, ada, eligibility }
    }

    /// With users who must all approve an activation of `ROLE`.
    pub(crate) async fn with_approvers<const N: usize>(names: [&str; N]) -> (Self, [Person; N]) {
        let ground = Self::new().await;
        let mut approvers = Vec::new();
        for name in names {
            approvers.push(ground.user(name).await);
        }
        ground.org.require_approval(ROLE, &approvers.iter().collect::<Vec<_>>()).await;
        (ground, approvers.try_into().unwrap())
    }

    pub(crate) async fn user(&self, name: &str) -> Person {
        self.org.user(&self.world, name).await
    }

    /// An hour of `ROLE` at the root.
    pub(crate) async fn activated(&self) -> Activation {
        self.ada.activate(Person::wish(ROLE, "/")).await.unwrap()
    }

    pub(crate) async fn make_eligible(&self, request: CreateEligibilityRequest) -> Eligibility {
        let answer = self.org.admin.client.assignments().create_eligibility(request).await;
        answer.unwrap().into_inner().eligibility.unwrap()
    }

    /// From now on nobody has to approve an activation of `ROLE`.
    pub(crate) async fn no_approval(&self) {
        let rules = Rules { approval: Some(ApprovalRule::default()), ..Rules::default() };
        self.org.set_policy(ROLE, rules).await.unwrap();
    }

    pub(crate) async fn disable(&self, person: &Person) {
        let principal_id = person.id.clone();
        let request = DisablePrincipalRequest { principal_id, ..Default::default() };
        self.org.admin.client.directory().disable_principal(request).await.unwrap();
    }

    pub(crate) async fn enable(&self, person: &Person) {
        let principal_id = person.id.clone();
        let request = EnablePrincipalRequest { principal_id, ..Default::default() };
        self.org.admin.client.directory().enable_principal(request).await.unwrap();
    }

    /// What waits for somebody's decision; there is exactly one.
    pub(crate) async fn waiting(&self, approver: &Person) -> Approval {
        let [approval] = <[Approval; 1]>::try_from(approver.inbox().await).unwrap();
        approval
    }

    /// A yes that is stored, and whose bell nobody hears.
    pub(crate) async fn approve_unheard(&self, approver: &Person, approval: &Approval) {
        let mut tx = self.world.db.begin(Purpose::Gain, self.tenant()).await.unwrap();
        let id = approval.id.parse::<Uuid>().unwrap().into();
        let facts = approvals::facts(&mut tx, self.tenant(), id).await.unwrap().unwrap();
        let is_approver =
            |one: &&pim_domain::principal::Principal| one.id.to_string() == approver.id;
        let caller = facts.people.iter().find(is_approver).unwrap();
        let wish = Decide {
            approval: id,
            etag: facts.approval.etag(),
            verdict: Verdict::Approve,
            justification: "known work".into(),
            duration: None,
        };
        let decided = approval::decide(&facts, caller, wish, &self.stamp()).unwrap();
        let Decided::Now(change) = decided else { panic!("this one has decided before") };
        approvals::record(&mut tx, self.tenant(), &change).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Disables somebody and enables them again, and nobody hears that bell.
    pub(crate) async fn interrupt_unheard(&self, person: &Person) {
        let mut tx = self.world.db.begin(Purpose::Lose, self.tenant()).await.unwrap();
        let id = person.id.parse::<Uuid>().unwrap().into();
        let found = principals::get_for_update(&mut tx, self.tenant(), id).await.unwrap();
        let disabled = found.unwrap().disable(&self.stamp()).unwrap();
        principals::record(&mut tx, self.tenant(), &disabled).await.unwrap();
        let enabled = disabled.into_after().enable(&self.stamp()).unwrap();
        principals::record(&mut tx, self.tenant(), &enabled).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Ends an eligibility, and nobody hears that bell.
    pub(crate) async fn remove_unheard(&self, eligibility: &Eligibility) {
        let mut tx = self.world.db.begin(Purpose::Lose, self.tenant()).await.unwrap();
        let id = eligibility.id.parse::<Uuid>().unwrap().into();
        let kind = GrantKind::Eligibility;
        let grant = grants::get_for_update(&mut tx, self.tenant(), kind, id).await.unwrap();
        let change =
            grant.unwrap().remove(Catalog::Entra, Default::default(), &self.stamp()).unwrap();
        grants::record(&mut tx, self.tenant(), &change).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.org.tenant.into()
    }

    fn stamp(&self) -> Stamp {
        Stamp { now: self.world.now(), actor: Actor::Service { name: "test".to_owned() } }
    }
}

/// All activations of somebody, ended ones too.
pub(crate) async fn activations_of(person: &Person) -> Vec<Activation> {
    let request = SearchMyActivationsRequest { include_ended: true, ..Default::default() };
    let answer = person.client.activations().search_my_activations(request).await;
    answer.unwrap().into_inner().activations
}

/// One activation as it is stored.
pub(crate) async fn stored(person: &Person, activation: &Activation) -> Activation {
    person.activation(&activation.id).await.unwrap()
}

#[track_caller]
pub(crate) fn assert_state(activation: &Activation, state: ActivationState) {
    assert_eq!(activation.state(), state, "{activation:?}");
}
