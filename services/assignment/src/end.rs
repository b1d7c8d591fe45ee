//! `EndEligibility` and `EndAssignment`: bookkeeping of what has ended by time, or with its role or
//! its group.

use pim_chassis::{Context, Error};
use pim_domain::{denial::Reason, grant::Grant, id::GroupId};
use pim_proto::call::{Answer, GrantRef};
use pim_store::{Purpose, grants, groups, roles};

use crate::grant::missing_role;

/// Records that a grant's time is up, or that it ended with its role or its group.
pub(crate) async fn end(context: Context, wish: GrantRef) -> Result<Answer<Grant>, Error> {
    let GrantRef { kind, grant: id } = wish;
    let mut work = context.begin_internal(Purpose::Lose).await?;
    let grant = grants::get_for_update(&mut work, context.tenant, kind, id)
        .await?
        .ok_or(Reason::NotFound { thing: kind.thing(), id: id.uuid() })?;
    let role = roles::get(&mut work, context.tenant, grant.role).await?;
    let role = role.ok_or_else(missing_role)?;
    let around = [Some(grant.principal.uuid().into()), grant.scope.group()];
    let around: Vec<GroupId> = around.into_iter().flatten().collect();
    let groups = groups::get_all(&mut work, context.tenant, &around).await?;
    let newest = groups.iter().map(|group| group.update_time).chain([role.update_time]);
    let stamp = context.losing(newest.fold(grant.update_time, Ord::max));
    let change = grant.settle(&role, &groups, &stamp)?;
    grants::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}
