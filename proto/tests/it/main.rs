//! The contract as a whole, walked from its descriptor, and how messages are read and written.

#[cfg(test)]
mod answers;
mod batch;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod descriptor;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod good;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod responses;
