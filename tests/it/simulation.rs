//! A first simulation: random wishes of a few people, time that jumps, restarts and messages that
//! are delivered twice. After each step the invariants hold, and at the end the log is sound and
//! leads to all that is stored.
//!
//! The seed is printed; `PIM_SIMULATION_SEEDS` and `PIM_SIMULATION_STEPS` make a longer run.

use std::{collections::HashMap, env};

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::Activation,
    approval::Approval,
    effective,
    grant::{Grant, GrantKind, GrantState},
    id::{ActivationId, PrincipalId, TenantId},
    invariant,
    principal::Principal,
};
use pim_proto::{
    activation::v1::{ActivateRoleRequest, CancelActivationRequest, RevokeActivationRequest},
    assignment::v1::{
        CreateEligibilityRequest, DisablePrincipalRequest, EnablePrincipalRequest,
        RemoveEligibilityRequest, UpdateEligibilityRequest, update_eligibility_request,
    },
};
use pim_store::{Reach, activations, approvals, grants, holdings, principals};
use pim_tests::{Organisation, Person, World, reason, timestamp};
use tonic::{Code, Status};

const ROLES: [&str; 2] = [Organisation::USER_ADMINISTRATOR, Organisation::CONTRIBUTOR];
const SCOPES: [&str; 2] = ["/", "/subscriptions/a"];
const READ_MAX: i64 = 10_000;

/// SplitMix64: small, and the same on every machine.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let sides = u64::try_from(from.len()).unwrap();
        &from[usize::try_from(self.roll(sides)).unwrap()]
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.roll(chances) == 0
    }
}

/// All that is stored of one tenant.
struct Stored {
    activations: Vec<Activation>,
    approvals: Vec<Approval>,
    eligibilities: Vec<Grant>,
    principals: Vec<Principal>,
}

struct Simulation {
    world: World,
    organisation: Organisation,
    people: Vec<Person>,
    dice: Dice,
    /// What had ended at the last step.
    ended: HashMap<ActivationId, Activation>,
    /// How often each kind of step was done.
    done: HashMap<&'static str, usize>,
}

impl Simulation {
    async fn begin(seed: u64) -> Self {
        let world = World::start().await;
        let organisation = world.organisation().await;
        let mut people = Vec::new();
        for name in ["alice", "bob", "carol", "dave"] {
            people.push(organisation.user(&world, name).await);
        }
        organisation.require_approval(ROLES[0], &[&people[2], &people[3]]).await;
        for role in ROLES {
            organisation.make_eligible(&people[0], role, "/").await;
            organisation.make_eligible(&people[1], role, "/").await;
        }
        let dice = Dice(seed);
        Self { world, organisation, people, dice, ended: HashMap::new(), done: HashMap::new() }
    }

    fn tenant(&self) -> TenantId {
        self.organisation.tenant.into()
    }

    async fn step(mut self) -> Self {
        let (name, answer) = match self.dice.roll(21) {
            0..=5 => ("activate", self.activate().await),
            6 => ("deactivate", self.deactivate().await),
            7 => ("cancel", self.cancel().await),
            8..=11 => ("approve", self.decide(true).await),
            12 => ("deny", self.decide(false).await),
            13 | 14 => ("make eligible", self.make_eligible().await),
            15 => ("remove eligibility", self.remove_eligibility().await),
            20 => ("move an end", self.move_end().await),
            16 => ("switch a principal", self.switch_principal().await),
            17 => ("revoke", self.revoke().await),
            18 | 19 => {
                let minutes = i64::try_from(self.dice.roll(180)).unwrap();
                self.world.advance(TimeDelta::minutes(minutes));
                if self.dice.one_in(2) {
                    self.world.settle().await;
                }
                ("time", Ok(true))
            }
            _ => {
                if self.dice.one_in(4) {
                    self = self.restart().await;
                }
                ("restart", Ok(true))
            }
        };
        match answer {
            Ok(true) => *self.done.entry(name).or_default() += 1,
            Ok(false) => {}
            // Whatever was asked, it is answered in terms of the error table.
            Err(status) => {
                let internal = [Code::Internal, Code::Unknown, Code::Unavailable, Code::DataLoss];
                assert!(!internal.contains(&status.code()), "{name}: {status}");
                assert!(!reason(&status).is_empty(), "{name}: {status}");
            }
        }
        self.check().await;
        self
    }

    async fn restart(self) -> Self {
        let world = self.world.restart().await;
        let people = self.people.iter().map(|person| person.again(&world)).collect();
        let organisation = self.organisation.again(&world);
        Self { world, organisation, people, ..self }
    }

