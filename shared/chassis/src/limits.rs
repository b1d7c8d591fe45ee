//! The limits of a service process, each with its unit last.
//!
//! The constants are the defaults; what an operator may have to change is a flag of [`Limits`].

use std::ops::RangeInclusive;

use crate::rates::RateLimits;

/// The largest ordinary request message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// The largest message of a bulk or import method, in bytes.
pub const BULK_MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// All headers of one request together that a handler sees, in bytes, counted as HTTP/2 counts them:
/// name, value and 32 for each.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// The same, of what HTTP/2 takes in at all: a token of 64 KiB and what comes with it, so that it is
/// refused as a token and not with its connection, which others may share behind a proxy.
///
/// Beyond it h2 answers 431 and resets that stream alone. Beyond four times as much, or where a
/// block has more than five CONTINUATION frames before its last (112 KiB), it closes the connection.
///
/// A connection reads one block at a time, so a peer that never ends one holds this much of decoded
/// fields, and of what is not decoded yet six frames of 16 KiB: 168 KiB a connection, 168 MiB of one
/// source, 672 MiB of all [`CONNECTIONS_MAX`] together. From 80 KiB on, h2 takes more frames. What
/// is decoded waits for nothing when it is more than [`HEADER_BYTES_MAX`].
pub const HEADER_LIST_BYTES_MAX: u32 = 72 * 1024;
/// Calls that one connection may have open at the same time.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// Connections that one process holds at the same time; the next one is closed at once.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Of those, from one source: an IPv4 address, or a network of IPv6 (64 bits).
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 1_024;
/// Connections that are held for health probes, where these have an address of their own.
pub const PROBE_CONNECTIONS_MAX: usize = 64;
/// How long a new connection may take, from when it is accepted, for TLS and
/// its HTTP/2 preface.
pub const HANDSHAKE_SECONDS: u64 = 5;
/// How long a call may take until its response begins; a caller can only ask for less.
pub const REQUEST_DEADLINE_MILLIS: u64 = 5_000;
/// An idle connection is pinged this often.
pub const KEEPALIVE_INTERVAL_SECONDS: u64 = 20;
/// A connection that does not answer a ping for this long is closed.
pub const KEEPALIVE_TIMEOUT_SECONDS: u64 = 10;
/// A connection is asked to go away at this age, so that load spreads over new replicas.
pub const CONNECTION_AGE_SECONDS: u64 = 600;
/// What is still running on a connection this long after it was asked to go away is cut.
pub const CONNECTION_GRACE_SECONDS: u64 = 30;
/// Streams that were reset before they were accepted (CVE-2023-44487, "rapid reset").
pub const PENDING_RESET_STREAMS_MAX: usize = 20;
/// Resets that a peer may provoke by protocol errors (CVE-2025-8671, "made you reset").
pub const LOCAL_ERROR_RESET_STREAMS_MAX: usize = 256;
/// How long running calls may take to finish once the process was told to stop.
pub const DRAIN_SECONDS: u64 = 20;

/// Streams that one caller may have open in one process.
pub const STREAMS_PER_CALLER_MAX: usize = 256;
/// Callers, tenants or sources whose rate is remembered, of each kind; with more, the one that was
/// heard of longest ago is forgotten.
pub const RATE_KEYS_MAX: u64 = 65_536;
/// Principals of whom a process remembers when they were last noted to have signed in.
pub const SIGN_INS_KNOWN_MAX: u64 = 65_536;
/// Principals whose sign-in waits to be written; who finds no place is noted by a later call.
pub const SIGN_INS_WAITING_MAX: usize = 10_000;
/// What may be set as a rate, a second, and as a burst.
pub const RATE_RANGE: RangeInclusive<u32> = 1..=1_000_000;

