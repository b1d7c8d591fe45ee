//! `ListEvents` and `GetEvent`.

use pim_chassis::{Context, Error, Who};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    event::{StoredEvent, ThingKind},
    id::EventId,
    scope::Lineage,
};
use pim_proto::call::{Answer, EventFilter, List, Listed};
use pim_store::events::{self, Cursor};

use crate::filter;

/// The log is one for the whole tenant: to be read by whoever may read it at the root. The
/// platform's own is the operator's, who is let in to nothing else: the context's tenant is nil.
pub(crate) fn authorise(context: &Context) -> Result<(), Error> {
    if matches!(context.who, Who::Operator(_)) && context.tenant.uuid().is_nil() {
        return Ok(());
    }
    let (caller, now) = (context.caller()?, context.now());
    caller.authorise(Action::EventRead, Realm::Directory, &Lineage::root(), now)?;
    Ok(())
}

/// The log, newest first.
pub(crate) async fn list(
    context: Context,
    list: List<EventFilter>,
) -> Result<Listed<StoredEvent>, Error> {
    authorise(&context)?;
    let List { filter, page } = list;
    let (before, limit) = context.page(&filter, &page)?;
    let wanted = filter::stored(&filter);
    let mut read = context.browse().await?;
    let rows = events::list(&mut read, context.tenant, &wanted, before, limit).await?;
    let cursor = |last: &StoredEvent| Cursor { time: last.event.time, id: last.id };
    Ok(context.listed(&filter, &page, rows, read.revision(), context.now(), cursor))
}

/// One entry.
pub(crate) async fn get(context: Context, id: EventId) -> Result<Answer<StoredEvent>, Error> {
    authorise(&context)?;
    let mut read = context.read().await?;
    let event = events::get(&mut read, context.tenant, id)
        .await?
        .ok_or(Reason::NotFound { thing: ThingKind::Event, id: id.uuid() })?;
    Ok(context.answer(event, read.revision(), context.now()))
}
