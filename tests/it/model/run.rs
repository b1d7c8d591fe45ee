//! One sequence: each command goes to the system and to the model, and both say the same.

use std::{cell::RefCell, collections::BTreeMap, fmt::Debug};

use futures::future::join_all;
use pim_domain::id::TenantId;
use pim_proto::access::v1::Decision;
use pim_tests::World;
use tonic::Status;

use super::{
    generate::Step,
    invariants::{self, Stored},
    reference::Model,
    request::{Bell, Command, Request, Sent},
    system::{Depth, Holder, Raw, RawView, System},
    things::Kind,
    universe::{DORA, PEOPLE, Role, Scope, Who},
    view::{Answer, View},
};

/// After so many steps everybody is asked about everything, and the log is read.
const DEEP_STEPS: usize = 30;
/// After one in so many of the requests that change nothing, it is looked whether they did not.
const UNCHANGED_STEPS: usize = 3;

/// How often each thing was answered.
pub(super) type Counts = BTreeMap<String, usize>;

struct Sequence<'a> {
    model: Model,
    system: System,
    sent: Vec<Sent>,
    /// All that is stored, after the last step.
    stored: Stored,
    /// Whether principals or policies have changed in the last step.
    administered: bool,
    ended: invariants::Ended,
    /// What happened so far, to be read after a failure.
    story: &'a RefCell<Vec<String>>,
    counts: Counts,
}

/// The world to go on with and what was answered how often; or the disagreement.
pub(super) async fn run(
    world: World,
    steps: &[Step],
    story: &RefCell<Vec<String>>,
) -> Result<(World, Counts), String> {
    let system = System::begin(world).await;
    let stored = invariants::stored(&system.world, system.organisation.tenant.into()).await;
    let mut sequence = Sequence {
        model: Model::new(),
        system,
        sent: Vec::new(),
        stored,
        administered: false,
        ended: invariants::Ended::new(),
        story,
        counts: Counts::new(),
    };
    let commands = steps.iter().filter(|(kept, _)| *kept).map(|(_, command)| command);
    for (number, command) in commands.enumerate() {
        let outcome;
        (sequence, outcome) = sequence.step(command).await;
        let deep = number % DEEP_STEPS == DEEP_STEPS - 1;
        if outcome? || deep {
            sequence.check(deep).await?;
        }
    }
    // Nothing is left that another sequence of this world would have to do.
    sequence.settle().await;
    sequence.check(true).await?;
    // Everything in every table is what the log leads to.
    sequence.system.world.is_led_to(sequence.system.organisation.tenant).await;
    Ok((sequence.system.world, sequence.counts))
}

fn same<T: PartialEq + Debug>(what: &str, model: &T, system: &T) -> Result<(), String> {
    if model == system {
        return Ok(());
    }
    Err(format!("{what}:\n  model:  {model:?}\n  system: {system:?}"))
}

/// The first thing in which two lists differ.
fn same_each<T: PartialEq + Debug>(what: &str, model: &[T], system: &[T]) -> Result<(), String> {
    for (place, (model, system)) in model.iter().zip(system).enumerate() {
        same(&format!("{what} {place}"), model, system)?;
    }
    same(&format!("how many {what}s"), &model.len(), &system.len())
}

