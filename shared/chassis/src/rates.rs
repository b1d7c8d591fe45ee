//! How often may be called, in one process: by a caller, by all of a tenant, and by who has not
//! proven yet who they are.
//!
//! A caller is whom a verified token names, never whom a request claims to be about, so nobody uses
//! up somebody else's share. Who is over their own share takes nothing from their tenant's. What
//! only narrows what somebody holds knows no tenant's share, and a larger one of the caller's. The
//! services of this system have no limits: what they do is bounded where it is done.

mod bucket;

use std::{net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use uuid::Uuid;

use self::bucket::Buckets;
use crate::{auth::Identity, limits::RATE_RANGE, rpc::Class, status::ERROR_DOMAIN};

/// So many calls a second, and so many at once after a pause; or any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// As often as anybody likes.
    Unlimited,
    /// Written as `per_second/burst`.
    Limited {
        /// Calls a second.
        per_second: u32,
        /// Calls at once.
        burst: u32,
    },
}

/// The rates that can be set from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct RateLimits {
    /// Checks of one caller, a second and at once, as 1000/2000, or none for no limit
    #[arg(long, env = "PIM_CHECK_RATE", value_name = "RATE", default_value = "none")]
    pub check_rate: Rate,
    /// Other readings of one caller
    #[arg(long, env = "PIM_READ_RATE", value_name = "RATE", default_value = "1000/2000")]
    pub read_rate: Rate,
    /// Writings of one caller
    #[arg(long, env = "PIM_WRITE_RATE", value_name = "RATE", default_value = "50/200")]
    pub write_rate: Rate,
    /// Writings of one caller that only narrow what somebody holds
    #[arg(long, env = "PIM_LOSE_RATE", value_name = "RATE", default_value = "200/1000")]
    pub lose_rate: Rate,
    /// Writings of all callers of a tenant together, but those that only narrow
    #[arg(long, env = "PIM_TENANT_WRITE_RATE", value_name = "RATE", default_value = "500/2000")]
    pub tenant_write_rate: Rate,
    /// Tokens from one address that turn out to be no good; then none that is not known is looked at
    #[arg(long, env = "PIM_REFUSED_TOKEN_RATE", value_name = "RATE", default_value = "50/500")]
    pub refused_token_rate: Rate,
}

impl Default for RateLimits {
    fn default() -> Self {
        let limited = |per_second, burst| Rate::Limited { per_second, burst };
        Self {
            check_rate: Rate::Unlimited,
            read_rate: limited(1_000, 2_000),
            write_rate: limited(50, 200),
            lose_rate: limited(200, 1_000),
            tenant_write_rate: limited(500, 2_000),
            refused_token_rate: limited(50, 500),
        }
    }
}

impl RateLimits {
    /// No limits at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            check_rate: Rate::Unlimited,
            read_rate: Rate::Unlimited,
            write_rate: Rate::Unlimited,
            lose_rate: Rate::Unlimited,
            tenant_write_rate: Rate::Unlimited,
            refused_token_rate: Rate::Unlimited,
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Unlimited);
        }
        let (least, most) = (RATE_RANGE.start(), RATE_RANGE.end());
        let number = |text: &str| text.parse().ok().filter(|number| RATE_RANGE.contains(number));
        text.split_once('/')
            .and_then(|(per_second, burst)| {
                Some(Self::Limited { per_second: number(per_second)?, burst: number(burst)? })
            })
            .ok_or_else(|| {
                format!("it must be none, or calls a second and at once, as 50/200, each {least} to {most}")
            })
    }
}

/// Who calls, as a key of fixed size.
type Caller = [u8; 32];

/// Counts the calls of one process. Cheap to clone.
#[derive(Clone)]
pub struct Rates(Arc<Shares>);

struct Shares {
    check: Buckets<Caller>,
    read: Buckets<Caller>,
    write: Buckets<Caller>,
    lose: Buckets<Caller>,
    tenant_write: Buckets<Uuid>,
    refused_token: Buckets<IpAddr>,
}

/// Whose share is used up, as the answer names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Caller,
    Tenant,
    Address,
}

