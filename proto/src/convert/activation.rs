//! `ActivationService`: the requests.

mod answer;

use pim_domain::{
    activation::{Ask, Extend, Length, Request},
    authority::SignIn,
    id::ActivationId,
};

use super::{batch::batch, list, write};
use crate::{
    activation::v1::{
        self, activate_role_request,
        batch_activate_roles_request::{self, item},
    },
    call::{ActivationFilter, Batch, EndActivation, Internal, List, MineFilter, Write},
    field::{self, FieldViolation, Required as _},
};

impl TryFrom<v1::ActivateRoleRequest> for Write<Ask> {
    type Error = FieldViolation;

    fn try_from(request: v1::ActivateRoleRequest) -> Result<Self, FieldViolation> {
        let start = field::timestamp(request.start_time, "start_time")?;
        let length = match request.length.required("duration")? {
            activate_role_request::Length::Duration(duration) => {
                field::positive_duration(Some(duration), "duration")?.map(Length::Duration)
            }
            activate_role_request::Length::EndTime(end) => {
                field::end_after(start, Some(end), "end_time")?.map(Length::Until)
            }
        };
        let command = Ask {
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
            eligibility: field::optional_id(&request.eligibility_id, "eligibility_id")?,
            request: Request {
                start,
                length: length.required("duration")?,
                justification: field::justification(request.justification)?,
                ticket: field::ticket(request.ticket)?,
                // How the caller signed in is not theirs to say: the verb sets it from the
                // verified token.
                sign_in: SignIn::default(),
            },
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::ExtendActivationRequest> for Write<Extend> {
    type Error = FieldViolation;

    fn try_from(request: v1::ExtendActivationRequest) -> Result<Self, FieldViolation> {
        let length = match request.length.required("duration")? {
            v1::extend_activation_request::Length::Duration(duration) => {
                field::positive_duration(Some(duration), "duration")?.map(Length::Duration)
            }
            v1::extend_activation_request::Length::EndTime(end) => {
                field::timestamp(Some(end), "end_time")?.map(Length::Until)
            }
        };
        let command = Extend {
            activation: field::id(&request.activation_id, "activation_id")?,
            request: Request {
                start: None,
                length: length.required("duration")?,
                justification: field::justification(request.justification)?,
                ticket: field::ticket(request.ticket)?,
                // As for an activation.
                sign_in: SignIn::default(),
            },
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::BatchActivateRolesRequest> for Batch<Ask> {
    type Error = FieldViolation;

    fn try_from(request: v1::BatchActivateRolesRequest) -> Result<Self, FieldViolation> {
        batch(request.items, &request.request_id, request.validate_only)
    }
}

/// As the request for this one alone is read.
impl TryFrom<batch_activate_roles_request::Item> for Ask {
    type Error = FieldViolation;

    fn try_from(item: batch_activate_roles_request::Item) -> Result<Self, FieldViolation> {
        let request = v1::ActivateRoleRequest {
            role_id: item.role_id,
            scope: item.scope,
            eligibility_id: item.eligibility_id,
            start_time: item.start_time,
            length: item.length.map(|length| match length {
                item::Length::Duration(it) => activate_role_request::Length::Duration(it),
                item::Length::EndTime(it) => activate_role_request::Length::EndTime(it),
            }),
            justification: item.justification,
            ticket: item.ticket,
            request_id: String::new(),
            validate_only: false,
        };
        Ok(Write::<Ask>::try_from(request)?.command)
    }
}

impl TryFrom<v1::GetActivationRequest> for ActivationId {
    type Error = FieldViolation;

    fn try_from(request: v1::GetActivationRequest) -> Result<Self, FieldViolation> {
        field::id(&request.activation_id, "activation_id")
    }
}

impl TryFrom<v1::ListActivationsRequest> for List<ActivationFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListActivationsRequest) -> Result<Self, FieldViolation> {
        let filter = ActivationFilter {
            principal: field::optional_id(&request.principal_id, "principal_id")?,
            role: field::optional_id(&request.role_id, "role_id")?,
            scope: field::optional_scope(&request.scope, "scope")?,
            include_ended: request.include_ended,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::SearchMyActivationsRequest> for List<MineFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::SearchMyActivationsRequest) -> Result<Self, FieldViolation> {
        let filter = MineFilter { include_ended: request.include_ended };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::DeactivateRoleRequest> for Write<EndActivation> {
    type Error = FieldViolation;

    fn try_from(request: v1::DeactivateRoleRequest) -> Result<Self, FieldViolation> {
        let command = EndActivation {
            activation: field::id(&request.activation_id, "activation_id")?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::CancelActivationRequest> for Write<EndActivation> {
    type Error = FieldViolation;

    fn try_from(request: v1::CancelActivationRequest) -> Result<Self, FieldViolation> {
        let command = EndActivation {
            activation: field::id(&request.activation_id, "activation_id")?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::RevokeActivationRequest> for Write<EndActivation> {
    type Error = FieldViolation;

    fn try_from(request: v1::RevokeActivationRequest) -> Result<Self, FieldViolation> {
        let command = EndActivation {
            activation: field::id(&request.activation_id, "activation_id")?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::ResolveActivationRequest> for Internal<ActivationId> {
    type Error = FieldViolation;

    fn try_from(request: v1::ResolveActivationRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        Ok(Self { tenant, id: field::id(&request.activation_id, "activation_id")? })
    }
}

impl TryFrom<v1::StartActivationRequest> for Internal<ActivationId> {
    type Error = FieldViolation;

    fn try_from(request: v1::StartActivationRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        Ok(Self { tenant, id: field::id(&request.activation_id, "activation_id")? })
    }
}

impl TryFrom<v1::ExpireActivationRequest> for Internal<ActivationId> {
    type Error = FieldViolation;

    fn try_from(request: v1::ExpireActivationRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        Ok(Self { tenant, id: field::id(&request.activation_id, "activation_id")? })
    }
}

impl TryFrom<v1::VoidActivationRequest> for Internal<ActivationId> {
    type Error = FieldViolation;

    fn try_from(request: v1::VoidActivationRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        Ok(Self { tenant, id: field::id(&request.activation_id, "activation_id")? })
    }
}