/// The longest bearer token, in bytes.
pub const BEARER_TOKEN_BYTES_MAX: usize = 8 * 1024;
/// The longest proof that a caller has the key of their token (RFC 9449), in bytes.
pub const DPOP_PROOF_BYTES_MAX: usize = 4 * 1024;
/// How old such a proof may be, and how far ahead of us whoever made it, in seconds.
pub const DPOP_LEEWAY_SECONDS: i64 = 30;
/// The longest id of such a proof, in characters.
pub const DPOP_ID_CHARS_MAX: usize = 255;
/// Proofs that one process remembers, so that none is used twice: two thousand a second for as long
/// as one counts. With more, the oldest are forgotten, and all that are as old are refused.
pub const DPOP_PROOFS_MAX: usize = 131_072;
/// Verified tokens that are remembered.
pub const BEARER_TOKEN_CACHE_MAX: u64 = 10_000;
/// The longest subject of a token, in characters.
pub const SUBJECT_CHARS_MAX: usize = 255;
/// The longest text that a token may say of a sign-in, such as its country, in characters.
pub const SIGNAL_CHARS_MAX: usize = 64;
/// How far an issuer's clock may be ahead of ours, for `nbf` and `iat`.
pub const ISSUED_LEEWAY_SECONDS: i64 = 30;
/// How long keys that were fetched from an issuer count while it cannot be asked again, in seconds.
pub const KEYS_MAX_AGE_SECONDS: u32 = 86_400;
/// What an operator may set that to, in seconds.
pub const KEYS_MAX_AGE_SECONDS_RANGE: RangeInclusive<u32> = 300..=604_800;
/// Keys are fetched again after this long where the issuer does not say otherwise, in seconds.
pub const KEYS_REFRESH_SECONDS: i64 = 900;
/// What an issuer may say of how long its keys are good, in seconds.
pub const KEYS_REFRESH_SECONDS_RANGE: RangeInclusive<i64> = 60..=86_400;
/// Between two fetches of an issuer's keys because a token names an unknown one, in seconds.
pub const UNKNOWN_KEY_SECONDS_MIN: i64 = 30;
/// How long a call waits for such a fetch.
pub const UNKNOWN_KEY_WAIT_MILLIS: u64 = 2_000;
/// How long an issuer may take to answer one request, in seconds.
pub const ISSUER_ANSWER_SECONDS: u64 = 5;
/// The longest answer of an issuer, in bytes.
pub const ISSUER_ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Keys in a set that is fetched.
pub const ISSUER_KEYS_MAX: usize = 64;
/// The longest page token, revision or position that is looked at, in bytes: two snapshots of a
/// database with a hundred transactions in flight.
pub const SEALED_BYTES_MAX: usize = 4_096;
/// Beyond this uncertainty of the clock nothing may be gained.
pub const CLOCK_ERROR_MILLIS_MAX: i64 = 250;

/// The limits that can be set from outside.
#[derive(Debug, Clone, clap::Args)]
pub struct Limits {
    /// How long a call may take until its response begins, in milliseconds
    #[arg(long, env = "PIM_REQUEST_DEADLINE_MILLIS", default_value_t = REQUEST_DEADLINE_MILLIS,
          value_parser = clap::value_parser!(u64).range(1..=REQUEST_DEADLINE_MILLIS))]
    pub request_deadline_millis: u64,
    /// Calls that one connection may have open at the same time
    #[arg(long, env = "PIM_STREAMS_PER_CONNECTION_MAX", default_value_t = STREAMS_PER_CONNECTION_MAX,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub streams_per_connection_max: u32,
    /// Connections that the process holds at the same time
    #[arg(long, env = "PIM_CONNECTIONS_MAX", default_value_t = CONNECTIONS_MAX)]
    pub connections_max: usize,
    /// Connections from one address at the same time; where callers come by a proxy that has one,
    /// as many as --connections-max
    #[arg(long, env = "PIM_CONNECTIONS_PER_ADDRESS_MAX", default_value_t = CONNECTIONS_PER_ADDRESS_MAX)]
    pub connections_per_address_max: usize,
    /// The age in seconds at which a connection is asked to go away
    #[arg(long, env = "PIM_CONNECTION_AGE_SECONDS", default_value_t = CONNECTION_AGE_SECONDS,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub connection_age_seconds: u64,
    /// How long running calls may take to finish after SIGTERM, in seconds
    #[arg(long, env = "PIM_DRAIN_SECONDS", default_value_t = DRAIN_SECONDS,
          value_parser = clap::value_parser!(u64).range(0..=600))]
    pub drain_seconds: u64,
    /// How often may be called
    #[command(flatten)]
    pub rates: RateLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_deadline_millis: REQUEST_DEADLINE_MILLIS,
            streams_per_connection_max: STREAMS_PER_CONNECTION_MAX,
            connections_max: CONNECTIONS_MAX,
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_MAX,
            connection_age_seconds: CONNECTION_AGE_SECONDS,
            drain_seconds: DRAIN_SECONDS,
            rates: RateLimits::default(),
        }
    }
}
