//! The places for connections: so many in all, and so many for one source.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The bits of an IPv6 address that name its network. Who has one has all of its addresses.
const NETWORK_BITS: u32 = 64;

/// Where somebody connects from: the address, or its network where that is all one.
pub(super) fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> NETWORK_BITS << NETWORK_BITS;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Who has a place. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Places {
    max: usize,
    max_of_one: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    source: IpAddr,
}

impl Places {
    pub(super) fn new(max: usize, max_of_one: usize) -> Self {
        Self { max, max_of_one, taken: Arc::default() }
    }

    /// One more for this source, if there is one.
    pub(super) fn take(&self, source: IpAddr) -> Option<Place> {
        let mut taken = self.lock();
        let own = taken.by.get(&source).copied().unwrap_or_default();
        if taken.all >= self.max || own >= self.max_of_one {
            return None;
        }
        taken.all += 1;
        taken.by.insert(source, own + 1);
        Some(Place { places: self.clone(), source })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(own) = taken.by.get_mut(&self.source) {
            *own -= 1;
            if *own == 0 {
                taken.by.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> IpAddr {
        source(address.parse().unwrap())
    }

    #[test]
    fn one_source_leaves_places_for_others() {
        let places = Places::new(3, 2);
        let (one, other) = (at("192.0.2.1"), at("192.0.2.2"));
        let mut taken = vec![places.take(one).unwrap(), places.take(one).unwrap()];
        assert!(places.take(one).is_none());
        taken.push(places.take(other).unwrap());
        assert!(places.take(other).is_none(), "there are three in all");
        taken.remove(0);
        drop(places.take(one).unwrap());
        drop(taken);
        assert_eq!(places.lock().all, 0);
        assert!(places.lock().by.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        assert_eq!(at("2001:db8:0:1::1"), at("2001:db8:0:1:ffff::9"));
        assert_ne!(at("2001:db8:0:1::1"), at("2001:db8:0:2::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    }
}
