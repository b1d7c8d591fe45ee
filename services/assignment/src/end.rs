//! `EndEligibility` and `EndAssignment`: bookkeeping of what has ended by time or with its role.

use pim_chassis::{Context, Error};
use pim_domain::{denial::Reason, grant::Grant};
use pim_proto::call::{Answer, GrantRef};
use pim_store::{Purpose, grants, roles};

use crate::grant::missing_role;

/// Records that a grant's time is up, or that its role was deleted.
pub(crate) async fn end(context: Context, wish: GrantRef) -> Result<Answer<Grant>, Error> {
    let GrantRef { kind, grant: id } = wish;
    let mut work = context.begin_internal(Purpose::Lose).await?;
    let grant = grants::get_for_update(&mut work, context.tenant, kind, id)
        .await?
        .ok_or(Reason::NotFound { thing: kind.thing(), id: id.uuid() })?;
    let role = roles::get(&mut work, context.tenant, grant.role).await?;
    let role = role.ok_or_else(missing_role)?;
    let stamp = context.losing(grant.update_time.max(role.update_time));
    let change = grant.settle(&role, &stamp)?;
    grants::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}
