//! The `pim` command line.

use std::{env, io, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    let (out, err) = (Box::new(io::stdout()), Box::new(io::stderr()));
    ExitCode::from(pim_cli::run(env::args_os(), out, err).await)
}
