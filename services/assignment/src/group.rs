//! `CreateGroup`, `GetGroup`, `ListGroups`, `UpdateGroup`, `DeleteGroup`.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    event::ThingKind,
    group::{self, Delete, Group, NewGroup, Update},
    id::GroupId,
    scope::Lineage,
};
use pim_proto::call::{Answer, GroupFilter, List, Listed, Write};
use pim_store::{Purpose, groups, holders};

use crate::holders::keep_enough;

/// A new group, without members.
pub(crate) async fn create(
    context: Context,
    wish: Write<NewGroup>,
) -> Result<Answer<Group>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let stamp = context.gaining(caller.principal.update_time)?;
    caller.authorise(Action::GroupCreate, Realm::Directory, &Lineage::root(), stamp.now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let change = group::create(wish.command, &stamp);
    groups::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// One group: for who may read groups at its scope, as its owners may.
pub(crate) async fn get(context: Context, id: GroupId) -> Result<Answer<Group>, Error> {
    let (caller, now) = (context.caller()?, context.now());
    caller.authorise(Action::GroupRead, Realm::Groups, &Lineage::of_group(id), now)?;
    let mut read = context.read().await?;
    let group = groups::get(&mut read, context.tenant, id).await?.ok_or_else(|| missing(id))?;
    Ok(context.answer(group, read.revision(), now))
}

/// Groups by id.
pub(crate) async fn list(
    context: Context,
    list: List<GroupFilter>,
) -> Result<Listed<Group>, Error> {
    let (caller, now) = (context.caller()?, context.now());
    caller.authorise(Action::GroupRead, Realm::Directory, &Lineage::root(), now)?;
    let List { filter, page } = list;
    let (after, limit) = context.page(&filter, &page)?;
    let mut read = context.browse().await?;
    let GroupFilter { text_contains, include_deleted } = &filter;
    let rows =
        groups::list(&mut read, context.tenant, text_contains, *include_deleted, after, limit)
            .await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, |last| last.id))
}

/// Gives a group another name.
pub(crate) async fn update(context: Context, wish: Write<Update>) -> Result<Answer<Group>, Error> {
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let group = load(&context, &mut work, wish.command.group, Action::GroupUpdate).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let stamp = context.gaining(group.update_time)?;
    let change = group.update(wish.command, &stamp)?;
    groups::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Ends a group, at once. What it had and what gave access to it counts for nothing from then on;
/// the scheduler has that recorded. Losing privilege: doubt about the time does not stop it.
pub(crate) async fn delete(context: Context, wish: Write<Delete>) -> Result<Answer<Group>, Error> {
    let tenant = context.tenant;
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    holders::guard(&mut work, tenant).await?;
    let group = load(&context, &mut work, wish.command.group, Action::GroupDelete).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let stamp = context.losing(group.update_time);
    let change = group.delete(&wish.command, &stamp)?;
    let event = change.event();
    for (role, scope) in holders::targets_of(&mut work, tenant, group.principal()).await? {
        keep_enough(&context, &mut work, (role, &scope), event, &stamp, |holder| {
            holder.groups.iter_mut().filter(|one| one.id == group.id).for_each(|one| {
                *one = change.after().clone();
            });
        })
        .await?;
    }
    groups::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

async fn load(
    context: &Context,
    work: &mut Work,
    id: GroupId,
    action: Action,
) -> Result<Group, Error> {
    let caller = context.caller()?;
    caller.authorise(action, Realm::Directory, &Lineage::root(), context.now())?;
    let found = groups::get_for_update(work, context.tenant, id).await?;
    Ok(found.ok_or_else(|| missing(id))?)
}

pub(crate) fn missing(id: GroupId) -> Reason {
    Reason::NotFound { thing: ThingKind::Group, id: id.uuid() }
}