impl Rates {
    /// Nobody has called yet.
    #[must_use]
    pub fn new(limits: &RateLimits) -> Self {
        Self(Arc::new(Shares {
            check: Buckets::new(limits.check_rate),
            read: Buckets::new(limits.read_rate),
            write: Buckets::new(limits.write_rate),
            lose: Buckets::new(limits.lose_rate),
            tenant_write: Buckets::new(limits.tenant_write_rate),
            refused_token: Buckets::new(limits.refused_token_rate),
        }))
    }

    /// Counts a call of a method of this class.
    ///
    /// # Errors
    /// The share is used up.
    pub(crate) fn call(&self, identity: &Identity, class: Class) -> Result<(), Status> {
        let shares = &*self.0;
        let (caller, tenant) = match identity {
            Identity::Service(_) => return Ok(()),
            Identity::Principal(principal) => {
                let tenant = principal.tenant;
                let parts = [&*principal.issuer, &*principal.subject];
                (caller_key(tenant, parts), Some(tenant))
            }
            Identity::Operator(operator) => {
                (caller_key(Uuid::nil(), [&*operator.issuer, &*operator.subject]), None)
            }
        };
        let own = match class {
            Class::Check => &shares.check,
            Class::Read => &shares.read,
            Class::Lose => &shares.lose,
            // Who is none of the services is refused, and leaves an entry in the log.
            Class::Write | Class::Internal => &shares.write,
        };
        own.take(&caller).map_err(|wait| limited(Whose::Caller, own.rate(), wait))?;
        match (class, tenant) {
            (Class::Write | Class::Internal, Some(tenant)) => {
                let all = &shares.tenant_write;
                all.take(&tenant).map_err(|wait| limited(Whose::Tenant, all.rate(), wait))
            }
            (Class::Check | Class::Read | Class::Lose, _) | (_, None) => Ok(()),
        }
    }

    /// Whether a token that is not known may be looked at.
    ///
    /// # Errors
    /// Too many from this address have been no good.
    pub(crate) fn unknown_token(&self, address: IpAddr) -> Result<(), Status> {
        let refused = &self.0.refused_token;
        refused.look(&address).map_err(|wait| limited(Whose::Address, refused.rate(), wait))
    }

    /// Counts a token that was no good.
    pub(crate) fn token_refused(&self, address: IpAddr) {
        // When it was one too many, the next one is told.
        let _ = self.0.refused_token.take(&address);
    }
}

