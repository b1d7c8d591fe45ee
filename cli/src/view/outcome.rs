//! What has become of each of several things that were asked for at once.

use serde::Serialize;
use serde_json::Value;

use super::{Column, Listed};
use crate::error::CliError;

/// What can be said in short of a thing that was done.
pub(crate) trait Done: Serialize {
    /// The state that it is in.
    fn state(&self) -> String;

    /// Which thing, and what else matters.
    fn detail(&self) -> String;
}

/// What has become of one of them.
#[derive(Debug, Serialize)]
pub(crate) struct OutcomeView<V> {
    item: String,
    /// Absent where it was refused.
    result: Option<V>,
    /// As it would be printed for this one alone.
    error: Option<Value>,
    #[serde(skip)]
    said: String,
    #[serde(skip)]
    detail: String,
}

impl<V: Done> OutcomeView<V> {
    /// What has become of `item`.
    pub(crate) fn new(item: String, outcome: Result<V, &CliError>) -> Self {
        match outcome {
            Ok(done) => {
                let (said, detail) = (done.state(), done.detail());
                Self { item, result: Some(done), error: None, said, detail }
            }
            Err(error) => {
                let lines = error.text();
                let lines = lines.lines().map(|line| line.trim().trim_start_matches("error: "));
                let detail = lines.collect::<Vec<_>>().join("\n");
                let error = Some(error.json()["error"].take());
                Self { item, result: None, error, said: "REFUSED".to_owned(), detail }
            }
        }
    }
}

impl<V: Done> Listed for OutcomeView<V> {
    const COLUMNS: &'static [Column] =
        &[Column::text("ITEM"), Column::fixed("RESULT"), Column::text("DETAIL")];

    fn row(&self) -> Vec<String> {
        vec![self.item.clone(), self.said.clone(), self.detail.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize)]
    struct Thing(&'static str);

    impl Done for Thing {
        fn state(&self) -> String {
            "ACTIVE".to_owned()
        }

        fn detail(&self) -> String {
            self.0.to_owned()
        }
    }

    #[test]
    fn a_refusal_stands_in_the_place_of_its_item() {
        let done = OutcomeView::new("Reader@/".to_owned(), Ok(Thing("7")));
        assert_eq!(done.row(), ["Reader@/", "ACTIVE", "7"]);
        let json = serde_json::to_value(&done).unwrap();
        assert_eq!((&json["result"], &json["error"]), (&"7".into(), &Value::Null));
        let error = CliError::NotFound("there is none".to_owned());
        let refused = OutcomeView::<Thing>::new("Owner@/".to_owned(), Err(&error));
        assert_eq!(refused.row(), ["Owner@/", "REFUSED", "there is none"]);
        let json = serde_json::to_value(&refused).unwrap();
        assert_eq!((&json["result"], &json["error"]["exit_code"]), (&Value::Null, &5.into()));
    }
}
