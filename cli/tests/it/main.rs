//! Real programs, real signals, real data folders: `pim up` with its Postgres, and each service as
//! a process of its own.
#![cfg(test)]

mod alerts;
mod conditions;
mod fleet;
mod grants;
mod installation;
mod killed;
mod migrate;
mod program;
mod scopes;
mod secured;
mod sequencing;
mod services;
mod several;
mod tenant;
mod up;
mod whoami;
