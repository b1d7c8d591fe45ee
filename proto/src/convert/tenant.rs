//! `TenantService`.

use pim_domain::{tenant::Tenant, text::NAME_CHARS_MAX};

use super::{texts, wire_time, write};
use crate::{
    assignment::v1,
    call::{Administrator, Answer, CreateTenant, TenantView, Write},
    convert::directory::{issuer, subject},
    field::{self, FieldViolation, Nested as _},
};

impl TryFrom<v1::CreateTenantRequest> for Write<CreateTenant> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreateTenantRequest) -> Result<Self, FieldViolation> {
        let display_name = field::name(request.display_name, "display_name", NAME_CHARS_MAX)?;
        let administrators = administrators(request.administrators)?;
        let command = CreateTenant { display_name, administrators };
        write(command, &request.request_id, request.validate_only)
    }
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

impl From<Tenant> for v1::Tenant {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            display_name: tenant.display_name,
            create_time: Some(wire_time(tenant.create_time)),
            update_time: Some(wire_time(tenant.update_time)),
            etag: tenant.version.etag(),
        }
    }
}
