//! What is done in a tenant before it is asked about. What the rules refuse is left undone.

use chrono::{DateTime, TimeDelta, Utc};
use pim_proto::{
    activation::v1::{ActivateRoleRequest, activate_role_request::Length},
    assignment::v1::{
        CreateAssignmentRequest, CreateEligibilityRequest, DeleteGroupRequest,
        DisablePrincipalRequest, EnablePrincipalRequest, GetGroupRequest, Group,
        ListAssignmentsRequest, ListEligibilitiesRequest, RemoveAssignmentRequest,
        RemoveEligibilityRequest,
    },
};
use pim_tests::{Organisation, Person, World, duration, timestamp};
use proptest::prelude::*;

use super::{ABOVE, SCOPES};

pub(super) const USERS: usize = 3;
pub(super) const GROUPS: usize = 3;
/// Contributor and Reader.
pub(super) const ROLES: [&str; 2] =
    ["b24988ac-6180-42a0-ab88-20f7382dd24c", "acdd72a7-3385-48ef-bd42-f606fba81ae7"];
const DEEDS: usize = 28;

/// From when and until when, in hours from now.
type Hours = (Option<i64>, Option<i64>);

#[derive(Debug, Clone)]
pub(super) enum Deed {
    /// A role, to a user or a group.
    Assign {
        who: usize,
        role: usize,
        scope: usize,
        hours: Hours,
    },
    Eligible {
        who: usize,
        role: usize,
        scope: usize,
        hours: Hours,
    },
    /// A user or a group, as a member.
    Join {
        who: usize,
        group: usize,
        hours: Hours,
    },
    MayJoin {
        who: usize,
        group: usize,
        hours: Hours,
    },
    Activate {
        user: usize,
        role: usize,
        scope: usize,
        hours: i64,
    },
    ActivateMembership {
        user: usize,
        group: usize,
        hours: i64,
    },
    RemoveAssignment(prop::sample::Index),
    RemoveEligibility(prop::sample::Index),
    Disable(usize),
    Enable(usize),
    DeleteGroup(usize),
    Move {
        to: usize,
    },
    Pass {
        minutes: i64,
    },
}

fn hours() -> impl Strategy<Value = Hours> {
    let start = prop::option::weighted(0.4, 1..5_i64);
    let length = prop::option::weighted(0.7, 1..6_i64);
    (start, length)
        .prop_map(|(start, length)| (start, length.map(|length| start.unwrap_or(0) + length)))
}

/// Some deeds, those that grant first.
pub(super) fn some() -> impl Strategy<Value = Vec<Deed>> {
    let who = || 0..USERS + GROUPS;
    let (role, scope, group) = (|| 0..ROLES.len(), || 0..SCOPES.len(), || 0..GROUPS);
    let deed = prop_oneof![
        4 => (who(), role(), scope(), hours())
            .prop_map(|(who, role, scope, hours)| Deed::Assign { who, role, scope, hours }),
        3 => (who(), role(), scope(), hours())
            .prop_map(|(who, role, scope, hours)| Deed::Eligible { who, role, scope, hours }),
        4 => (who(), group(), hours())
            .prop_map(|(who, group, hours)| Deed::Join { who, group, hours }),
        2 => (0..USERS, group(), hours())
            .prop_map(|(who, group, hours)| Deed::MayJoin { who, group, hours }),
        5 => (0..USERS, role(), scope(), 1..5_i64)
            .prop_map(|(user, role, scope, hours)| Deed::Activate { user, role, scope, hours }),
        2 => (0..USERS, group(), 1..5_i64)
            .prop_map(|(user, group, hours)| Deed::ActivateMembership { user, group, hours }),
        1 => any::<prop::sample::Index>().prop_map(Deed::RemoveAssignment),
        1 => any::<prop::sample::Index>().prop_map(Deed::RemoveEligibility),
        1 => (0..USERS).prop_map(Deed::Disable),
        1 => (0..USERS).prop_map(Deed::Enable),
        1 => group().prop_map(Deed::DeleteGroup),
        2 => (0..ABOVE.len()).prop_map(|to| Deed::Move { to }),
        3 => (1..90_i64).prop_map(|minutes| Deed::Pass { minutes }),
    ];
    prop::collection::vec(deed, DEEDS)
}

/// Who is there.
pub(super) struct Cast {
    pub(super) users: Vec<Person>,
    pub(super) groups: Vec<Group>,
}

impl Cast {
    pub(super) async fn assemble(world: &World, organisation: &Organisation) -> Self {
        for scope in ABOVE {
            organisation.register(scope, "").await.unwrap();
        }
        organisation.register(SCOPES[2], ABOVE[0]).await.unwrap();
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for place in 0..USERS {
            users.push(organisation.user(world, &format!("user-{place}")).await);
        }
        for place in 0..GROUPS {
            groups.push(organisation.group(&format!("group-{place}")).await);
        }
        Self { users, groups }
    }

    /// The id of a user, or after them of a group.
    fn id(&self, who: usize) -> String {
        match self.users.get(who) {
            Some(user) => user.id.clone(),
            None => self.groups[who - USERS].id.clone(),
        }
    }

