//! The requests of the model as the contract spells them.

use chrono::{DateTime, TimeDelta, Utc};
use pim_client::Client;
use pim_proto::{
    activation::v1::{self as activation, activate_role_request, extend_activation_request},
    approval::v1 as approval,
    assignment::v1::{self as assignment, ApprovalMode, GetPolicyRequest},
    r#type::v1::Ticket,
};
use pim_tests::{duration, new_id, stage_of, timestamp};
use tonic::Status;
use uuid::Uuid;

use super::{
    request::{Bell, Request, Sent, What},
    rules::{ApprovalRule, Mode, Value},
    system::{Raw, System},
    things::{Kind, Length},
    universe::{Role, Scope, Time},
};

pub(super) fn delta(time: Time) -> TimeDelta {
    TimeDelta::microseconds(time)
}

fn ticket(given: bool) -> Option<Ticket> {
    given.then(|| Ticket { number: "INC-17".to_owned(), system: "desk".to_owned() })
}

/// Well formed, and of nothing.
const STALE: &str = "astale";

impl System {
    fn at(&self, time: Time) -> Option<prost_types::Timestamp> {
        let at: DateTime<Utc> = self.began + delta(time);
        Some(timestamp(at))
    }

    fn id_of(known: &[String], place: Option<usize>) -> String {
        place.map_or_else(new_id, |place| known[place].clone())
    }

    fn approval_rule(&self, rule: &ApprovalRule) -> assignment::ApprovalRule {
        let stages = rule.stages.iter().map(|stage| {
            let ids: Vec<&str> = stage.slots.iter().map(|who| &*self.people[*who].id).collect();
            let (mode, quorum) = match stage.mode {
                Mode::All => (ApprovalMode::AllOf, 0),
                Mode::Any => (ApprovalMode::AnyOf, 0),
                Mode::Quorum(quorum) => (ApprovalMode::Quorum, i32::try_from(quorum).unwrap()),
            };
            stage_of(mode, quorum, &ids)
        });
        let fallback = rule.fallback.iter().map(|who| self.people[*who].id.clone());
        assignment::ApprovalRule {
            stages: stages.collect(),
            timeout: Some(duration(delta(rule.timeout))),
            justify_approve: Some(rule.justify),
            justify_deny: Some(rule.justify),
            fallback_approver_ids: fallback.collect(),
        }
    }

    fn rules(&self, name: &str, value: &Value) -> assignment::Rules {
        let mut rules = assignment::Rules::default();
        match value {
            Value::Approval(given) => {
                let none = assignment::ApprovalRule::default();
                rules.approval = Some(given.first().map_or(none, |rule| self.approval_rule(rule)));
            }
            Value::Time(time) => {
                let length = Some(duration(delta(*time)));
                match name {
                    "activation_max" => rules.activation_max = length,
                    "activation_min" => rules.activation_min = length,
                    "eligible_max" => rules.eligible_max = length,
                    "assigned_max" => rules.assigned_max = length,
                    _ => panic!("{name} is no length of time"),
                }
            }
            Value::Flag(flag) => {
                let flag = Some(*flag);
                match name {
                    "require_mfa" => rules.require_mfa = flag,
                    "require_justification" => rules.require_justification = flag,
                    "require_ticket" => rules.require_ticket = flag,
                    "permanent_eligibility" => rules.permanent_eligibility = flag,
                    "permanent_assignment" => rules.permanent_assignment = flag,
                    "assignment_require_justification" => {
                        rules.assignment_require_justification = flag;
                    }
                    "assignment_require_mfa" => rules.assignment_require_mfa = flag,
                    "assignment_require_ticket" => rules.assignment_require_ticket = flag,
                    _ => panic!("{name} is no yes or no"),
                }
            }
        }
        rules
    }

