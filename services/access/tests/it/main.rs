//! Who holds what now, as clients hear it, with the clock moved by hand.
#![cfg(test)]

mod ask;
mod caller;
mod check;
mod explain;
mod list;
mod memory;
mod past;
mod permissions;
mod rights;
mod role_token;
mod until;
mod watch;