impl Sequence<'_> {
    fn tenant(&self) -> TenantId {
        self.system.organisation.tenant.into()
    }

    /// Whether anything can have changed.
    async fn step(mut self, command: &Command) -> (Self, Result<bool, String>) {
        let outcome = match command {
            Command::Wait(by) => self.wait(*by),
            Command::WaitForChange(off) => {
                let next =
                    self.model.changes().into_iter().filter(|at| at + off > self.model.now).min();
                match next {
                    Some(next) => self.wait(next + off - self.model.now),
                    None => Ok(false),
                }
            }
            Command::Settle => {
                self.settle().await;
                Ok(true)
            }
            Command::Restart => {
                self.tell("restart");
                let system = self.system.restart().await;
                return (Self { system, ..self }, Ok(true));
            }
            Command::Send { by, mfa, dry, request } => {
                let mut request = self.model.resolve(request);
                self.model.aim(*by, &mut request);
                let caller = self.model.caller(*by, &request);
                let id = self.sent.len();
                // A bell has no dry run.
                let dry = *dry && !matches!(request, Request::Ring { .. });
                let sent = Sent { id, caller, mfa: *mfa, dry, request };
                self.sent.push(sent.clone());
                self.send(&sent).await
            }
            Command::Again { pick, changed } => {
                let Some(first) = self.sent.len().checked_sub(1 + pick % 8) else {
                    return (self, Ok(false));
                };
                let mut sent = Sent { dry: false, ..self.sent[first].clone() };
                if *changed {
                    sent.request = sent.request.changed();
                }
                self.send(&sent).await
            }
        };
        (self, outcome)
    }

    fn tell(&self, what: &str) {
        self.story.borrow_mut().push(format!("{:>14} us  {what}", self.model.now));
    }

    fn wait(&mut self, by: i64) -> Result<bool, String> {
        self.tell(&format!("wait {by} us"));
        self.model.now += by;
        self.system.advance(by);
        Ok(true)
    }

    async fn settle(&mut self) {
        self.tell("settle");
        for place in self.model.would_race() {
            self.system.ring(Bell::VoidActivation, Some(place)).await.unwrap();
        }
        self.model.settle();
        self.system.world.settle().await;
        self.stored = invariants::stored(&self.system.world, self.tenant()).await;
    }

    async fn send(&mut self, sent: &Sent) -> Result<bool, String> {
        let Sent { id, caller, mfa, dry, request } = sent;
        let mut waited = false;
        // Enabled again counts from the microsecond after disabled: here the clock stands still.
        if let Request::Enable { who } = request
            && self.model.disabled_at[*who] == Some(self.model.now)
        {
            waited = self.wait(1)?;
        }
        let flags =
            format!("{}{}", if *mfa { "" } else { " weak" }, if *dry { " dry" } else { "" });
        self.tell(&format!("#{id} {}{flags}: {request:?}", PEOPLE[*caller]));
        let expected = self.model.apply(sent);
        let got: Result<Raw, Status> = self.system.send(sent).await;
        let got = match &got {
            Ok(raw) => self.system.answer(raw),
            Err(status) => System::refusal(status),
        };
        self.story.borrow_mut().push(format!("{:>21}{}", "", short(&got)));
        *self.counts.entry(name(request, &got)).or_default() += 1;
        same("the answer", &expected, &got)?;
        if *dry || matches!(got, Answer::Refused { .. }) {
            if id % UNCHANGED_STEPS == 0 {
                let stored = invariants::stored(&self.system.world, self.tenant()).await;
                same("what is stored after what changes nothing", &self.stored, &stored)?;
            }
            return Ok(waited);
        }
        self.stored = invariants::stored(&self.system.world, self.tenant()).await;
        self.administered = matches!(got, Answer::Principal { .. } | Answer::Policy { .. });
        Ok(true)
    }

    async fn check(&mut self, deep: bool) -> Result<(), String> {
        let depth = if deep || self.administered { Depth::Whole } else { Depth::Moving };
        self.administered = false;
        let raw = self.system.look_at_all(depth).await;
        self.name_things();
        let seen = self.system.view(&raw);
        let View { grants, activations, approvals, principals } = self.model.view();
        same_each("grant", &grants, &seen.grants)?;
        same_each("activation", &activations, &seen.activations)?;
        same_each("approval", &approvals, &seen.approvals)?;
        if depth == Depth::Whole {
            same_each("principal", &principals, &seen.principals)?;
            self.check_policies(&raw)?;
        }
        // What is held anywhere above is held there too.
        let narrowest = [(Role::Entra, Scope::Unit), (Role::Azure, Scope::Group)];
        let wider = [
            (Role::Entra, Scope::Root),
            (Role::Azure, Scope::Root),
            (Role::Azure, Scope::Subscription),
        ];
        let wider = wider.iter().filter(|_| deep);
        let targets: Vec<_> = narrowest.iter().chain(wider).copied().collect();
        let asked = targets.iter().map(|(role, scope)| self.system.holders(*role, *scope));
        for ((role, scope), system) in targets.iter().zip(join_all(asked).await) {
            let what = format!("who holds {role:?} at {scope:?}");
            same(&what, &self.holders(*role, *scope), &system)?;
        }
        let (world, tenant) = (&self.system.world, self.tenant());
        let broken = invariants::check(world, tenant, &self.stored, &mut self.ended).await;
        broken.map_err(|broken| broken.to_string())?;
        if deep {
            self.check_each().await?;
            let broken = invariants::check_log(&self.system.world, tenant, &self.stored).await;
            broken.map_err(|broken| broken.to_string())?;
        }
        Ok(())
    }

    /// The model calls things what the system calls them.
    fn name_things(&mut self) {
        for (grant, id) in self.model.grants.iter_mut().zip(&self.system.grants) {
            grant.id.clone_from(id);
        }
        for (activation, id) in self.model.activations.iter_mut().zip(&self.system.activations) {
            activation.id.clone_from(id);
        }
        for (approval, id) in self.model.approvals.iter_mut().zip(&self.system.approvals) {
            approval.id.clone_from(id);
        }
    }

    fn check_policies(&self, seen: &RawView) -> Result<(), String> {
        let mut seen: Vec<_> =
            seen.policies.iter().map(|policy| self.system.policy(policy)).collect();
        seen.sort_by_key(|(role, scope, ..)| (*role, *scope));
        let model: Vec<_> = self
            .model
            .policies
            .iter()
            .map(|((role, scope), policy)| {
                let set = policy.set.keys().copied().collect();
                let enforced = policy.enforced.iter().copied().collect();
                (*role, *scope, set, enforced, policy.revision)
            })
            .collect();
        same_each("policy", &model, &seen)
    }

    fn holders(&self, role: Role, scope: Scope) -> Vec<Holder> {
        let at = |(kind, place): (Kind, usize)| match kind {
            Kind::Assignment => self.model.grants[place].scope,
            Kind::Eligibility => self.model.activations[place].scope,
        };
        let all = (0..PEOPLE.len()).flat_map(|who| {
            let carriers = self.model.supporting(who, role, scope).into_iter();
            carriers.map(move |by| (who, by, at(by)))
        });
        all.collect()
    }

    /// Asks about each principal, role and scope.
    async fn check_each(&self) -> Result<(), String> {
        // Everybody who has ever been granted something, and one who never is.
        let granted = |who: &Who| self.model.grants.iter().any(|grant| grant.principal == *who);
        for who in (0..PEOPLE.len()).filter(|who| granted(who) || *who == DORA) {
            for role in Role::ALL {
                for scope in Scope::ALL {
                    let answer = self.system.check(who, role, scope).await;
                    let mut carriers: Vec<_> =
                        answer.supporting_ids.iter().map(|id| self.system.carrier(id)).collect();
                    carriers.sort_by_key(|(kind, place)| (*kind == Kind::Eligibility, *place));
                    let system = (
                        answer.decision() == Decision::Allowed,
                        carriers,
                        self.system.when(answer.valid_until.as_ref()),
                        self.system.when(answer.next_change_time.as_ref()),
                    );
                    let held = self.model.supporting(who, role, scope);
                    let (until, next) = self.model.next_change(who, role, scope);
                    let model = (!held.is_empty(), held, until, next);
                    let what = format!("whether {} holds {role:?} at {scope:?}", PEOPLE[who]);
                    same(&what, &model, &system)?;
                }
            }
        }
        Ok(())
    }
}

fn short(answer: &Answer) -> String {
    match answer {
        Answer::Refused { reason, rules, .. } => format!("{reason} {rules:?}"),
        Answer::Grant(place, view) => format!("grant {place} {:?}", view.state),
        Answer::Activation(place, view) => {
            format!("activation {place} {:?} {:?}", view.state, view.ending)
        }
        Answer::Approval(place, view) => {
            format!("approval {place} {:?}, activation {:?}", view.state, view.activation_state)
        }
        Answer::Principal { .. } | Answer::Policy { .. } => format!("{answer:?}"),
    }
}

/// What was asked and how it was answered, to see that everything happens.
fn name(request: &Request, answer: &Answer) -> String {
    let request = format!("{request:?}");
    let request = request.split([' ', '(']).next().unwrap_or_default().to_owned();
    match answer {
        Answer::Refused { reason, .. } => format!("{request} {reason}"),
        Answer::Activation(_, view) => format!("{request} {:?}", view.state),
        Answer::Approval(_, view) => format!("{request} {:?}", view.state),
        Answer::Grant(..) | Answer::Principal { .. } | Answer::Policy { .. } => {
            format!("{request} done")
        }
    }
}