    /// Sends it, and says what came back.
    pub(super) async fn send(&mut self, sent: &Sent) -> Result<Raw, Status> {
        let person = &self.people[sent.caller];
        let client = if sent.mfa { person.client.clone() } else { person.weak.clone() };
        match &sent.request {
            Request::Grant { .. } | Request::Remove { .. } => self.send_grant(&client, sent).await,
            Request::Set { role, scope, .. } | Request::Reset { role, scope, .. } => {
                self.send_policy(&client, sent, *role, *scope).await
            }
            Request::Activate { .. }
            | Request::Deactivate { .. }
            | Request::Cancel { .. }
            | Request::Extend { .. } => self.send_activation(&client, sent).await,
            Request::Approve { .. } | Request::Deny { .. } => {
                self.send_decision(&client, sent).await
            }
            Request::Disable { who } => {
                let request = assignment::DisablePrincipalRequest {
                    principal_id: self.people[*who].id.clone(),
                    request_id: request_id(sent),
                    validate_only: sent.dry,
                };
                let answer = client.directory().disable_principal(request).await?.into_inner();
                Ok(Raw::Principal(answer.principal.unwrap()))
            }
            Request::Enable { who } => {
                let request = assignment::EnablePrincipalRequest {
                    principal_id: self.people[*who].id.clone(),
                    request_id: request_id(sent),
                    validate_only: sent.dry,
                };
                let answer = client.directory().enable_principal(request).await?.into_inner();
                Ok(Raw::Principal(answer.principal.unwrap()))
            }
            Request::Ring { bell, thing } => self.ring(*bell, *thing).await,
            Request::Read { what, thing } => self.look(&client, *what, *thing).await,
        }
    }

    async fn send_grant(&self, client: &Client, sent: &Sent) -> Result<Raw, Status> {
        let mut service = client.assignments();
        match &sent.request {
            Request::Grant { kind, target, role, scope, start, end, because, ticket: given } => {
                let request = assignment::CreateEligibilityRequest {
                    principal_id: self.people[*target].id.clone(),
                    role_id: role.id().to_owned(),
                    scope: scope.text().to_owned(),
                    start_time: start.and_then(|start| self.at(start)),
                    end_time: end.and_then(|end| self.at(end)),
                    justification: (*because).to_owned(),
                    ticket: ticket(*given),
                    request_id: request_id(sent),
                    validate_only: sent.dry,
                };
                if *kind == Kind::Eligibility {
                    let answer = service.create_eligibility(request).await?.into_inner();
                    return Ok(Raw::Eligibility(answer.eligibility.unwrap()));
                }
                let request = assignment::CreateAssignmentRequest {
                    principal_id: request.principal_id,
                    role_id: request.role_id,
                    scope: request.scope,
                    start_time: request.start_time,
                    end_time: request.end_time,
                    justification: request.justification,
                    ticket: request.ticket,
                    request_id: request.request_id,
                    validate_only: request.validate_only,
                };
                let answer = service.create_assignment(request).await?.into_inner();
                Ok(Raw::Assignment(answer.assignment.unwrap()))
            }
            Request::Remove { kind, grant, because } => {
                let (id, justification) = (Self::id_of(&self.grants, *grant), *because);
                let justification = justification.to_owned();
                let (request_id, validate_only) = (request_id(sent), sent.dry);
                if *kind == Kind::Eligibility {
                    let request = assignment::RemoveEligibilityRequest {
                        eligibility_id: id,
                        justification,
                        request_id,
                        validate_only,
                    };
                    let answer = service.remove_eligibility(request).await?.into_inner();
                    return Ok(Raw::Eligibility(answer.eligibility.unwrap()));
                }
                let request = assignment::RemoveAssignmentRequest {
                    assignment_id: id,
                    justification,
                    request_id,
                    validate_only,
                };
                let answer = service.remove_assignment(request).await?.into_inner();
                Ok(Raw::Assignment(answer.assignment.unwrap()))
            }
            _ => panic!("not about a grant: {sent:?}"),
        }
    }

    /// The etag of the first delivery, read before it.
    async fn etag(&mut self, sent: &Sent, role: Role, scope: Scope) -> String {
        if let Some(etag) = self.etags.get(&(sent.caller, sent.id)) {
            return etag.clone();
        }
        let (role_id, scope) = (role.id().to_owned(), scope.text().to_owned());
        let mut policies = self.organisation.admin.client.policies();
        let answer = policies.get_policy(GetPolicyRequest { role_id, scope }).await.unwrap();
        let etag = answer.into_inner().policy.unwrap().etag;
        self.etags.insert((sent.caller, sent.id), etag.clone());
        etag
    }