fn caller_key(tenant: Uuid, parts: [&str; 2]) -> Caller {
    let mut digest = Sha256::new();
    digest.update(tenant.as_bytes());
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// `RATE_LIMITED`, with when to ask again and whose share it was.
fn limited(whose: Whose, rate: Rate, wait: Duration) -> Status {
    let (subject, text) = match whose {
        Whose::Caller => ("caller", "the caller asks too often: wait, and ask again"),
        Whose::Tenant => ("tenant", "the tenant's callers ask too often: wait, and ask again"),
        Whose::Address => {
            ("address", "too many credentials from this address were refused: wait, and ask again")
        }
    };
    let metadata = [("subject".to_owned(), subject.to_owned())];
    let mut details = ErrorDetails::with_error_info("RATE_LIMITED", ERROR_DOMAIN, metadata);
    // Whole milliseconds, and never so few that asking again is in vain.
    let millis = u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
    details.set_retry_info(Some(Duration::from_millis(millis.max(1))));
    if let Rate::Limited { per_second, burst } = rate {
        let description = format!("{per_second} a second, {burst} at once");
        details.add_quota_failure_violation(subject, description);
    }
    Status::with_error_details(Code::ResourceExhausted, text, details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Claims, OperatorIdentity, PrincipalIdentity, ServiceIdentity};

    /// One at once, and the next in so long that no test sees it.
    const ONE: Rate = Rate::Limited { per_second: 1, burst: 1 };

    fn claims() -> Claims {
        Claims {
            amr: Vec::new(),
            acr: None,
            acrs: Vec::new(),
            auth_time: None,
            signals: Box::default(),
            expire_time: chrono::DateTime::UNIX_EPOCH,
        }
    }

    fn operator(subject: &str) -> Identity {
        let issuer = "https://login.example".to_owned();
        let subject = subject.to_owned();
        Identity::Operator(OperatorIdentity { issuer, subject, claims: claims() })
    }

    #[test]
    fn a_rate_is_written_as_it_is_read() {
        assert_eq!("none".parse(), Ok(Rate::Unlimited));
        assert_eq!("50/200".parse(), Ok(Rate::Limited { per_second: 50, burst: 200 }));
        for bad in ["", "50", "0/1", "1/0", "-1/5", "1/1000001", "1/2/3", "None"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_flags() {
        #[derive(clap::Parser)]
        struct Args {
            #[command(flatten)]
            rates: RateLimits,
        }
        let args = <Args as clap::Parser>::parse_from(["service"]);
        assert_eq!(args.rates, RateLimits::default());
    }

    #[test]
    fn a_caller_has_a_share_of_each_class_and_a_service_needs_none() {
        let (check_rate, read_rate) = (ONE, ONE);
        let limits = RateLimits { check_rate, read_rate, lose_rate: ONE, ..RateLimits::none() };
        let rates = Rates::new(&RateLimits { write_rate: ONE, ..limits });
        let (alice, bob) = (operator("alice"), operator("bob"));
        for class in [Class::Check, Class::Read, Class::Write, Class::Lose] {
            rates.call(&alice, class).unwrap();
            let over = rates.call(&alice, class).unwrap_err();
            assert_eq!(over.code(), Code::ResourceExhausted);
            rates.call(&bob, class).unwrap();
        }
        // Who may not call it at all may not try as often as they like.
        rates.call(&alice, Class::Internal).unwrap_err();
        let scheduler = Identity::Service(ServiceIdentity {
            name: "scheduler".to_owned(),
            issuer: "https://login.example".to_owned(),
            subject: "scheduler".to_owned(),
            claims: claims(),
        });
        for _ in 0..3 {
            rates.call(&scheduler, Class::Internal).unwrap();
        }
    }

    #[test]
    fn who_is_over_their_own_share_takes_nothing_of_their_tenants() {
        let principal = |subject: &str| {
            let issuer = "https://login.example".to_owned();
            let (tenant, subject) = (Uuid::nil(), subject.to_owned());
            Identity::Principal(PrincipalIdentity { tenant, issuer, subject, claims: claims() })
        };
        let tenant_write_rate = Rate::Limited { per_second: 1, burst: 3 };
        let limits = RateLimits { write_rate: ONE, tenant_write_rate, ..RateLimits::none() };
        let rates = Rates::new(&limits);
        let subject =
            |over: Status| over.get_details_error_info().unwrap().metadata["subject"].clone();
        rates.call(&principal("alice"), Class::Write).unwrap();
        for _ in 0..3 {
            let over = rates.call(&principal("alice"), Class::Write).unwrap_err();
            assert_eq!(subject(over), "caller");
        }
        rates.call(&principal("bob"), Class::Write).unwrap();
        // What is for services alone is refused and leaves its entry: that counts as well.
        rates.call(&principal("carol"), Class::Internal).unwrap();
        let over = rates.call(&principal("dave"), Class::Write).unwrap_err();
        assert_eq!(subject(over), "tenant");
    }

    #[test]
    fn names_that_read_alike_when_joined_are_two_callers() {
        let tenant = Uuid::nil();
        assert_ne!(caller_key(tenant, ["ab", "c"]), caller_key(tenant, ["a", "bc"]));
    }

    #[test]
    fn the_answer_says_whose_share_it_was_and_when_to_ask_again() {
        let rate = Rate::Limited { per_second: 50, burst: 200 };
        let status = limited(Whose::Tenant, rate, Duration::from_micros(19_001));
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.metadata["subject"].as_str()),
            ("RATE_LIMITED", "tenant")
        );
        let retry = status.get_details_retry_info().unwrap().retry_delay;
        assert_eq!(retry, Some(Duration::from_millis(20)));
        let quota = status.get_details_quota_failure().unwrap().violations;
        assert_eq!(quota[0].subject, "tenant");
        assert_eq!(quota[0].description, "50 a second, 200 at once");
    }
}
