//! The small universe: so few people, roles and scopes that things collide.

/// Microseconds since the sequence began; or a length in microseconds.
pub(super) type Time = i64;
pub(super) const SECOND: Time = 1_000_000;
pub(super) const MINUTE: Time = 60 * SECOND;
pub(super) const HOUR: Time = 60 * MINUTE;
pub(super) const DAY: Time = 24 * HOUR;

/// Somebody, by their place in [`PEOPLE`].
pub(super) type Who = usize;
/// Two administrators, three users (the second is the first one's other account), three approvers.
pub(super) const PEOPLE: [&str; 8] =
    ["root", "super", "alice", "alice-admin", "bob", "carl", "dora", "fay"];
pub(super) const ROOT: Who = 0;
pub(super) const SUPER: Who = 1;
pub(super) const ALICE: Who = 2;
pub(super) const ALICE_TOO: Who = 3;
pub(super) const BOB: Who = 4;
pub(super) const CARL: Who = 5;
pub(super) const DORA: Who = 6;
pub(super) const FAY: Who = 7;

/// The person behind an account, named by their first one.
pub(super) fn person(who: Who) -> Who {
    if who == ALICE_TOO { ALICE } else { who }
}

pub(super) fn is_administrator(who: Who) -> bool {
    who == ROOT || who == SUPER
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// User Administrator: a directory role that administers nothing here.
    Entra,
    /// User Access Administrator: who holds it administers resource roles at its scope.
    Azure,
}

impl Role {
    pub(super) const ALL: [Role; 2] = [Role::Entra, Role::Azure];

    pub(super) fn id(self) -> &'static str {
        match self {
            Role::Entra => "fe930be7-5e62-47db-91af-98c3a49a38b1",
            Role::Azure => "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        }
    }

    /// Where its catalog permits it to be granted.
    pub(super) fn is_legal_at(self, scope: Scope) -> bool {
        match self {
            Role::Entra => matches!(scope, Scope::Root | Scope::Unit),
            Role::Azure => matches!(scope, Scope::Root | Scope::Subscription | Scope::Group),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Root,
    Subscription,
    Group,
    Unit,
}

impl Scope {
    pub(super) const ALL: [Scope; 4] =
        [Scope::Root, Scope::Subscription, Scope::Group, Scope::Unit];

    pub(super) fn text(self) -> &'static str {
        match self {
            Scope::Root => "/",
            Scope::Subscription => "/subscriptions/s",
            Scope::Group => "/subscriptions/s/resourceGroups/g",
            Scope::Unit => "/administrativeUnits/u",
        }
    }

    /// Itself and what is above it, the nearest first.
    pub(super) fn at_and_above(self) -> &'static [Scope] {
        match self {
            Scope::Root => &[Scope::Root],
            Scope::Subscription => &[Scope::Subscription, Scope::Root],
            Scope::Group => &[Scope::Group, Scope::Subscription, Scope::Root],
            Scope::Unit => &[Scope::Unit, Scope::Root],
        }
    }

    pub(super) fn covers(self, other: Scope) -> bool {
        other.at_and_above().contains(&self)
    }

    /// How many scopes are above it.
    pub(super) fn depth(self) -> usize {
        self.at_and_above().len()
    }
}
