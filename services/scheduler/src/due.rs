//! `ListDue`.

use pim_chassis::{Context, Error};
use pim_domain::due::Due;
use pim_proto::call::{List, Listed};
use pim_store::{
    Reach,
    due::{self, Cursor},
};

/// What is due now and not yet done, over all tenants.
pub(crate) async fn list(context: Context, list: List<()>) -> Result<Listed<Due>, Error> {
    let List { filter, page } = list;
    let now = context.now();
    let (after, limit) = context.page(&filter, &page)?;
    let mut read = context.db().browse(Reach::EveryTenant).await?;
    let rows = due::list(&mut read, now, after, limit).await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, |last| Cursor::from(last)))
}
