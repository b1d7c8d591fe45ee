//! Several things at once: so many in a call, a remark after each call, and a line for each thing.

use uuid::Uuid;

use crate::{
    args::WriteOptions,
    connect::Session,
    error::{CliError, EXIT_OK},
    output::{Page, Printer},
    view::outcome::{Done, OutcomeView},
};

/// Items in one call. A server takes more, but must answer within its deadline.
pub(crate) const CHUNK_ITEMS: usize = 50;

/// What has become of the things that were asked for, as far as they were.
pub(crate) struct Answers<T> {
    /// In their order; fewer than were asked for where a call failed as a whole.
    pub(crate) outcomes: Vec<Result<T, CliError>>,
    /// How that call failed.
    pub(crate) failed: Option<CliError>,
    /// What all calls are named after.
    request_id: Uuid,
    count: usize,
}

/// Sends `items` in chunks until one call fails. Each call has a request id of its own, made from
/// that of the command, so that the command can be repeated as a whole.
pub(crate) async fn in_chunks<I, T>(
    items: Vec<I>,
    write: &WriteOptions,
    printer: &mut Printer,
    mut send: impl AsyncFnMut(Vec<I>, String) -> Result<Vec<Result<T, CliError>>, CliError>,
) -> Result<Answers<T>, CliError> {
    let (count, request_id) = (items.len(), write.request_uuid());
    let mut answers = Answers { outcomes: Vec::new(), failed: None, request_id, count };
    let mut items = items.into_iter();
    loop {
        let chunk: Vec<I> = items.by_ref().take(CHUNK_ITEMS).collect();
        if chunk.is_empty() {
            return Ok(answers);
        }
        let (asked, done) = (chunk.len(), answers.outcomes.len());
        let id = Uuid::new_v5(&request_id, done.to_string().as_bytes()).to_string();
        match send(chunk, id).await {
            Ok(outcomes) if outcomes.len() == asked => answers.outcomes.extend(outcomes),
            Ok(_) => answers.failed = Some(CliError::Incomplete),
            Err(error) => answers.failed = Some(error),
        }
        if answers.failed.is_some() {
            return Ok(answers);
        }
        if count > CHUNK_ITEMS {
            printer.note(&format!("{} of {count} answered", answers.outcomes.len()))?;
        }
    }
}

/// Prints a line for each thing, and says with which code the process should exit: that of the
/// first refusal.
pub(crate) fn print<T, V: Done>(
    labels: &[String],
    answers: Answers<T>,
    write: &WriteOptions,
    session: &mut Session<'_>,
    mut view: impl FnMut(T, &Session<'_>) -> V,
) -> Result<u8, CliError> {
    let Answers { outcomes, failed, request_id, count } = answers;
    let mut code = EXIT_OK;
    let mut items = Vec::new();
    for (label, outcome) in labels.iter().zip(outcomes) {
        let outcome = match outcome {
            Ok(done) => OutcomeView::new(label.clone(), Ok(view(done, session))),
            Err(error) => {
                code = if code == EXIT_OK { error.exit_code() } else { code };
                OutcomeView::new(label.clone(), Err(&error))
            }
        };
        items.push(outcome);
    }
    let answered = items.len();
    if answered > 0 {
        session.printer.list(&Page { items, more: false })?;
    }
    if write.validate_only {
        session.printer.note("nothing was written")?;
    }
    let Some(error) = failed else { return Ok(code) };
    session.printer.note(&format!(
        "{answered} of {count} were answered; what comes after them may have been done: \
         the same command with --request-id {request_id} does nothing twice"
    ))?;
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;
    use std::io::sink;

    fn options() -> WriteOptions {
        WriteOptions::named(Uuid::from_u128(7))
    }

    fn printer() -> Printer {
        Printer::new(Format::Table, Box::new(sink()), Box::new(sink()))
    }

    #[tokio::test]
    async fn many_are_sent_in_chunks_with_ids_that_a_repeat_has_again() {
        let mut calls = Vec::new();
        for _ in 0..2 {
            let mut sent = Vec::new();
            let items: Vec<usize> = (0..CHUNK_ITEMS * 2 + 1).collect();
            let answers =
                in_chunks(items.clone(), &options(), &mut printer(), async |chunk, id| {
                    sent.push((chunk.len(), id));
                    Ok(chunk.into_iter().map(Ok).collect())
                })
                .await
                .unwrap();
            let outcomes: Vec<usize> = answers.outcomes.into_iter().map(Result::unwrap).collect();
            assert_eq!(outcomes, items);
            assert!(answers.failed.is_none());
            calls.push(sent);
        }
        let sizes: Vec<usize> = calls[0].iter().map(|(size, _)| *size).collect();
        assert_eq!(sizes, [CHUNK_ITEMS, CHUNK_ITEMS, 1]);
        assert_ne!(calls[0][0].1, calls[0][1].1);
        assert_eq!(calls[0], calls[1]);
    }

    #[tokio::test]
    async fn a_call_that_fails_is_the_last() {
        let mut calls = 0;
        let items: Vec<usize> = (0..CHUNK_ITEMS * 3).collect();
        let answers = in_chunks(items, &options(), &mut printer(), async |chunk, _| {
            calls += 1;
            match calls {
                1 => Ok(chunk.into_iter().map(Ok).collect()),
                _ => Err(CliError::from(tonic::Status::unavailable("gone"))),
            }
        })
        .await
        .unwrap();
        assert_eq!((answers.outcomes.len(), calls), (CHUNK_ITEMS, 2));
        assert_eq!(answers.failed.unwrap().exit_code(), 7);
        let send = async |_, _| Ok(vec![Ok(1)]);
        let short = in_chunks(vec![1, 2], &options(), &mut printer(), send).await.unwrap();
        assert!(matches!(short.failed, Some(CliError::Incomplete)));
    }
}
