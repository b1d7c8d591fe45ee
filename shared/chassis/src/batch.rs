//! The way of a call that changes several things: each item goes the way of a single write, with its
//! own transaction, its own refusal and its own answer.

use std::future::Future;

use pim_proto::{
    call::{Answer, Batch, Batched, Write},
    field::FieldViolation,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    call::{admit, finished, outliving},
    context::Context,
    error::Error,
    process::Process,
};

/// A call that writes item by item, in order, in a task that outlives it. `verb` is that of the
/// single call.
///
/// # Errors
/// As the error table says, for the call as a whole; the refusal of an item is in the answer.
pub async fn batch<Req, C, Fut, Out, Res>(
    process: &Process,
    request: Request<Req>,
    verb: impl Fn(Context, Write<C>) -> Fut + Send + Sync + 'static,
) -> Result<Response<Res>, Status>
where
    Batch<C>: TryFrom<Req, Error = FieldViolation>,
    C: Send + 'static,
    Fut: Future<Output = Result<Answer<Out>, Error>> + Send + 'static,
    Out: Send + 'static,
    Res: From<Batched<Out>>,
{
    let (context, message) = admit(process, request).await?;
    if let Err(error) = context.permit() {
        return Err(context.refused(error).await.into());
    }
    let batch = Batch::<C>::try_from(message).map_err(Error::Field)?;
    let batched = outliving(one_by_one(context, batch, verb)).await?;
    Ok(Response::new(batched.into()))
}

async fn one_by_one<C, Fut, Out>(
    context: Context,
    batch: Batch<C>,
    verb: impl Fn(Context, Write<C>) -> Fut,
) -> Result<Batched<Out>, Error>
where
    Fut: Future<Output = Result<Answer<Out>, Error>> + Send + 'static,
    Out: Send + 'static,
{
    let Batch { items, request_id, validate_only } = batch;
    let mut results = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let result = match item {
            Ok(command) => {
                let request_id = request_id.map(|batch| id_of_item(batch, index));
                one(&context, Write { command, request_id, validate_only }, &verb).await
            }
            Err(violation) => Err(Error::Field(violation)),
        };
        results.push(result.map_err(Status::from));
    }
    // The last answer was given after all others, so what it includes includes theirs.
    let last = results.iter().rev().find_map(|result| result.as_ref().ok());
    let revision = match last {
        Some(answer) => answer.revision.clone(),
        None => {
            let read = context.read().await?;
            context.revision(read.revision())
        }
    };
    Ok(Batched { results, revision })
}

/// One item, by whom the caller is when its turn comes: a batch is long enough for somebody to be
/// disabled in the middle of it.
async fn one<C, Fut, Out>(
    context: &Context,
    write: Write<C>,
    verb: impl Fn(Context, Write<C>) -> Fut,
) -> Result<Answer<Out>, Error>
where
    Fut: Future<Output = Result<Answer<Out>, Error>> + Send + 'static,
    Out: Send + 'static,
{
    let context = context.again().await?;
    let dry = write.validate_only;
    let work = verb(context.clone(), write);
    // In a task of its own: one that is lost takes none of the others with it.
    finished(context, dry, work).await
}

/// The request id of an item: the same for the same place in the same batch.
fn id_of_item(batch: Uuid, index: usize) -> Uuid {
    Uuid::new_v5(&batch, index.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_item_has_a_request_id_of_its_own_and_keeps_it() {
        let [one, other] = [1_u128, 2].map(Uuid::from_u128);
        let ids = |batch| (0..500).map(move |index| id_of_item(batch, index));
        let distinct: HashSet<Uuid> = ids(one).chain(ids(other)).collect();
        assert_eq!(distinct.len(), 1_000);
        assert!(ids(one).eq(ids(one)));
        // Kept in databases: it must never become another.
        let expected = "dc768e8c-836e-5035-ac83-2a108749076e";
        assert_eq!(id_of_item(one, 7).to_string(), expected);
    }
}