    async fn send_policy(
        &mut self,
        client: &Client,
        sent: &Sent,
        role: Role,
        scope: Scope,
    ) -> Result<Raw, Status> {
        let etag = self.etag(sent, role, scope).await;
        let mut request = assignment::UpdatePolicyRequest {
            role_id: role.id().to_owned(),
            scope: scope.text().to_owned(),
            request_id: request_id(sent),
            validate_only: sent.dry,
            etag,
            ..Default::default()
        };
        match &sent.request {
            Request::Set { name, value, enforce, stale, .. } => {
                request.rules = Some(self.rules(name, value));
                match enforce {
                    Some(true) => request.enforce_rules.push((*name).to_owned()),
                    Some(false) => request.unenforce_rules.push((*name).to_owned()),
                    None => {}
                }
                if *stale {
                    STALE.clone_into(&mut request.etag);
                }
            }
            Request::Reset { name, stale, .. } => {
                request.reset_rules.push((*name).to_owned());
                if *stale {
                    STALE.clone_into(&mut request.etag);
                }
            }
            _ => panic!("not about a policy: {sent:?}"),
        }
        let answer = client.policies().update_policy(request).await?.into_inner();
        Ok(Raw::Policy(answer.policy.unwrap()))
    }

    async fn send_activation(&self, client: &Client, sent: &Sent) -> Result<Raw, Status> {
        let mut service = client.activations();
        let (request_id, validate_only) = (request_id(sent), sent.dry);
        let activation = match &sent.request {
            Request::Activate {
                role,
                scope,
                eligibility,
                start,
                length,
                because,
                ticket: given,
            } => {
                let request = activation::ActivateRoleRequest {
                    role_id: role.id().to_owned(),
                    scope: scope.text().to_owned(),
                    eligibility_id: eligibility
                        .map(|pick| Self::id_of(&self.grants, pick))
                        .unwrap_or_default(),
                    start_time: start.and_then(|start| self.at(start)),
                    length: Some(match length {
                        Length::For(time) => {
                            activate_role_request::Length::Duration(duration(delta(*time)))
                        }
                        Length::Until(time) => {
                            activate_role_request::Length::EndTime(self.at(*time).unwrap())
                        }
                    }),
                    justification: (*because).to_owned(),
                    ticket: ticket(*given),
                    request_id,
                    validate_only,
                };
                service.activate_role(request).await?.into_inner().activation
            }
            Request::Extend { activation, length, because, ticket: given } => {
                let request = activation::ExtendActivationRequest {
                    activation_id: Self::id_of(&self.activations, *activation),
                    length: Some(match length {
                        Length::For(time) => {
                            extend_activation_request::Length::Duration(duration(delta(*time)))
                        }
                        Length::Until(time) => {
                            extend_activation_request::Length::EndTime(self.at(*time).unwrap())
                        }
                    }),
                    justification: (*because).to_owned(),
                    ticket: ticket(*given),
                    request_id,
                    validate_only,
                };
                service.extend_activation(request).await?.into_inner().activation
            }
            Request::Deactivate { activation, because } => {
                let request = activation::DeactivateRoleRequest {
                    activation_id: Self::id_of(&self.activations, *activation),
                    justification: (*because).to_owned(),
                    request_id,
                    validate_only,
                };
                service.deactivate_role(request).await?.into_inner().activation
            }
            Request::Cancel { activation, because } => {
                let request = activation::CancelActivationRequest {
                    activation_id: Self::id_of(&self.activations, *activation),
                    justification: (*because).to_owned(),
                    request_id,
                    validate_only,
                };
                service.cancel_activation(request).await?.into_inner().activation
            }
            _ => panic!("not about an activation: {sent:?}"),
        };
        Ok(Raw::Activation(activation.unwrap()))
    }

    async fn send_decision(&mut self, client: &Client, sent: &Sent) -> Result<Raw, Status> {
        let (pick, because, stale) = match &sent.request {
            Request::Approve { approval, because, stale, .. }
            | Request::Deny { approval, because, stale } => (*approval, *because, *stale),
            _ => panic!("not a decision: {sent:?}"),
        };
        let now = pick.map_or(STALE, |place| &*self.approval_etags[place]).to_owned();
        let first = self.etags.entry((sent.caller, sent.id)).or_insert(now);
        let etag = if stale { STALE.to_owned() } else { first.clone() };
        let (approval_id, justification) = (Self::id_of(&self.approvals, pick), because.to_owned());
        let (request_id, validate_only) = (request_id(sent), sent.dry);
        let mut service = client.approvals();
        let approval = if let Request::Approve { shorten, .. } = &sent.request {
            let request = approval::ApproveRequest {
                approval_id,
                etag,
                justification,
                duration: shorten.map(|most| duration(delta(most))),
                request_id,
                validate_only,
            };
            service.approve(request).await?.into_inner().approval
        } else {
            let request = approval::DenyRequest {
                approval_id,
                etag,
                justification,
                request_id,
                validate_only,
            };
            service.deny(request).await?.into_inner().approval
        };
        Ok(Raw::Approval(approval.unwrap()))
    }

