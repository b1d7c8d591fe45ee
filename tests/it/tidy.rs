//! The shape of the repository: who may depend on whom, what may stand where, how long things may
//! get, and whether the prose points at files that exist.
//!
//! Each rule names the place that breaks it as `file:line`.

mod dependencies;
pub(crate) mod files;
mod prose;
mod sizes;
mod words;

/// A place that breaks a rule.
fn at(path: &str, line: usize, problem: &str) -> String {
    format!("{path}:{line}: {problem}")
}

/// Fails with everything that was found, so that one run shows all there is to mend.
#[track_caller]
fn assert_clean(findings: &[String]) {
    assert!(findings.is_empty(), "{} to mend:\n{}", findings.len(), findings.join("\n"));
}
