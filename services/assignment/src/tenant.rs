//! `CreateTenant`.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    authority::GLOBAL_ADMINISTRATOR,
    catalog,
    denial::Reason,
    event::{Stamp, ThingKind},
    grant,
    id::{RoleId, TenantId},
    principal,
    role::{self, Catalog},
    tenant,
};
use pim_proto::call::{Administrator, Answer, CreateTenant, TenantView, Write};
use pim_store::{Purpose, grants, principals, roles, tenants};

use crate::role::unreadable;

/// Makes an organisation with its directory roles and its first two administrators, all or nothing.
pub(crate) async fn create(
    context: Context,
    wish: Write<CreateTenant>,
) -> Result<Answer<TenantView>, Error> {
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let now = context.process.clock.gaining_now(None)?;
    let stamp = context.gaining(now)?;
    let CreateTenant { display_name, administrators } = wish.command;
    let change = tenant::create(display_name, &stamp);
    let id = change.after().id;
    tenants::record(&mut work, &change).await?;
    for catalog in [Catalog::Entra, Catalog::Pim] {
        let file = catalog::file(catalog).map_err(unreadable)?;
        if let Some(import) = role::import(id, None, file, &stamp) {
            let all = role::of_catalog(file, import.after());
            roles::record(&mut work, id, &import, all).await?;
        }
    }
    let mut made = Vec::new();
    for administrator in administrators {
        made.push(appoint(&mut work, id, administrator, &stamp).await?);
    }
    let view = TenantView { tenant: change.into_after(), administrators: made };
    context.commit(work, view, stamp.now).await
}

/// An emergency account with a permanent assignment of Global Administrator at the root.
async fn appoint(
    work: &mut Work,
    tenant: TenantId,
    administrator: Administrator,
    stamp: &Stamp,
) -> Result<pim_domain::id::PrincipalId, Error> {
    let Administrator { issuer, subject, display_name } = administrator;
    let change = principal::create_break_glass(issuer, subject, display_name, stamp);
    principals::record(work, tenant, &change).await?;
    let id = RoleId::from(GLOBAL_ADMINISTRATOR);
    let role = roles::get(work, tenant, id)
        .await?
        .ok_or(Reason::NotFound { thing: ThingKind::Role, id: id.uuid() })?;
    let assignment = grant::create_first_administrator(change.after(), &role, stamp);
    grants::record(work, tenant, &assignment).await?;
    Ok(change.after().id)
}
