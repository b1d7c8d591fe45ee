//! `ListAlerts`, `GetAlert`, `DismissAlert`, `GetAlertSettings`, `UpdateAlertSettings`.

use pim_chassis::{Context, Error};
use pim_domain::{
    alert::{self, AlertKind, Dismiss, Incident, Setting, Update},
    authority::{Action, Realm},
    denial::Reason,
    event::ThingKind,
    id::IncidentId,
    scope::Lineage,
};
use pim_proto::call::{AlertFilter, AlertSettingsRef, AlertState, Answer, List, Listed, Write};
use pim_store::{Purpose, StoreError, alerts};

use crate::read::authorise;

/// Incidents, the newest first.
pub(crate) async fn list(
    context: Context,
    list: List<AlertFilter>,
) -> Result<Listed<Incident>, Error> {
    authorise(&context)?;
    let List { filter, page } = list;
    let (before, limit) = context.page(&filter, &page)?;
    let state = filter.state.map(AlertState::as_str);
    let wanted = alerts::Filter { kind: filter.kind, state };
    let mut read = context.browse().await?;
    let rows = alerts::list(&mut read, context.tenant, wanted, before, limit).await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), context.now(), |last| last.id))
}

/// One incident.
pub(crate) async fn get(context: Context, id: IncidentId) -> Result<Answer<Incident>, Error> {
    authorise(&context)?;
    let mut read = context.read().await?;
    let found = alerts::get(&mut read, context.tenant, id).await?;
    let incident = found.ok_or_else(|| missing(id))?;
    Ok(context.answer(incident, read.revision(), context.now()))
}

/// Says that a condition may last.
pub(crate) async fn dismiss(
    context: Context,
    wish: Write<Dismiss>,
) -> Result<Answer<Incident>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let (root, now) = (Lineage::root(), context.now());
    caller.authorise(Action::AlertDismiss, Realm::Directory, &root, now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let Dismiss { incident: id, justification } = wish.command;
    let found = alerts::get_for_update(&mut work, context.tenant, id).await?;
    let incident = found.ok_or_else(|| missing(id))?;
    let stamp = context.gaining(incident.update_time)?;
    let change = incident.dismiss(caller.principal.id, justification, &stamp)?;
    alerts::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// What is set of one kind, or of each.
pub(crate) async fn settings(
    context: Context,
    wanted: AlertSettingsRef,
) -> Result<Answer<Vec<Setting>>, Error> {
    authorise(&context)?;
    let mut read = context.read().await?;
    let mut settings = alerts::settings(&mut read, context.tenant).await?;
    settings.retain(|one| wanted.kind.is_none_or(|kind| one.kind == kind));
    Ok(context.answer(settings, read.revision(), context.now()))
}

/// Changes what is set of a kind.
pub(crate) async fn update(
    context: Context,
    wish: Write<Update>,
) -> Result<Answer<Setting>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let (root, now) = (Lineage::root(), context.now());
    caller.authorise(Action::AlertUpdate, Realm::Directory, &root, now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let settings = alerts::settings(&mut work, context.tenant).await?;
    let before = of_kind(settings, wish.command.kind)?;
    let stamp = context.gaining(before.update_time)?;
    let change = alert::update(&before, wish.command, &stamp)?;
    alerts::record_setting(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

fn of_kind(settings: Vec<Setting>, kind: AlertKind) -> Result<Setting, StoreError> {
    let found = settings.into_iter().find(|one| one.kind == kind);
    found.ok_or_else(|| StoreError::corrupt("alert setting", "a kind without one"))
}

fn missing(id: IncidentId) -> Reason {
    Reason::NotFound { thing: ThingKind::Alert, id: id.uuid() }
}
