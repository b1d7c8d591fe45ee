//! Whether those who said yes suffice: a matching of distinct persons to slots, stage by stage.
//!
//! A decision belongs to a person and not to a slot, and a person counts once in a whole request.
//! So a stage is complete when some way of seating persons on slots fills as many of its slots as
//! it asks for, and of each stage before it; nobody has to say for which slot they decide.

use std::collections::{BTreeSet, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    effective::{HoldingKind, Membership},
    id::{GroupId, PrincipalId},
    policy::{ApprovalRule, Slot},
    principal::{Principal, PrincipalKind},
};

/// Somebody's yes: the account that gave it, and the human behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vote {
    /// The account.
    pub approver: PrincipalId,
    /// The human: counts once.
    pub person: Uuid,
}

/// Those who may be asked, and by what they belong to the groups that may.
#[derive(Debug, Clone, Copy)]
pub struct Panel<'a> {
    /// Those whom rules name, alone or by a group, and who exist.
    pub people: &'a [Principal],
    /// Their memberships and those of the groups.
    pub memberships: &'a [Membership],
    /// When they are asked.
    pub at: DateTime<Utc>,
}

impl<'a> Panel<'a> {
    /// People of no group.
    #[must_use]
    pub fn of(people: &'a [Principal]) -> Self {
        Self { people, memberships: &[], at: DateTime::<Utc>::MIN_UTC }
    }

    /// Those who belong to a group, but by what the person `barred` granted, and where activations
    /// give no standing but by those.
    fn members(
        &self,
        group: GroupId,
        activated: bool,
        barred: Option<Uuid>,
    ) -> BTreeSet<PrincipalId> {
        let gives_standing = |one: &&Membership| {
            one.counts.contains(self.at)
                && (activated || one.kind == HoldingKind::Assignment)
                && (one.granted_by.is_none() || one.granted_by != barred)
        };
        let mut members: BTreeSet<PrincipalId> = BTreeSet::new();
        let mut groups: Vec<PrincipalId> = vec![group.uuid().into()];
        while let Some(group) = groups.pop() {
            let to = self.memberships.iter().filter(|one| one.group == group);
            for one in to.filter(gives_standing) {
                if members.insert(one.holder) {
                    groups.push(one.holder);
                }
            }
        }
        members
    }
}

/// Who may take which slot of one approval rule, as people are now.
#[derive(Debug, Clone)]
pub struct Seating {
    stages: Vec<Stage>,
}

#[derive(Debug, Clone)]
struct Stage {
    /// How many of its slots have to be filled.
    needed: usize,
    /// Who can fill each.
    slots: Vec<BTreeSet<Vote>>,
}

impl Seating {
    /// Seats those of the panel who are enabled users and not of the person `barred`, who asked. A
    /// slot that none of them can fill is one for any of the rule's fallback approvers.
    #[must_use]
    pub fn new(rule: &ApprovalRule, panel: Panel<'_>, barred: Option<Uuid>) -> Self {
        Self::counting(rule, panel, barred, &[])
    }

    /// The same, as if the accounts `anyhow` were still enabled.
    #[must_use]
    pub fn counting(
        rule: &ApprovalRule,
        panel: Panel<'_>,
        barred: Option<Uuid>,
        anyhow: &[Vote],
    ) -> Self {
        Self::seated(rule, panel, barred, (anyhow, &[]))
    }

    /// The same, as if the accounts that gave `votes` were still enabled and in every group.
    #[must_use]
    pub fn as_given(
        rule: &ApprovalRule,
        panel: Panel<'_>,
        barred: Option<Uuid>,
        votes: &[Vote],
    ) -> Self {
        Self::seated(rule, panel, barred, (votes, votes))
    }

    fn seated(
        rule: &ApprovalRule,
        panel: Panel<'_>,
        barred: Option<Uuid>,
        (anyhow, belonging): (&[Vote], &[Vote]),
    ) -> Self {
        let fit = |id: &PrincipalId| {
            let one = panel.people.iter().find(|one| one.id == *id)?;
            let enabled = one.is_enabled() || anyhow.iter().any(|vote| vote.approver == *id);
            let person = one.person_key();
            let fit = enabled && one.kind == PrincipalKind::User && barred != Some(person);
            fit.then_some(Vote { approver: *id, person })
        };
        let fallback: BTreeSet<Vote> = rule.fallback_approvers.iter().filter_map(fit).collect();
        let seats = |slot: &Slot| {
            let seated: BTreeSet<Vote> = match slot {
                Slot::User(user) => fit(user).into_iter().collect(),
                Slot::Group { group, activated } => {
                    let members = panel.members(*group, *activated, barred);
                    let lapsed = belonging.iter().map(|vote| &vote.approver);
                    members.iter().chain(lapsed).filter_map(fit).collect()
                }
            };
            if seated.is_empty() { fallback.clone() } else { seated }
        };
        let stages = rule.stages.iter().map(|stage| Stage {
            needed: stage.needed(),
            slots: stage.slots.iter().map(seats).collect(),
        });
        Self { stages: stages.collect() }
    }

