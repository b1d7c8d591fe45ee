//! The system with programs that are not ours: tokens of an OpenID Connect provider from npm.
#![cfg(test)]

mod provider;
mod sign_in;
mod system;
