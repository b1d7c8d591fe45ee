//! The system as a whole.

#![cfg(test)]

mod tidy;
