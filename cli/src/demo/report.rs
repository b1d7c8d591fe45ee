//! What the demo found: lines while it plays, or one JSON object at the end.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{error::CliError, output::Printer};

/// One expectation.
#[derive(Debug, Serialize)]
struct Step {
    name: String,
    ok: bool,
    detail: String,
}

#[derive(Debug, Serialize)]
struct Findings<'a> {
    steps: &'a [Step],
    figures: &'a Map<String, Value>,
}

/// The expectations so far.
pub(crate) struct Report<'a> {
    printer: &'a mut Printer,
    steps: Vec<Step>,
    figures: Map<String, Value>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(printer: &'a mut Printer) -> Self {
        Self { printer, steps: Vec::new(), figures: Map::new() }
    }

    /// What comes next.
    pub(crate) fn title(&mut self, title: &str) -> Result<(), CliError> {
        self.say(&format!("\n{title}"))
    }

    /// Something to see that is no expectation.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), CliError> {
        if self.printer.is_table() {
            self.printer.line(text)?;
        }
        Ok(())
    }

    /// An expectation, and whether it held.
    pub(crate) fn expect(
        &mut self,
        name: &str,
        held: bool,
        detail: impl Into<String>,
    ) -> Result<(), CliError> {
        let step = Step { name: name.to_owned(), ok: held, detail: detail.into() };
        let mark = if step.ok { "ok  " } else { "FAIL" };
        self.say(&format!("  {mark} {}: {}", step.name, step.detail))?;
        self.steps.push(step);
        Ok(())
    }

    /// A number that was measured.
    pub(crate) fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// Prints what is left to print, and says whether every expectation held.
    pub(crate) fn finish(self) -> Result<bool, CliError> {
        let failed = self.steps.iter().filter(|step| !step.ok).count();
        if self.printer.is_table() {
            let all = self.steps.len();
            self.printer.line(&format!("\n{} of {all} expectations held", all - failed))?;
        } else {
            let findings = Findings { steps: &self.steps, figures: &self.figures };
            self.printer.record(&findings, "")?;
        }
        Ok(failed == 0)
    }
}
