//! The most obvious evaluator: it has all rows of the tables and walks every way at every instant.
//! It shares nothing with the services.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use pim_tests::Organisation;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{
    Question,
    deeds::{Cast, ROLES},
};

type At = DateTime<Utc>;
/// What is had, which role, where.
pub(super) type Has<'a> = (Uuid, Uuid, &'a str);

/// Actions, and which of the roles permit them by what Microsoft publishes.
pub(super) const ACTIONS: [(&str, &[&str]); 2] = [
    ("Microsoft.Compute/virtualMachines/write", &[ROLES[0]]),
    ("Microsoft.Compute/virtualMachines/read", &ROLES),
];

#[derive(Debug, FromRow)]
struct Grant {
    id: Uuid,
    kind: String,
    principal_id: Uuid,
    role_id: Uuid,
    scope: String,
    start_time: At,
    end_time: Option<At>,
    ended_time: Option<At>,
}

#[derive(Debug, FromRow)]
struct Activation {
    id: Uuid,
    principal_id: Uuid,
    role_id: Uuid,
    scope: String,
    start_time: At,
    end_time: Option<At>,
    ended_time: Option<At>,
    eligibility_id: Uuid,
    membership_ids: Vec<Uuid>,
}

/// Every row that matters.
pub(super) struct Facts {
    users: Vec<Uuid>,
    groups: Vec<Uuid>,
    enabled_since: BTreeMap<Uuid, At>,
    deleted: BTreeMap<Uuid, At>,
    grants: Vec<Grant>,
    activations: Vec<Activation>,
    severed: BTreeMap<Uuid, At>,
    parents: BTreeMap<String, String>,
}

impl Facts {
    pub(super) async fn read(behind: &mut PgConnection, cast: &Cast) -> Self {
        let principals: Vec<(Uuid, Option<At>, Option<At>)> =
            sqlx::query_as("select id, enabled_since, deleted_time from principal")
                .fetch_all(&mut *behind)
                .await
                .unwrap();
        let grants = sqlx::query_as(
            "select id, kind, principal_id, role_id, scope, start_time, end_time, ended_time
             from role_grant",
        );
        let grants = grants.fetch_all(&mut *behind).await.unwrap();
        let activations = sqlx::query_as(
            "select id, principal_id, role_id, scope, start_time, end_time, ended_time,
                    eligibility_id, membership_ids
             from activation where start_time is not null",
        );
        let activations = activations.fetch_all(&mut *behind).await.unwrap();
        let severed: Vec<(Uuid, At)> =
            sqlx::query_as("select activation_id, sever_time from severed")
                .fetch_all(&mut *behind)
                .await
                .unwrap();
        let parents: Vec<(String, String)> =
            sqlx::query_as("select path, parent from scope where parent is not null")
                .fetch_all(&mut *behind)
                .await
                .unwrap();
        let id = |text: &String| text.parse().unwrap();
        Self {
            users: cast.users.iter().map(|user| id(&user.id)).collect(),
            groups: cast.groups.iter().map(|group| id(&group.id)).collect(),
            enabled_since: principals
                .iter()
                .filter_map(|(id, at, _)| Some((*id, (*at)?)))
                .collect(),
            deleted: principals.iter().filter_map(|(id, _, at)| Some((*id, (*at)?))).collect(),
            grants,
            activations,
            severed: severed.into_iter().collect(),
            parents: parents.into_iter().collect(),
        }
    }

    /// Every instant after `now` that is in any row.
    pub(super) fn boundaries(&self, now: At) -> Vec<At> {
        let grants = self.grants.iter();
        let grants = grants.flat_map(|one| [Some(one.start_time), one.end_time, one.ended_time]);
        let activations = self.activations.iter();
        let activations =
            activations.flat_map(|one| [Some(one.start_time), one.end_time, one.ended_time]);
        let all: BTreeSet<At> =
            grants.chain(activations).flatten().filter(|at| *at > now).collect();
        all.into_iter().collect()
    }

    fn is_there(&self, principal: Uuid, at: At) -> bool {
        self.deleted.get(&principal).is_none_or(|deleted| at < *deleted)
    }

    /// The group to which a scope belongs.
    fn group_of(&self, scope: &str) -> Option<Uuid> {
        self.groups.iter().copied().find(|group| scope == format!("/groups/{group}"))
    }

    fn is_within(start: At, end: Option<At>, ended: Option<At>, at: At) -> bool {
        start <= at && end.is_none_or(|end| at < end) && ended.is_none_or(|ended| at < ended)
    }

    /// Whether an assignment, or an eligibility as something to rest on, counts.
    fn grant_counts(&self, grant: &Grant, at: At) -> bool {
        let is_user = self.users.contains(&grant.principal_id);
        let is_enabled = grant.kind == "eligibility"
            || !is_user
            || self.enabled_since.contains_key(&grant.principal_id);
        Self::is_within(grant.start_time, grant.end_time, grant.ended_time, at)
            && is_enabled
            && self.is_there(grant.principal_id, at)
            && self.group_of(&grant.scope).is_none_or(|group| self.is_there(group, at))
    }