    async fn activate(&mut self) -> Result<bool, Status> {
        let person = self.dice.pick(&self.people).clone();
        let (role, scope) = (*self.dice.pick(&ROLES), *self.dice.pick(&SCOPES));
        let mut wish = Person::wish(role, scope);
        wish.request_id = uuid::Uuid::new_v4().to_string();
        if self.dice.one_in(3) {
            let minutes = i64::try_from(self.dice.roll(240)).unwrap();
            let start = self.world.now() + TimeDelta::minutes(minutes);
            wish = ActivateRoleRequest { start_time: Some(timestamp(start)), ..wish };
        }
        let first = person.activate(wish.clone()).await?;
        if self.dice.one_in(2) {
            let again = person.activate(wish).await?;
            assert_eq!(again.id, first.id, "delivered twice, made twice");
        }
        Ok(true)
    }

    /// One that lives, and mostly its holder, who may end it; sometimes anybody else.
    async fn somebodys(&mut self) -> Option<(Person, String)> {
        let mut activations = self.stored().await.activations;
        activations.retain(Activation::is_live);
        if activations.is_empty() {
            return None;
        }
        let activation = self.dice.pick(&activations);
        let person = if self.dice.one_in(4) {
            self.dice.pick(&self.people)
        } else {
            let holder = activation.principal.to_string();
            self.people.iter().find(|person| person.id == holder).unwrap()
        };
        Some((person.clone(), activation.id.to_string()))
    }

    async fn deactivate(&mut self) -> Result<bool, Status> {
        let Some((person, activation)) = self.somebodys().await else { return Ok(false) };
        person.deactivate(&activation).await.map(|_| true)
    }

    async fn cancel(&mut self) -> Result<bool, Status> {
        let Some((person, activation_id)) = self.somebodys().await else { return Ok(false) };
        let request = CancelActivationRequest { activation_id, ..Default::default() };
        person.client.activations().cancel_activation(request).await.map(|_| true)
    }

    async fn revoke(&mut self) -> Result<bool, Status> {
        let Some((_, activation_id)) = self.somebodys().await else { return Ok(false) };
        let justification = "misused".to_owned();
        let request =
            RevokeActivationRequest { activation_id, justification, ..Default::default() };
        let admin = &self.organisation.admin.client;
        admin.activations().revoke_activation(request).await.map(|_| true)
    }

    async fn decide(&mut self, yes: bool) -> Result<bool, Status> {
        let person = self.dice.pick(&self.people[2..]).clone();
        let Some(approval) = person.try_inbox().await?.into_iter().next() else { return Ok(false) };
        let repeated = self.dice.one_in(2);
        for _ in 0..=u8::from(repeated) {
            if yes {
                person.approve(&approval).await?
            } else {
                person.deny(&approval).await?
            };
        }
        Ok(true)
    }

    async fn make_eligible(&mut self) -> Result<bool, Status> {
        let minutes = i64::try_from(60 + self.dice.roll(600)).unwrap();
        let end = self.world.now() + TimeDelta::minutes(minutes);
        let request = CreateEligibilityRequest {
            principal_id: self.dice.pick(&self.people).id.clone(),
            role_id: (*self.dice.pick(&ROLES)).to_owned(),
            scope: "/".to_owned(),
            end_time: self.dice.one_in(2).then(|| timestamp(end)),
            ..CreateEligibilityRequest::default()
        };
        let mut assignments = self.organisation.admin.client.assignments();
        assignments.create_eligibility(request).await.map(|_| true)
    }

    async fn remove_eligibility(&mut self) -> Result<bool, Status> {
        let eligibilities = self.stored().await.eligibilities;
        if eligibilities.is_empty() {
            return Ok(false);
        }
        let eligibility_id = self.dice.pick(&eligibilities).id.to_string();
        let request = RemoveEligibilityRequest { eligibility_id, ..Default::default() };
        let mut assignments = self.organisation.admin.client.assignments();
        assignments.remove_eligibility(request).await.map(|_| true)
    }

    /// Sooner or later than before, perhaps under a running activation.
    async fn move_end(&mut self) -> Result<bool, Status> {
        let eligibilities = self.stored().await.eligibilities;
        if eligibilities.is_empty() {
            return Ok(false);
        }
        let eligibility = self.dice.pick(&eligibilities);
        let minutes = i64::try_from(5 + self.dice.roll(300)).unwrap();
        let end = timestamp(self.world.now() + TimeDelta::minutes(minutes));
        let request = UpdateEligibilityRequest {
            eligibility_id: eligibility.id.to_string(),
            etag: eligibility.version.etag(),
            end: Some(update_eligibility_request::End::EndTime(end)),
            ..UpdateEligibilityRequest::default()
        };
        let mut assignments = self.organisation.admin.client.assignments();
        assignments.update_eligibility(request).await.map(|_| true)
    }

