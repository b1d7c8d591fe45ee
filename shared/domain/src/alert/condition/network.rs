//! Activations from a network from which that person does not activate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Finding, Measure, Setting};
use crate::{
    id::{PrincipalId, RoleId},
    scope::Scope,
};

/// Bits of an IPv4 address that name its network.
const V4_BITS: u32 = 24;
/// Bits of an IPv6 address that name its network: what one site is given, as a rule.
const V6_BITS: u32 = 48;

/// The network of an address, by its first one. An IPv4 address that is written as one of IPv6 is
/// the IPv4 address.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let host = Ipv4Addr::BITS - V4_BITS;
            Ipv4Addr::from_bits(address.to_bits() >> host << host).into()
        }
        IpAddr::V6(address) => {
            let host = Ipv6Addr::BITS - V6_BITS;
            Ipv6Addr::from_bits(address.to_bits() >> host << host).into()
        }
    }
}

/// An activation that has begun, from where it was asked for, and from where the same person asked
/// for those that began before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Which.
    pub activation: Uuid,
    /// Who.
    pub principal: PrincipalId,
    /// Which role.
    pub role: RoleId,
    /// Where it is held.
    pub scope: Scope,
    /// When.
    pub time: DateTime<Utc>,
    /// From there.
    pub address: IpAddr,
    /// From where those before it were asked for, as far back as is looked at.
    pub history: Vec<IpAddr>,
}

/// The activations of lately from a network from which none before them was, where there were
/// enough of these to know a habit.
#[must_use]
pub fn unusual_networks(all: &[Origin], setting: &Setting, now: DateTime<Utc>) -> Vec<Finding> {
    let since = setting.since(now);
    let least = setting.value(Measure::Count);
    let is_met = |one: &&Origin| {
        let known = i64::try_from(one.history.len()).unwrap_or(i64::MAX);
        let own = network(one.address);
        one.time > since
            && known >= least
            && one.history.iter().all(|before| network(*before) != own)
    };
    let finding = |one: &Origin| {
        let bits = if network(one.address).is_ipv4() { V4_BITS } else { V6_BITS };
        let detail = format!(
            "from {}/{bits}; none of the {} before it was from there",
            network(one.address),
            one.history.len(),
        );
        Finding {
            subject: Some(one.principal),
            role: Some(one.role),
            scope: Some(one.scope.clone()),
            ..Finding::of(&[&one.activation], detail)
        }
    };
    all.iter().filter(is_met).map(finding).collect()
}