    async fn look(&self, client: &Client, what: What, thing: Option<usize>) -> Result<Raw, Status> {
        match what {
            What::Grant(Kind::Eligibility) => {
                let eligibility_id = Self::id_of(&self.grants, thing);
                let request = assignment::GetEligibilityRequest { eligibility_id };
                let answer = client.assignments().get_eligibility(request).await?.into_inner();
                Ok(Raw::Eligibility(answer.eligibility.unwrap()))
            }
            What::Grant(Kind::Assignment) => {
                let assignment_id = Self::id_of(&self.grants, thing);
                let request = assignment::GetAssignmentRequest { assignment_id };
                let answer = client.assignments().get_assignment(request).await?.into_inner();
                Ok(Raw::Assignment(answer.assignment.unwrap()))
            }
            What::Activation => {
                let activation_id = Self::id_of(&self.activations, thing);
                let request = activation::GetActivationRequest { activation_id };
                let answer = client.activations().get_activation(request).await?.into_inner();
                Ok(Raw::Activation(answer.activation.unwrap()))
            }
            What::Approval => {
                let approval_id = Self::id_of(&self.approvals, thing);
                let request = approval::GetApprovalRequest { approval_id };
                let answer = client.approvals().get_approval(request).await?.into_inner();
                Ok(Raw::Approval(answer.approval.unwrap()))
            }
        }
    }
}

/// The same for each delivery of one request.
fn request_id(sent: &Sent) -> String {
    Uuid::from_u128(u128::try_from(sent.id).unwrap() + 1).to_string()
}

impl System {
    pub(super) async fn ring(&self, bell: Bell, thing: Option<usize>) -> Result<Raw, Status> {
        let tenant_id = self.organisation.tenant.to_string();
        let (grants, mut activations, mut approvals) = (
            self.scheduler.assignments(),
            self.scheduler.activations(),
            self.scheduler.approvals(),
        );
        let mut grants = grants;
        let grant = || Self::id_of(&self.grants, thing);
        let activation_id = || Self::id_of(&self.activations, thing);
        let approval_id = || Self::id_of(&self.approvals, thing);
        Ok(match bell {
            Bell::EndEligibility => {
                let request =
                    assignment::EndEligibilityRequest { tenant_id, eligibility_id: grant() };
                let answer = grants.end_eligibility(request).await?.into_inner();
                Raw::Eligibility(answer.eligibility.unwrap())
            }
            Bell::EndAssignment => {
                let request =
                    assignment::EndAssignmentRequest { tenant_id, assignment_id: grant() };
                let answer = grants.end_assignment(request).await?.into_inner();
                Raw::Assignment(answer.assignment.unwrap())
            }
            Bell::ExpireActivation => {
                let activation_id = activation_id();
                let request = activation::ExpireActivationRequest { tenant_id, activation_id };
                let answer = activations.expire_activation(request).await?.into_inner();
                Raw::Activation(answer.activation.unwrap())
            }
            Bell::StartActivation => {
                let activation_id = activation_id();
                let request = activation::StartActivationRequest { tenant_id, activation_id };
                let answer = activations.start_activation(request).await?.into_inner();
                Raw::Activation(answer.activation.unwrap())
            }
            Bell::ResolveActivation => {
                let activation_id = activation_id();
                let request = activation::ResolveActivationRequest { tenant_id, activation_id };
                let answer = activations.resolve_activation(request).await?.into_inner();
                Raw::Activation(answer.activation.unwrap())
            }
            Bell::VoidActivation => {
                let activation_id = activation_id();
                let request = activation::VoidActivationRequest { tenant_id, activation_id };
                let answer = activations.void_activation(request).await?.into_inner();
                Raw::Activation(answer.activation.unwrap())
            }
            Bell::OpenApproval => {
                let activation_id = activation_id();
                let request = approval::OpenApprovalRequest { tenant_id, activation_id };
                let answer = approvals.open_approval(request).await?.into_inner();
                Raw::Approval(answer.approval.unwrap())
            }
            Bell::CancelApproval => {
                let request =
                    approval::CancelApprovalRequest { tenant_id, approval_id: approval_id() };
                let answer = approvals.cancel_approval(request).await?.into_inner();
                Raw::Approval(answer.approval.unwrap())
            }
            Bell::TimeOutApproval => {
                let request =
                    approval::TimeOutApprovalRequest { tenant_id, approval_id: approval_id() };
                let answer = approvals.time_out_approval(request).await?.into_inner();
                Raw::Approval(answer.approval.unwrap())
            }
        })
    }
}
