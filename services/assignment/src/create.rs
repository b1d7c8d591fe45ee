//! `CreateEligibility` and `CreateAssignment`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    event::ThingKind,
    grant::{self, Create, Grant, GrantKind},
};
use pim_proto::call::{Answer, Write};
use pim_store::{Purpose, grants, groups, roles, scopes};

use crate::{facts, group, principal::missing};

/// Makes a principal eligible, or assigns it a role.
pub(crate) async fn create(context: Context, wish: Write<Create>) -> Result<Answer<Grant>, Error> {
    let caller = context.caller()?;
    let tenant = context.tenant;
    let action = match wish.command.kind {
        GrantKind::Eligibility => Action::EligibilityCreate,
        GrantKind::Assignment => Action::AssignmentCreate,
    };
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let Create { kind, principal, role, ref scope, .. } = wish.command;
    let now = context.now();
    let Some(role) = roles::get(&mut work, tenant, role).await? else {
        let missing = Reason::NotFound { thing: ThingKind::Role, id: role.uuid() };
        return Err(caller.not_found(action, missing, now).into());
    };
    let at = scopes::lineage(&mut work, tenant, scope).await?;
    caller.authorise(action, Realm::from(role.catalog), &at, now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let Some(subject) = groups::subject(&mut work, tenant, principal).await? else {
        return Err(caller.not_found(action, missing(principal), now).into());
    };
    let facts = facts::of_target(&context, &mut work, kind, subject, role, scope).await?;
    if let (Some(group), None) = (scope.group(), &facts.groups.target) {
        return Err(caller.not_found(action, group::missing(group), now).into());
    }
    let stamp = context.gaining(facts.newest())?;
    let change = grant::create(&facts, wish.command, &stamp)?;
    grants::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}
