//! What the tests stand on: an organisation in which Ada may activate a role once Bea and Carl
//! have both approved, and ways to write without anybody being told.

use chrono::TimeDelta;
use pim_domain::{
    activation::{self, Ask, Length, Request},
    authority::SignIn,
    event::{Actor, Stamp},
    id::{ActivationId, TenantId},
    role::Catalog,
    scope::Scope,
};
use pim_proto::{
    activation::v1::Activation,
    approval::v1::{Approval, ApproveRequest, DenyRequest, GetApprovalRequest},
    assignment::v1::{ApprovalRule, DisablePrincipalRequest, EnablePrincipalRequest, Rules},
};
use pim_store::{Purpose, activations};
use pim_tests::{Organisation, Person, World};
use tonic::Status;
use uuid::Uuid;

/// A directory role.
pub(crate) const ROLE: &str = Organisation::USER_ADMINISTRATOR;
/// A scope below the root at which directory roles are held.
pub(crate) const UNIT: &str = "/administrativeUnits/5f0c2b7a-43d7-4c1f-9d3c-0a3f7f7a1c11";

pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) org: Organisation,
    /// Eligible for `ROLE` everywhere.
    pub(crate) ada: Person,
    /// An approver.
    pub(crate) bea: Person,
    /// The other approver.
    pub(crate) carl: Person,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let world = World::start().await;
        let org = world.organisation().await;
        let ada = org.user(&world, "ada").await;
        let bea = org.user(&world, "bea").await;
        let carl = org.user(&world, "carl").await;
        org.make_eligible(&ada, ROLE, "/").await;
        org.require_approval(ROLE, &[&bea, &carl]).await;
        Self { world, org, ada, bea, carl }
    }

    pub(crate) async fn user(&self, name: &str) -> Person {
        self.org.user(&self.world, name).await
    }

    /// Ada asks for an hour of `ROLE`: what she has asked, and what waits for its approvers.
    pub(crate) async fn asked(&self) -> (Activation, Approval) {
        self.asked_at("/").await
    }

    pub(crate) async fn asked_at(&self, scope: &str) -> (Activation, Approval) {
        let activation = self.ada.activate(Person::wish(ROLE, scope)).await.unwrap();
        let mut waiting = self.bea.inbox().await;
        waiting.retain(|approval| approval.activation_id == activation.id);
        let [approval] = <[Approval; 1]>::try_from(waiting).unwrap();
        (activation, approval)
    }

    /// A pending activation of Ada's of which no approval service has heard.
    pub(crate) async fn asked_unheard(&self) -> ActivationId {
        let mut tx = self.world.db.begin(Purpose::Gain, self.tenant()).await.unwrap();
        let role = ROLE.parse::<Uuid>().unwrap().into();
        let ada = self.ada.id.parse::<Uuid>().unwrap().into();
        let root = Scope::root();
        let facts = activations::facts(&mut tx, self.tenant(), ada, role, &root).await.unwrap();
        let request = Request {
            start: None,
            length: Length::Duration(TimeDelta::hours(1)),
            justification: "to mend the mail".into(),
            ticket: None,
            sign_in: SignIn { mfa: true, ..SignIn::default() },
        };
        let ask = Ask { role, scope: root, eligibility: None, request };
        let change = activation::ask(&facts.unwrap(), ask, &self.stamp()).unwrap();
        activations::record(&mut tx, self.tenant(), &change).await.unwrap();
        tx.commit().await.unwrap();
        change.after().id
    }

    /// Withdraws Ada's request, and no approval service hears of it.
    pub(crate) async fn canceled_unheard(&self, activation: &Activation) {
        let mut tx = self.world.db.begin(Purpose::Lose, self.tenant()).await.unwrap();
        let id = activation.id.parse::<Uuid>().unwrap().into();
        let found = activations::get_for_update(&mut tx, self.tenant(), id).await.unwrap();
        let change =
            found.unwrap().cancel(Catalog::Entra, Default::default(), &self.stamp()).unwrap();
        activations::record(&mut tx, self.tenant(), &change).await.unwrap();
        tx.commit().await.unwrap();
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

    /// The approval as it is stored.
    pub(crate) async fn stored(&self, approval: &Approval) -> Approval {
        get(&self.bea, &approval.id).await.unwrap()
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.org.tenant.into()
    }

    fn stamp(&self) -> Stamp {
        Stamp { now: self.world.now(), actor: Actor::Service { name: "test".to_owned() } }
    }
}

pub(crate) async fn get(person: &Person, id: &str) -> Result<Approval, Status> {
    let request = GetApprovalRequest { approval_id: id.to_owned() };
    let answer = person.client.approvals().get_approval(request).await?;
    Ok(answer.into_inner().approval.unwrap())
}

pub(crate) async fn approve(person: &Person, request: ApproveRequest) -> Result<Approval, Status> {
    let answer = person.client.approvals().approve(request).await?;
    Ok(answer.into_inner().approval.unwrap())
}

pub(crate) async fn deny(person: &Person, request: DenyRequest) -> Result<Approval, Status> {
    let answer = person.client.approvals().deny(request).await?;
    Ok(answer.into_inner().approval.unwrap())
}

/// A yes with its reason.
pub(crate) fn yes(approval: &Approval) -> ApproveRequest {
    ApproveRequest {
        approval_id: approval.id.clone(),
        etag: approval.etag.clone(),
        justification: "known work".to_owned(),
        ..ApproveRequest::default()
    }
}

/// A no with its reason.
pub(crate) fn no(approval: &Approval) -> DenyRequest {
    DenyRequest {
        approval_id: approval.id.clone(),
        etag: approval.etag.clone(),
        justification: "not now".to_owned(),
        ..DenyRequest::default()
    }
}