    fn activation_counts(&self, one: &Activation, at: At) -> bool {
        let eligibility = self.grants.iter().find(|grant| grant.id == one.eligibility_id).unwrap();
        let enabled = self.enabled_since.get(&one.principal_id);
        Self::is_within(one.start_time, one.end_time, one.ended_time, at)
            && enabled.is_some_and(|since| *since <= one.start_time)
            && self.severed.get(&one.id).is_none_or(|severed| at < *severed)
            && self.group_of(&one.scope).is_none_or(|group| self.is_there(group, at))
            && self.grant_counts(eligibility, at)
            && one.membership_ids.iter().all(|id| self.counts(*id, at))
    }

    fn counts(&self, id: Uuid, at: At) -> bool {
        let grant = self.grants.iter().find(|one| one.id == id);
        let activation = self.activations.iter().find(|one| one.id == id);
        grant.is_some_and(|one| self.grant_counts(one, at))
            || activation.is_some_and(|one| self.activation_counts(one, at))
    }

    /// What counts at an instant: what, whose, which role, where.
    fn held(&self, at: At) -> Vec<(Uuid, Uuid, Uuid, &str)> {
        let assignments = self.grants.iter().filter(|one| one.kind == "assignment");
        let assignments = assignments.filter(|one| self.grant_counts(one, at));
        let assignments =
            assignments.map(|one| (one.id, one.principal_id, one.role_id, one.scope.as_str()));
        let activations = self.activations.iter().filter(|one| self.activation_counts(one, at));
        let activations =
            activations.map(|one| (one.id, one.principal_id, one.role_id, one.scope.as_str()));
        assignments.chain(activations).collect()
    }

    /// What a user has by itself and by groups, as long as that finds more groups.
    fn has(&self, user: Uuid, at: At) -> Vec<Has<'_>> {
        let held = self.held(at);
        let member: Uuid = Organisation::GROUP_MEMBER.parse().unwrap();
        let mut holders = BTreeSet::from([user]);
        loop {
            let of = held.iter().filter(|(_, holder, _, _)| holders.contains(holder));
            let joined = of.filter(|(_, _, role, _)| *role == member);
            let joined: BTreeSet<Uuid> =
                joined.filter_map(|(_, _, _, scope)| self.group_of(scope)).collect();
            if joined.is_subset(&holders) {
                break;
            }
            holders.extend(joined);
        }
        let of = held.into_iter().filter(|(_, holder, _, _)| holders.contains(holder));
        of.map(|(id, _, role, scope)| (id, role, scope)).collect()
    }

    /// Whether a scope is another or lies below it.
    fn is_below(&self, scope: &str, above: &str) -> bool {
        if above == "/" || scope == above || scope.starts_with(&format!("{above}/")) {
            return true;
        }
        // What it begins with may have been put below something.
        let moved = self
            .parents
            .iter()
            .find(|(path, _)| scope == path.as_str() || scope.starts_with(&format!("{path}/")));
        moved.is_some_and(|(_, parent)| self.is_below(parent, above))
    }

    fn answers(&self, has: &[Has<'_>], question: Question) -> bool {
        has.iter().any(|(_, role, at)| match question {
            Question::Role(wanted, scope) => role.to_string() == wanted && self.is_below(scope, at),
            Question::Action(action, scope) => {
                let (_, permitting) = ACTIONS.iter().find(|(name, _)| *name == action).unwrap();
                permitting.contains(&role.to_string().as_str()) && self.is_below(scope, at)
            }
            Question::Group(place) => {
                role.to_string() == Organisation::GROUP_MEMBER
                    && self.group_of(at) == Some(self.groups[place])
            }
        })
    }
}

/// What each user has at each boundary.
pub(super) struct Timeline<'a> {
    facts: &'a Facts,
    boundaries: Vec<(At, Vec<Vec<Has<'a>>>)>,
}

impl<'a> Timeline<'a> {
    pub(super) fn of(facts: &'a Facts, boundaries: &[At]) -> Self {
        let users = |at: At| facts.users.iter().map(|user| facts.has(*user, at)).collect();
        Self { facts, boundaries: boundaries.iter().map(|at| (*at, users(*at))).collect() }
    }

    /// What a user has at any instant.
    pub(super) fn has(&self, user: usize, at: At) -> Vec<Has<'a>> {
        self.facts.has(self.facts.users[user], at)
    }

    /// Whether who has that now holds what is asked about, and the next instant at which that is
    /// otherwise.
    pub(super) fn check(
        &self,
        user: usize,
        has: &[Has<'_>],
        question: Question,
        at: At,
    ) -> (bool, Option<At>) {
        let now = self.facts.answers(has, question);
        let mut later = self.boundaries.iter().filter(|(boundary, _)| *boundary > at);
        let until = later.find(|(_, users)| self.facts.answers(&users[user], question) != now);
        (now, until.map(|(boundary, _)| *boundary))
    }

    /// All of it by id, and the next instant at which it is something else.
    pub(super) fn list(
        &self,
        user: usize,
        has: &[Has<'_>],
        at: At,
    ) -> (BTreeSet<String>, Option<At>) {
        let ids = |has: &[Has<'_>]| -> BTreeSet<String> {
            has.iter().map(|(id, _, _)| id.to_string()).collect()
        };
        let now = ids(has);
        let mut later = self.boundaries.iter().filter(|(boundary, _)| *boundary > at);
        let until = later.find(|(_, users)| ids(&users[user]) != now);
        (now, until.map(|(boundary, _)| *boundary))
    }
}
