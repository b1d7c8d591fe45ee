//! The log as its readers hear it: listed, and followed as it grows; and alerts.
#![cfg(test)]

mod alerts;
mod erased;
mod export;
mod filters;
mod folded;
mod pages;
mod proofs;
mod rights;
mod signing;
mod slow;
mod story;
mod tail;