    async fn switch_principal(&mut self) -> Result<bool, Status> {
        let principal_id = self.dice.pick(&self.people).id.clone();
        let mut directory = self.organisation.admin.client.directory();
        let id = principal_id.clone();
        let request = DisablePrincipalRequest { principal_id: id, ..Default::default() };
        if directory.disable_principal(request).await.is_ok() && self.dice.one_in(3) {
            return Ok(true);
        }
        let request = EnablePrincipalRequest { principal_id, ..Default::default() };
        directory.enable_principal(request).await.map(|_| true)
    }

    async fn stored(&self) -> Stored {
        let tenant = self.tenant();
        let mut read = self.world.db.read(Reach::EveryTenant).await.unwrap();
        let all = activations::Filter::default();
        let activations = activations::list(&mut read, tenant, &all, None, READ_MAX).await.unwrap();
        let all = approvals::Filter::default();
        let approvals = approvals::list(&mut read, tenant, &all, None, READ_MAX).await.unwrap();
        let ids: Vec<PrincipalId> =
            self.people.iter().map(|person| person.id.parse().unwrap()).collect();
        let principals = principals::get_all(&mut read, tenant, &ids).await.unwrap();
        let mut eligibilities = Vec::new();
        for id in &ids {
            for role in ROLES {
                let kind = GrantKind::Eligibility;
                let scope = SCOPES[1].parse().unwrap();
                let target = (role.parse().unwrap(), &scope);
                eligibilities.extend(
                    grants::reaching(&mut read, tenant, kind, &[*id], target).await.unwrap(),
                );
            }
        }
        Stored { activations, approvals, eligibilities, principals }
    }

    async fn check(&mut self) {
        let stored = self.stored().await;
        let now = self.world.now();
        invariant::one_live_each(&stored.activations, now).unwrap();
        for activation in &stored.activations {
            let rests_on = |grant: &&Grant| grant.id == activation.eligibility;
            let eligibility = stored.eligibilities.iter().find(rests_on).unwrap();
            invariant::bounded(activation, eligibility).unwrap();
            if let Some(before) = self.ended.get(&activation.id) {
                invariant::ended_stays_ended(before, activation).unwrap();
            }
            if !activation.is_live() {
                self.ended.insert(activation.id, activation.clone());
            }
        }
        for approval in &stored.approvals {
            let asked = |one: &&Activation| one.id == approval.activation;
            let activation = stored.activations.iter().find(asked).unwrap();
            let requester = |one: &&Principal| one.id == activation.principal;
            let requester = stored.principals.iter().find(requester).unwrap();
            invariant::nobody_decides_alone(approval, requester).unwrap();
        }
        assert_eq!(self.world.untold(self.tenant().uuid()).await, []);
        self.check_answers(&stored, now).await;
    }

    /// What is answered as held is what has been granted, is in its window, and is not over.
    async fn check_answers(&self, stored: &Stored, now: DateTime<Utc>) {
        let tenant = self.tenant();
        for principal in &stored.principals {
            let mut read = self.world.db.read(Reach::EveryTenant).await.unwrap();
            let all = holdings::of_principal(&mut read, tenant, principal.id, None, None).await;
            let held = effective::list(all.unwrap().resolve(), now.into()).holdings;
            invariant::nothing_outside_its_window(&held, now).unwrap();
            for holding in &held {
                let carries = |one: &&Activation| one.id.uuid() == holding.id;
                let activation = stored.activations.iter().find(carries).unwrap();
                assert!(activation.settled(now).is_live(), "held after its end: {activation:?}");
                let rests_on = |grant: &&Grant| grant.id == activation.eligibility;
                let eligibility = stored.eligibilities.iter().find(rests_on).unwrap();
                assert!(
                    eligibility.state(now) == GrantState::InForce,
                    "held without a right: {activation:?}"
                );
                assert!(principal.is_enabled());
            }
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_invariants_hold_whatever_is_done() {
    let (seeds, steps) = (setting("PIM_SIMULATION_SEEDS", 8), setting("PIM_SIMULATION_STEPS", 60));
    let mut done: HashMap<&str, usize> = HashMap::new();
    for seed in 1..=seeds {
        println!("seed {seed}");
        let mut simulation = Simulation::begin(seed).await;
        for _ in 0..steps {
            simulation = simulation.step().await;
        }
        simulation.world.settle().await;
        simulation.check().await;
        simulation.world.sign_log().await;
        simulation.world.is_sound().await;
        for (name, count) in simulation.done {
            *done.entry(name).or_default() += count;
        }
    }
    println!("{done:?}");
    // A simulation in which nothing ever succeeds shows nothing.
    for name in [
        "activate",
        "approve",
        "deny",
        "deactivate",
        "cancel",
        "revoke",
        "remove eligibility",
        "move an end",
    ] {
        assert!(done.get(name).is_some_and(|count| *count > 0), "never done: {name}");
    }
}
