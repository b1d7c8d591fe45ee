//! Sign-ins that serve once: read back with what they served for, looked up, and kept apart by the
//! key from everything else.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Activation, Ask, Facts, Use, ask},
    authority::SignIn,
    change::Change,
    fixture::{self, noon, stamp},
    policy::RuleSet,
};
use pim_store::{StoreError, activations};

use crate::ground::{Ground, scope};

fn sign_in() -> SignIn {
    SignIn { mfa: true, time: Some(noon() - TimeDelta::minutes(1)), ..SignIn::default() }
}

/// Facts by which a sign-in serves once, and has not served.
async fn once(ground: &Ground) -> Facts {
    let mut facts = ground.facts().await;
    let rule = RuleSet { single_use_authentication: Some(true), ..RuleSet::default() };
    fixture::set(&mut facts.policy, rule);
    facts.used = Use::Nothing;
    facts
}

fn asked(facts: &Facts, unit: &str) -> Change<Activation> {
    let mut wish = Ask { scope: scope(unit), ..fixture::wish(facts) };
    wish.request.sign_in = sign_in();
    ask(facts, wish, &stamp(noon())).unwrap()
}

#[tokio::test]
async fn one_sign_in_is_not_written_for_two_activations() {
    let ground = Ground::new().await;
    let facts = once(&ground).await;
    let first = ground.kept(asked(&facts, "/administrativeUnits/1")).await;
    assert_eq!(first.used_authentications, [noon() - TimeDelta::minutes(1)].into());
    let second = asked(&facts, "/administrativeUnits/2");
    let refused = ground.write(&second).await;
    let Err(StoreError::Conflict(key)) = refused else { panic!("{refused:?}") };
    assert_eq!(key, "used_authentication_pkey");
    assert_eq!(ground.stored(second.after()).await, None);
    // What it served for goes on.
    ground.kept(first.deactivate(facts.role.catalog, "".into(), &stamp(noon())).unwrap()).await;
}

#[tokio::test]
async fn what_a_sign_in_served_for_is_found() {
    let ground = Ground::new().await;
    let mut facts = once(&ground).await;
    let used = async |facts: &Facts, sign_in: &SignIn| {
        let mut tx = ground.begin().await;
        activations::used(&mut tx, ground.tenant, facts, sign_in).await.unwrap()
    };
    assert_eq!(used(&facts, &sign_in()).await, Use::Nothing);
    let first = ground.kept(asked(&facts, "/administrativeUnits/1")).await;
    assert_eq!(used(&facts, &sign_in()).await, Use::Activation(first.id));
    let later = SignIn { time: Some(noon()), ..sign_in() };
    assert_eq!(used(&facts, &later).await, Use::Nothing);
    let untimed = SignIn { time: None, ..sign_in() };
    assert_eq!(used(&facts, &untimed).await, Use::Unknown);
    let others = Facts { principal: ground.user("bob").await, ..facts.clone() };
    assert_eq!(used(&others, &sign_in()).await, Use::Nothing);
    // Where no policy asks, nobody looks.
    facts.policy.policies.clear();
    assert_eq!(used(&facts, &sign_in()).await, Use::Unknown);
}
