//! `EraseJustification`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    event::{Event, StoredEvent, ThingKind},
    scope::Lineage,
};
use pim_proto::call::{Answer, EraseJustification, Write};
use pim_store::{Purpose, events, justifications};

/// Erases what somebody wrote. The log goes on to prove all that it has proven, because it only
/// commits to it; that it was erased is an entry, which does not have it either.
pub(crate) async fn erase(
    context: Context,
    wish: Write<EraseJustification>,
) -> Result<Answer<StoredEvent>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let (root, now) = (Lineage::root(), context.now());
    caller.authorise(Action::JustificationErase, Realm::Directory, &root, now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let EraseJustification { event: id, justification } = wish.command;
    let missing = || Reason::NotFound { thing: ThingKind::Event, id: id.uuid() };
    let event = events::get(&mut work, context.tenant, id).await?.ok_or_else(missing)?;
    let stamp = context.losing(event.event.time);
    if let Some(commitment) = event.event.about.justification.commitment()
        && justifications::erase(&mut work, context.tenant, commitment).await?
    {
        let told = Event::erased(&stamp, &event, justification);
        events::insert(&mut work, context.tenant, &told).await?;
    }
    let event = events::get(&mut work, context.tenant, id).await?.ok_or_else(missing)?;
    context.commit(work, event, stamp.now).await
}
