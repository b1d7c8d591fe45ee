//! What must hold for every RPC, walked from the descriptor: who may call it, with which
//! credentials, and that none tells one tenant of another.

mod credentials;
mod fill;
mod furnish;
mod raw;
mod table;
mod tenants;
