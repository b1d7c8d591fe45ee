//! Somebody who calls: with and without multi-factor authentication.

use chrono::{DateTime, TimeDelta, Utc};
use pim_chassis::auth::{DEVELOPMENT_PRINCIPALS, Grant};
use pim_client::Client;
use pim_domain::condition::Signals;
use pim_proto::{
    access::v1::{
        CheckAccessRequest, Decision, ListEffectiveRolesRequest, check_access_request::Question,
    },
    activation::v1::{
        ActivateRoleRequest, Activation, DeactivateRoleRequest, GetActivationRequest,
        activate_role_request::Length,
    },
    approval::v1::{Approval, ApproveRequest, DenyRequest, SearchMyApprovalsRequest},
};
use tonic::Status;
use uuid::Uuid;

use crate::World;

/// Somebody of an organisation.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id in the directory.
    pub id: String,
    /// What they are called, and the subject of their tokens.
    pub name: String,
    /// Their calls, signed in with multi-factor authentication.
    pub client: Client,
    /// Their calls, signed in with a password only.
    pub weak: Client,
    tenant: Uuid,
}

impl Person {
    pub(crate) fn new(world: &World, tenant: Uuid, name: &str, id: String) -> Self {
        let client = |amr: &[&str]| {
            world.client(Grant::Principal {
                tenant,
                subject: name.to_owned(),
                amr: amr.iter().map(|method| (*method).to_owned()).collect(),
                acr: None,
                acrs: Vec::new(),
                auth_time: None,
                signals: Signals::default(),
            })
        };
        let (strong, weak) = (client(&["pwd", "mfa"]), client(&["pwd"]));
        Self { id, name: name.to_owned(), client: strong, weak, tenant }
    }

    /// Their calls with another sign-in: when it was, and which contexts it satisfied.
    #[must_use]
    pub fn signed_in(
        &self,
        world: &World,
        auth_time: Option<DateTime<Utc>>,
        contexts: &[&str],
    ) -> Client {
        world.client(Grant::Principal {
            tenant: self.tenant,
            subject: self.name.clone(),
            amr: vec!["pwd".to_owned(), "mfa".to_owned()],
            acr: None,
            acrs: contexts.iter().map(|context| (*context).to_owned()).collect(),
            auth_time,
            signals: Signals::default(),
        })
    }

    /// Their calls, signed in with multi-factor authentication at an instant, where so much is known
    /// of the sign-in.
    #[must_use]
    pub fn signed_in_with(
        &self,
        world: &World,
        auth_time: Option<DateTime<Utc>>,
        known: Signals,
    ) -> Client {
        let mut grant = self.grant();
        if let Grant::Principal { auth_time: time, signals, .. } = &mut grant {
            (*time, *signals) = (auth_time, known);
        }
        world.client(grant)
    }

    /// What their tokens say, signed in with multi-factor authentication.
    #[must_use]
    pub fn grant(&self) -> Grant {
        Grant::Principal {
            tenant: self.tenant,
            subject: self.name.clone(),
            amr: vec!["pwd".to_owned(), "mfa".to_owned()],
            acr: None,
            acrs: Vec::new(),
            auth_time: None,
            signals: Signals::default(),
        }
    }

    /// The same person, calling another system on the same database.
    #[must_use]
    pub fn again(&self, world: &World) -> Self {
        Self::new(world, self.tenant, &self.name, self.id.clone())
    }

    /// The issuer of everybody's tokens.
    #[must_use]
    pub fn issuer() -> &'static str {
        DEVELOPMENT_PRINCIPALS
    }

    /// A request that breaks no default rule: an hour, with a justification.
    #[must_use]
    pub fn wish(role: &str, scope: &str) -> ActivateRoleRequest {
        ActivateRoleRequest {
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            length: Some(Length::Duration(duration(TimeDelta::hours(1)))),
            justification: "to mend the mail".to_owned(),
            ..ActivateRoleRequest::default()
        }
    }

    /// Asks for a role, with multi-factor authentication.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn activate(&self, wish: ActivateRoleRequest) -> Result<Activation, Status> {
        let answer = self.client.activations().activate_role(wish).await?;
        Ok(answer.into_inner().activation.unwrap())
    }

    /// Gives a role up.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn deactivate(&self, activation: &str) -> Result<Activation, Status> {
        let request = DeactivateRoleRequest {
            activation_id: activation.to_owned(),
            ..DeactivateRoleRequest::default()
        };
        let answer = self.client.activations().deactivate_role(request).await?;
        Ok(answer.into_inner().activation.unwrap())
    }

    /// One activation as this person sees it.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn activation(&self, id: &str) -> Result<Activation, Status> {
        let request = GetActivationRequest { activation_id: id.to_owned() };
        let answer = self.client.activations().get_activation(request).await?;
        Ok(answer.into_inner().activation.unwrap())
    }

    /// What waits for this person's decision.
    pub async fn inbox(&self) -> Vec<Approval> {
        self.try_inbox().await.unwrap()
    }

    /// What waits for this person's decision.
    ///
    /// # Errors
    /// What the service answers, as to somebody who is disabled.
    pub async fn try_inbox(&self) -> Result<Vec<Approval>, Status> {
        let request = SearchMyApprovalsRequest::default();
        let answer = self.client.approvals().search_my_approvals(request).await?;
        Ok(answer.into_inner().approvals)
    }

    /// Says yes.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn approve(&self, approval: &Approval) -> Result<Approval, Status> {
        let request = ApproveRequest {
            approval_id: approval.id.clone(),
            etag: approval.etag.clone(),
            justification: "known work".to_owned(),
            ..ApproveRequest::default()
        };
        let answer = self.client.approvals().approve(request).await?;
        Ok(answer.into_inner().approval.unwrap())
    }

    /// Says no.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn deny(&self, approval: &Approval) -> Result<Approval, Status> {
        let request = DenyRequest {
            approval_id: approval.id.clone(),
            etag: approval.etag.clone(),
            justification: "not now".to_owned(),
            ..DenyRequest::default()
        };
        let answer = self.client.approvals().deny(request).await?;
        Ok(answer.into_inner().approval.unwrap())
    }

    /// Whether this person holds a role at a scope now.
    pub async fn holds(&self, role: &str, scope: &str) -> bool {
        let request = CheckAccessRequest {
            principal_id: self.id.clone(),
            question: Some(Question::RoleId(role.to_owned())),
            scope: scope.to_owned(),
            ..CheckAccessRequest::default()
        };
        let answer = self.client.access().check_access(request).await.unwrap().into_inner();
        answer.decision() == Decision::Allowed
    }

    /// The ids of the roles that this person holds now.
    pub async fn effective_roles(&self) -> Vec<String> {
        let request = ListEffectiveRolesRequest {
            principal_id: self.id.clone(),
            ..ListEffectiveRolesRequest::default()
        };
        let answer = self.client.access().list_effective_roles(request).await.unwrap();
        answer.into_inner().holdings.into_iter().map(|holding| holding.role_id).collect()
    }
}

/// A duration on the wire.
#[must_use]
pub fn duration(delta: TimeDelta) -> prost_types::Duration {
    prost_types::Duration { seconds: delta.num_seconds(), nanos: delta.subsec_nanos() }
}

/// An instant on the wire.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default();
    prost_types::Timestamp { seconds: at.timestamp(), nanos }
}
