//! `TenantService`.

use pim_domain::{
    tenant::{Freeze, Plan, StopGaining, Tenant, Unfreeze, Update},
    text::NAME_CHARS_MAX,
};

use super::{known, texts, wire_time, write};
use crate::{
    assignment::v1,
    call::{Administrator, Answer, CreateTenant, GetTenant, SetTenantPlan, TenantView, Write},
    convert::directory::{issuer, subject},
    field::{self, FieldViolation, Nested as _, Required as _},
};

impl TryFrom<v1::CreateTenantRequest> for Write<CreateTenant> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreateTenantRequest) -> Result<Self, FieldViolation> {
        let display_name = field::name(request.display_name, "display_name", NAME_CHARS_MAX)?;
        let administrators = administrators(request.administrators)?;
        let plan = plan(request.plan)?.unwrap_or_default();
        let command = CreateTenant { display_name, administrators, plan };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::GetTenantRequest> for GetTenant {
    type Error = FieldViolation;

    fn try_from(_: v1::GetTenantRequest) -> Result<Self, FieldViolation> {
        Ok(Self)
    }
}

impl TryFrom<v1::UpdateTenantRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdateTenantRequest) -> Result<Self, FieldViolation> {
        let command = Update {
            etag: field::etag(request.etag)?,
            display_name: field::name(request.display_name, "display_name", NAME_CHARS_MAX)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::SetTenantPlanRequest> for Write<SetTenantPlan> {
    type Error = FieldViolation;

    fn try_from(request: v1::SetTenantPlanRequest) -> Result<Self, FieldViolation> {
        let command = SetTenantPlan {
            tenant: field::id(&request.tenant_id, "tenant_id")?,
            plan: plan(request.plan)?.required("plan")?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::FreezeTenantRequest> for Write<StopGaining> {
    type Error = FieldViolation;

    fn try_from(request: v1::FreezeTenantRequest) -> Result<Self, FieldViolation> {
        let justification = field::justification(request.justification)?;
        write(StopGaining { justification }, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::UnfreezeTenantRequest> for Write<Unfreeze> {
    type Error = FieldViolation;

    fn try_from(request: v1::UnfreezeTenantRequest) -> Result<Self, FieldViolation> {
        let command = Unfreeze {
            tenant: field::optional_id(&request.tenant_id, "tenant_id")?,
            etag: field::etag(request.etag)?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

fn plan(value: i32) -> Result<Option<Plan>, FieldViolation> {
    Ok(match known(value, "plan")? {
        v1::TenantPlan::Unspecified => None,
        v1::TenantPlan::P2 => Some(Plan::P2),
        v1::TenantPlan::Free => Some(Plan::Free),
    })
}

fn administrators(given: Vec<v1::Administrator>) -> Result<[Administrator; 2], FieldViolation> {
    let given: [v1::Administrator; 2] = given.try_into().map_err(|given: Vec<_>| {
        let description = format!("must have exactly 2 entries; it has {}", given.len());
        FieldViolation::new("administrators", description)
    })?;
    let [one, other] = given;
    let one = Administrator::try_from(one).field("administrators[0]")?;
    let other = Administrator::try_from(other).field("administrators[1]")?;
    if (&one.issuer, &one.subject) == (&other.issuer, &other.subject) {
        let description = "must be two who differ in issuer or subject; both are the same";
        return Err(FieldViolation::new("administrators", description));
    }
    Ok([one, other])
}

impl TryFrom<v1::Administrator> for Administrator {
    type Error = FieldViolation;

    fn try_from(administrator: v1::Administrator) -> Result<Self, FieldViolation> {
        Ok(Self {
            issuer: issuer(administrator.issuer)?,
            subject: subject(administrator.subject)?,
            display_name: field::name(administrator.display_name, "display_name", NAME_CHARS_MAX)?,
        })
    }
}

impl From<Answer<TenantView>> for v1::CreateTenantResponse {
    fn from(answer: Answer<TenantView>) -> Self {
        Self {
            tenant: Some(answer.value.tenant.into()),
            administrator_ids: texts(answer.value.administrators),
            revision: answer.revision,
        }
    }
}

impl From<Answer<Tenant>> for v1::GetTenantResponse {
    fn from(answer: Answer<Tenant>) -> Self {
        Self { tenant: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Tenant>> for v1::UpdateTenantResponse {
    fn from(answer: Answer<Tenant>) -> Self {
        Self { tenant: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Tenant>> for v1::SetTenantPlanResponse {
    fn from(answer: Answer<Tenant>) -> Self {
        Self { tenant: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Tenant>> for v1::FreezeTenantResponse {
    fn from(answer: Answer<Tenant>) -> Self {
        Self { tenant: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Tenant>> for v1::UnfreezeTenantResponse {
    fn from(answer: Answer<Tenant>) -> Self {
        Self { tenant: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Tenant> for v1::Tenant {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            display_name: tenant.display_name,
            create_time: Some(wire_time(tenant.create_time)),
            update_time: Some(wire_time(tenant.update_time)),
            etag: tenant.version.etag(),
            plan: match tenant.plan {
                Plan::P2 => v1::TenantPlan::P2.into(),
                Plan::Free => v1::TenantPlan::Free.into(),
            },
            freeze: tenant.freeze.map(v1::TenantFreeze::from),
        }
    }
}

impl From<Freeze> for v1::TenantFreeze {
    fn from(freeze: Freeze) -> Self {
        let consent = freeze.consent.as_ref();
        Self {
            freeze_time: Some(wire_time(freeze.time)),
            frozen_by_id: freeze.by.to_string(),
            consent_by_id: consent.map(|consent| consent.by.to_string()).unwrap_or_default(),
            consent_time: consent.map(|consent| wire_time(consent.time)),
            consent_lapse_time: consent.map(|consent| wire_time(consent.lapse_time())),
        }
    }
}