    pub(super) async fn act(&self, world: &World, organisation: &Organisation, deed: &Deed) {
        let member = Organisation::GROUP_MEMBER;
        match *deed {
            Deed::Assign { who, role, scope, hours } => {
                self.assign(world, organisation, (who, ROLES[role], SCOPES[scope]), hours).await;
            }
            Deed::Join { who, group, hours } => {
                let target = (who, member, self.groups[group].scope.as_str());
                self.assign(world, organisation, target, hours).await;
            }
            Deed::Eligible { who, role, scope, hours } => {
                let target = (who, ROLES[role], SCOPES[scope]);
                self.make_eligible(world, organisation, target, hours).await;
            }
            Deed::MayJoin { who, group, hours } => {
                let target = (who, member, self.groups[group].scope.as_str());
                self.make_eligible(world, organisation, target, hours).await;
            }
            Deed::Activate { user, role, scope, hours } => {
                self.activate(user, (ROLES[role], SCOPES[scope]), hours).await;
            }
            Deed::ActivateMembership { user, group, hours } => {
                self.activate(user, (member, &self.groups[group].scope), hours).await;
            }
            Deed::RemoveAssignment(index) => remove_assignment(organisation, index).await,
            Deed::RemoveEligibility(index) => remove_eligibility(organisation, index).await,
            Deed::Disable(user) => {
                let principal_id = self.users[user].id.clone();
                let request =
                    DisablePrincipalRequest { principal_id, ..DisablePrincipalRequest::default() };
                drop(organisation.admin.client.directory().disable_principal(request).await);
            }
            Deed::Enable(user) => {
                let principal_id = self.users[user].id.clone();
                let request =
                    EnablePrincipalRequest { principal_id, ..EnablePrincipalRequest::default() };
                drop(organisation.admin.client.directory().enable_principal(request).await);
            }
            Deed::DeleteGroup(group) => self.delete(organisation, group).await,
            Deed::Move { to } => drop(organisation.move_scope(SCOPES[2], ABOVE[to]).await),
            Deed::Pass { minutes } => world.advance(TimeDelta::minutes(minutes)),
        }
    }

    async fn assign(
        &self,
        world: &World,
        organisation: &Organisation,
        (who, role, scope): (usize, &str, &str),
        hours: Hours,
    ) {
        let (start, end) = window(world, hours);
        let request = CreateAssignmentRequest {
            principal_id: self.id(who),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            start_time: start.map(timestamp),
            end_time: end.map(timestamp),
            justification: "their work".to_owned(),
            ..CreateAssignmentRequest::default()
        };
        drop(organisation.admin.client.assignments().create_assignment(request).await);
    }

    async fn make_eligible(
        &self,
        world: &World,
        organisation: &Organisation,
        (who, role, scope): (usize, &str, &str),
        hours: Hours,
    ) {
        let (start, end) = window(world, hours);
        let request = CreateEligibilityRequest {
            principal_id: self.id(who),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            start_time: start.map(timestamp),
            end_time: end.map(timestamp),
            ..CreateEligibilityRequest::default()
        };
        drop(organisation.admin.client.assignments().create_eligibility(request).await);
    }

    async fn activate(&self, user: usize, (role, scope): (&str, &str), hours: i64) {
        let wish = ActivateRoleRequest {
            length: Some(Length::Duration(duration(TimeDelta::hours(hours)))),
            ..Person::wish(role, scope)
        };
        drop(self.users[user].activate(wish).await);
    }

    async fn delete(&self, organisation: &Organisation, group: usize) {
        let mut directory = organisation.admin.client.directory();
        let group_id = self.groups[group].id.clone();
        let request = GetGroupRequest { group_id: group_id.clone() };
        let etag = directory.get_group(request).await.unwrap().into_inner().group.unwrap().etag;
        let request = DeleteGroupRequest { group_id, etag, ..DeleteGroupRequest::default() };
        drop(directory.delete_group(request).await);
    }
}

/// Ends one of the assignments that there are; the administrators stay.
async fn remove_assignment(organisation: &Organisation, index: prop::sample::Index) {
    let mut assignments = organisation.admin.client.assignments();
    let request = ListAssignmentsRequest { page_size: 1_000, ..ListAssignmentsRequest::default() };
    let mut all = assignments.list_assignments(request).await.unwrap().into_inner().assignments;
    all.retain(|one| one.role_id != Organisation::GLOBAL_ADMINISTRATOR);
    if let Some(one) = all.get(index.index(all.len().max(1))) {
        let request = RemoveAssignmentRequest {
            assignment_id: one.id.clone(),
            ..RemoveAssignmentRequest::default()
        };
        drop(assignments.remove_assignment(request).await);
    }
}

/// Ends one of the eligibilities that there are.
async fn remove_eligibility(organisation: &Organisation, index: prop::sample::Index) {
    let mut assignments = organisation.admin.client.assignments();
    let request =
        ListEligibilitiesRequest { page_size: 1_000, ..ListEligibilitiesRequest::default() };
    let all = assignments.list_eligibilities(request).await.unwrap().into_inner().eligibilities;
    if let Some(one) = all.get(index.index(all.len().max(1))) {
        let request = RemoveEligibilityRequest {
            eligibility_id: one.id.clone(),
            ..RemoveEligibilityRequest::default()
        };
        drop(assignments.remove_eligibility(request).await);
    }
}

fn window(world: &World, (start, end): Hours) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let at = |hours: i64| world.now() + TimeDelta::hours(hours);
    (start.map(at), end.map(at))
}
