//! What a condition costs an activation.

use std::hint::black_box;

use chrono::{DateTime, TimeDelta};
use criterion::{Criterion, criterion_group, criterion_main};
use pim_domain::condition::{Circumstances, Condition, Signals};
use uuid::Uuid;

const NETWORK: &str = include_str!("../examples/network.cedar");

fn decide(criterion: &mut Criterion) {
    let circumstances = Circumstances {
        principal: Uuid::from_u128(1).into(),
        role: Uuid::from_u128(2).into(),
        mfa: true,
        contexts: vec!["c1".to_owned()],
        auth_age: Some(TimeDelta::seconds(90)),
        signals: Signals {
            device_compliant: Some(true),
            country: Some("SE".to_owned()),
            address: Some([10, 20, 3, 4].into()),
            ..Signals::default()
        },
        time: DateTime::UNIX_EPOCH,
        ticket: None,
        duration: TimeDelta::hours(1),
    };
    let known = Condition::new(NETWORK.to_owned());
    criterion.bench_function("a condition that is known", |bencher| {
        bencher.iter(|| pim_conditions::decide(black_box(&known), black_box(&circumstances)));
    });
    let mut number = 0_u64;
    criterion.bench_function("one that has to be parsed", |bencher| {
        bencher.iter(|| {
            number += 1;
            let new = Condition::new(format!("{NETWORK}// {number}"));
            pim_conditions::decide(black_box(&new), black_box(&circumstances))
        });
    });
    criterion.bench_function("held against the schema", |bencher| {
        bencher.iter(|| pim_conditions::check(black_box(NETWORK)));
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
