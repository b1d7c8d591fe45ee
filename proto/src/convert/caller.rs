//! `GetCaller`, of `AccessService`.

use pim_domain::principal::{Principal, PrincipalKind};

use super::{wire_conferred, wire_duration, wire_time};
use crate::{
    access::v1,
    call::{CallerView, ConferralView, GetCaller, HeldBy, Named},
    field::FieldViolation,
};

impl TryFrom<v1::GetCallerRequest> for GetCaller {
    type Error = FieldViolation;

    fn try_from(request: v1::GetCallerRequest) -> Result<Self, FieldViolation> {
        let v1::GetCallerRequest {} = request;
        Ok(Self)
    }
}

impl From<CallerView> for v1::GetCallerResponse {
    fn from(view: CallerView) -> Self {
        Self {
            issuer: view.issuer,
            subject: view.subject,
            sign_in: Some(v1::SignIn {
                mfa: view.mfa,
                amr: view.amr,
                acr: view.acr.unwrap_or_default(),
                acrs: view.acrs,
                auth_time: view.auth_time.map(wire_time),
            }),
            token_expire_time: Some(wire_time(view.token_expire_time)),
            conferrals: view.conferrals.into_iter().map(v1::Conferral::from).collect(),
            methods: view.methods,
            revision: view.revision,
            as_of_time: Some(wire_time(view.as_of)),
            max_clock_error: Some(wire_duration(view.max_clock_error)),
            ..Self::named(view.named)
        }
    }
}

impl v1::GetCallerResponse {
    fn named(named: Named) -> Self {
        match named {
            Named::Principal(tenant, principal) => {
                let Principal { id, kind, display_name, person, .. } = *principal;
                let kind = match kind {
                    PrincipalKind::User => v1::CallerKind::User,
                    PrincipalKind::ServicePrincipal => v1::CallerKind::ServicePrincipal,
                };
                Self {
                    kind: kind.into(),
                    tenant_id: tenant.to_string(),
                    principal_id: id.to_string(),
                    person_id: person.map(|person| person.to_string()).unwrap_or_default(),
                    display_name,
                    ..Self::default()
                }
            }
            Named::Service(name) => {
                Self { kind: v1::CallerKind::Service.into(), display_name: name, ..Self::default() }
            }
            Named::Operator => Self { kind: v1::CallerKind::Operator.into(), ..Self::default() },
        }
    }
}

impl From<ConferralView> for v1::Conferral {
    fn from(view: ConferralView) -> Self {
        let ConferralView { principal, holding, conferred, valid_until } = view;
        let (realms, actions) = wire_conferred(Some(conferred));
        Self {
            holding: Some(HeldBy { principal, holding }.into()),
            realms,
            actions,
            valid_until: valid_until.map(wire_time),
        }
    }
}
