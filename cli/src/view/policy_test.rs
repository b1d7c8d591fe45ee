//! What conditions would say.

use comfy_table::Table;
use pim_proto::assignment::v1::{ConditionOutcome, ConditionResult, TestPolicyResponse};
use serde::Serialize;

use super::{Column, Shown, enum_name};
use crate::output::table;

/// The answer to a test of conditions.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyTestView {
    outcome: String,
    results: Vec<ResultView>,
}

#[derive(Debug, Serialize)]
struct ResultView {
    condition: String,
    outcome: String,
    /// Why it cannot be evaluated.
    error: Option<String>,
}

const COLUMNS: &[Column] = &[Column::text("CONDITION"), Column::fixed("SAYS"), Column::text("WHY")];

impl PolicyTestView {
    pub(crate) fn new(answer: TestPolicyResponse) -> Self {
        let result = |result: ConditionResult| ResultView {
            outcome: name(result.outcome),
            condition: result.condition,
            error: Some(result.error).filter(|error| !error.is_empty()),
        };
        Self {
            outcome: name(answer.outcome),
            results: answer.results.into_iter().map(result).collect(),
        }
    }
}

impl Shown for PolicyTestView {
    fn table(&self) -> Table {
        let row = |result: &ResultView| {
            let error = result.error.clone();
            let condition = result.condition.trim().to_owned();
            vec![condition, result.outcome.clone(), error.unwrap_or_default()]
        };
        let none = if self.results.is_empty() { "no condition is set" } else { "" };
        let overall = ["all together", &self.outcome, none].map(str::to_owned);
        table(COLUMNS, self.results.iter().map(row).chain([overall.into()]))
    }
}

fn name(outcome: i32) -> String {
    let name = ConditionOutcome::try_from(outcome).ok().map(|it| it.as_str_name());
    enum_name("CONDITION_OUTCOME_", outcome, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> PolicyTestView {
        let result = |condition: &str, outcome: ConditionOutcome, error: &str| ConditionResult {
            condition: condition.to_owned(),
            outcome: outcome.into(),
            error: error.to_owned(),
        };
        PolicyTestView::new(TestPolicyResponse {
            outcome: ConditionOutcome::Denied.into(),
            results: vec![
                result("one", ConditionOutcome::Allowed, ""),
                result("two\n", ConditionOutcome::Failed, "line 1, column 4: no"),
            ],
            revision: String::new(),
        })
    }

    #[test]
    fn each_condition_has_a_line_and_all_together_the_last() {
        let printed = view().table().trim_fmt();
        let lines: Vec<Vec<&str>> =
            printed.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["one", "ALLOWED"]);
        assert_eq!(lines[2].join(" "), "two FAILED line 1, column 4: no");
        assert_eq!(lines[3], ["all", "together", "DENIED"]);
    }

    #[test]
    fn programs_get_each_condition_with_its_outcome() {
        let json = serde_json::to_value(view()).unwrap();
        assert_eq!(json["outcome"], "DENIED");
        assert_eq!(json["results"][0]["error"], serde_json::Value::Null);
        assert_eq!(json["results"][1]["outcome"], "FAILED");
    }
}
