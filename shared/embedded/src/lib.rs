//! A private Postgres for whoever has none at hand: `pim up`, `pim demo` and the tests.
//!
//! [`Cluster::open`] keeps its data and [`Cluster::throwaway`] leaves nothing behind. Both use the
//! Postgres programs found by [`Search`], or have them installed by `ensure-postgres.sh`. The
//! cluster listens on a unix socket in a directory that only its own account (and root) may enter,
//! so it trusts whoever can connect.
//!
//! Postgres ends with the program, even when that is killed. A small shell process, the guard,
//! starts Postgres and holds the other end of a pipe; at end of file it stops Postgres and cleans
//! up. See `guard.rs`.
//!
//! ```no_run
//! let cluster = pim_embedded::Cluster::open(&pim_embedded::default_data_dir())?;
//! println!("{}", cluster.database_url("postgres"));
//! cluster.stop()?;
//! # Ok::<(), pim_embedded::EmbeddedError>(())
//! ```

mod account;
mod cluster;
mod error;
mod folder;
mod guard;
mod install;
mod postmaster;
mod search;

pub use cluster::Cluster;
pub use error::EmbeddedError;
pub use folder::default_data_dir;
pub use install::find_or_install;
pub use search::{Binaries, Search};
