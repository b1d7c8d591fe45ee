//! The parts of the chassis that need more than a unit test: tokens as issuers make them, and the
//! server as clients see it.

#[cfg(test)]
mod auth;
mod authorisation;
#[cfg(test)]
mod bound;
#[cfg(test)]
mod config_errors;
#[cfg(test)]
mod development;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod dpop;
#[cfg(test)]
mod idp;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod role_tokens;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod telemetry;
