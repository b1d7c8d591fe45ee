//! What can be wrong with a log, from "not all of it is there" to "it is another one".

/// Why a log, a part of it, or the state beside it does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something is missing: entries, a signature, the end of a file.
    #[error("incomplete: {0}")]
    Incomplete(String),
    /// Two signed trees, neither of which begins with the other.
    #[error("forked: {0}")]
    Forked(String),
    /// An entry, a hash or a signature is not what was signed.
    #[error("altered: {0}")]
    Altered(String),
    /// The stored state is not the one to which the log leads.
    #[error("state differs: {0}")]
    StateDiffers(String),
}