    /// Whether all stages can be completed by those who are there.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let all: HashSet<Vote> = self.votes(self.stages.len()).collect();
        self.is_met(&all)
    }

    /// Whether `votes` complete all stages.
    #[must_use]
    pub fn is_met(&self, votes: &HashSet<Vote>) -> bool {
        self.open_stage(votes).is_none()
    }

    /// The first stage that `votes` do not complete, from 0; `None` where they complete all.
    #[must_use]
    pub fn open_stage(&self, votes: &HashSet<Vote>) -> Option<usize> {
        (0..self.stages.len()).find(|stage| {
            let stages = &self.stages[..=*stage];
            let needed: usize = stages.iter().map(|stage| stage.needed).sum();
            seated(stages, votes) < needed
        })
    }

    /// Whether the account `approver` has a slot in a stage up to the one that `votes` leave open.
    /// A vote beyond need is taken as well: it counts should another lose its standing.
    #[must_use]
    pub fn may_decide(&self, approver: PrincipalId, votes: &HashSet<Vote>) -> bool {
        let open = self.open_stage(votes).map_or(self.stages.len(), |stage| stage + 1);
        self.votes(open).any(|vote| vote.approver == approver)
    }

    /// Who could say yes, each with the first stage in which they have a slot.
    #[must_use]
    pub fn approvers(&self) -> Vec<(usize, PrincipalId)> {
        let mut known = HashSet::new();
        let all = self.stages.iter().enumerate().flat_map(|(stage, seats)| {
            seats.slots.iter().flatten().map(move |vote| (stage, vote.approver))
        });
        all.filter(|(_, approver)| known.insert(*approver)).collect()
    }

    /// Everybody with a slot in the first `stages` stages.
    fn votes(&self, stages: usize) -> impl Iterator<Item = Vote> + '_ {
        self.stages.iter().take(stages).flat_map(|stage| stage.slots.iter().flatten().copied())
    }
}

/// How many slots of `stages` can be filled at once, each stage up to its need, each person once:
/// the maximum flow from stages by slots to persons.
fn seated(stages: &[Stage], votes: &HashSet<Vote>) -> usize {
    let mut network = Network::default();
    let (source, sink) = (network.node(), network.node());
    let persons: Vec<(Uuid, usize)> = {
        let distinct: BTreeSet<Uuid> = votes.iter().map(|vote| vote.person).collect();
        distinct.into_iter().map(|person| (person, network.node())).collect()
    };
    for (_, person) in &persons {
        network.pipe(*person, sink, 1);
    }
    for stage in stages {
        let from = network.node();
        network.pipe(source, from, stage.needed);
        for slot in &stage.slots {
            let seat = network.node();
            network.pipe(from, seat, 1);
            let fit: BTreeSet<Uuid> =
                slot.iter().filter(|vote| votes.contains(vote)).map(|vote| vote.person).collect();
            for (_, person) in persons.iter().filter(|(person, _)| fit.contains(person)) {
                network.pipe(seat, *person, 1);
            }
        }
    }
    network.flow(source, sink)
}

/// Pipes between nodes; each has its way back beside it, at the next odd index.
#[derive(Default)]
struct Network {
    to: Vec<usize>,
    room: Vec<usize>,
    from: Vec<Vec<usize>>,
}

impl Network {
    fn node(&mut self) -> usize {
        self.from.push(Vec::new());
        self.from.len() - 1
    }

    fn pipe(&mut self, from: usize, to: usize, room: usize) {
        for (from, to, room) in [(from, to, room), (to, from, 0)] {
            self.from[from].push(self.to.len());
            self.to.push(to);
            self.room.push(room);
        }
    }

    /// The maximum flow, one unit along a shortest way at a time (Edmonds and Karp): at most as
    /// many rounds as there are slots.
    fn flow(&mut self, source: usize, sink: usize) -> usize {
        let mut flow = 0;
        while let Some(way) = self.way(source, sink) {
            for pipe in way {
                self.room[pipe] -= 1;
                self.room[pipe ^ 1] += 1;
            }
            flow += 1;
        }
        flow
    }

    fn way(&self, source: usize, sink: usize) -> Option<Vec<usize>> {
        let mut reached_by: Vec<Option<usize>> = vec![None; self.from.len()];
        let mut next = VecDeque::from([source]);
        while let Some(node) = next.pop_front() {
            for pipe in &self.from[node] {
                let to = self.to[*pipe];
                if self.room[*pipe] > 0 && to != source && reached_by[to].is_none() {
                    reached_by[to] = Some(*pipe);
                    next.push_back(to);
                }
            }
        }
        let mut way = Vec::new();
        let mut node = sink;
        while node != source {
            let pipe = reached_by[node]?;
            way.push(pipe);
            node = self.to[pipe ^ 1];
        }
        Some(way)
    }
}
