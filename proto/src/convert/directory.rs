//! `DirectoryService`.

use pim_domain::{
    id::PrincipalId,
    principal::{NewPrincipal, Principal, PrincipalKind},
    text::NAME_CHARS_MAX,
};

use super::{known, list, wire_time, write};
use crate::{
    assignment::v1,
    call::{Answer, GetPrincipal, List, Listed, PrincipalFilter, PrincipalView, Write},
    field::{self, FieldViolation, Required as _},
};

/// Characters in an issuer, at most.
const ISSUER_CHARS_MAX: usize = 512;
/// Characters in a subject, at most; OpenID Connect permits no more.
const SUBJECT_CHARS_MAX: usize = 255;

pub(super) fn issuer(text: String) -> Result<String, FieldViolation> {
    field::name(text, "issuer", ISSUER_CHARS_MAX)
}

pub(super) fn subject(text: String) -> Result<String, FieldViolation> {
    field::name(text, "subject", SUBJECT_CHARS_MAX)
}

impl TryFrom<v1::CreatePrincipalRequest> for Write<NewPrincipal> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreatePrincipalRequest) -> Result<Self, FieldViolation> {
        let command = NewPrincipal {
            kind: kind(request.kind)?.required("kind")?,
            issuer: issuer(request.issuer)?,
            subject: subject(request.subject)?,
            display_name: field::name(request.display_name, "display_name", NAME_CHARS_MAX)?,
            person: field::optional_id(&request.person_id, "person_id")?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

fn kind(number: i32) -> Result<Option<PrincipalKind>, FieldViolation> {
    Ok(match known(number, "kind")? {
        v1::PrincipalKind::Unspecified => None,
        v1::PrincipalKind::User => Some(PrincipalKind::User),
        v1::PrincipalKind::ServicePrincipal => Some(PrincipalKind::ServicePrincipal),
    })
}

impl TryFrom<v1::GetPrincipalRequest> for GetPrincipal {
    type Error = FieldViolation;

    fn try_from(request: v1::GetPrincipalRequest) -> Result<Self, FieldViolation> {
        Ok(Self { principal: field::optional_id(&request.principal_id, "principal_id")? })
    }
}

impl TryFrom<v1::ListPrincipalsRequest> for List<PrincipalFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListPrincipalsRequest) -> Result<Self, FieldViolation> {
        let text_contains = field::contains(request.text_contains, "text_contains")?;
        list(PrincipalFilter { text_contains }, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::DisablePrincipalRequest> for Write<PrincipalId> {
    type Error = FieldViolation;

    fn try_from(request: v1::DisablePrincipalRequest) -> Result<Self, FieldViolation> {
        let principal = field::id(&request.principal_id, "principal_id")?;
        write(principal, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::EnablePrincipalRequest> for Write<PrincipalId> {
    type Error = FieldViolation;

    fn try_from(request: v1::EnablePrincipalRequest) -> Result<Self, FieldViolation> {
        let principal = field::id(&request.principal_id, "principal_id")?;
        write(principal, &request.request_id, request.validate_only)
    }
}

impl From<Answer<Principal>> for v1::CreatePrincipalResponse {
    fn from(answer: Answer<Principal>) -> Self {
        Self { principal: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<PrincipalView>> for v1::GetPrincipalResponse {
    fn from(answer: Answer<PrincipalView>) -> Self {
        Self { principal: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Listed<PrincipalView>> for v1::ListPrincipalsResponse {
    fn from(listed: Listed<PrincipalView>) -> Self {
        Self {
            principals: listed.items.into_iter().map(v1::Principal::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<Principal>> for v1::DisablePrincipalResponse {
    fn from(answer: Answer<Principal>) -> Self {
        Self { principal: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Principal>> for v1::EnablePrincipalResponse {
    fn from(answer: Answer<Principal>) -> Self {
        Self { principal: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Principal> for v1::Principal {
    fn from(principal: Principal) -> Self {
        let kind = match principal.kind {
            PrincipalKind::User => v1::PrincipalKind::User,
            PrincipalKind::ServicePrincipal => v1::PrincipalKind::ServicePrincipal,
        };
        Self {
            id: principal.id.to_string(),
            kind: kind.into(),
            enabled: principal.is_enabled(),
            issuer: principal.issuer,
            subject: principal.subject,
            display_name: principal.display_name,
            person_id: principal.person.map(|person| person.to_string()).unwrap_or_default(),
            enabled_since_time: principal.enabled_since.map(wire_time),
            break_glass: principal.break_glass,
            create_time: Some(wire_time(principal.create_time)),
            update_time: Some(wire_time(principal.update_time)),
            etag: principal.version.etag(),
            last_sign_in_time: None,
        }
    }
}

impl From<PrincipalView> for v1::Principal {
    fn from(view: PrincipalView) -> Self {
        let last_sign_in_time = view.last_sign_in.map(wire_time);
        Self { last_sign_in_time, ..view.principal.into() }
    }
}
