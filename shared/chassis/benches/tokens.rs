//! What a token costs a call.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at what should not happen")]

use std::hint::black_box;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use pim_chassis::auth::{DevelopmentIssuer, Grant};
use pim_domain::condition::Signals;
use uuid::Uuid;

fn verify(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let issuer = DevelopmentIssuer::load_or_create(folder.path()).unwrap();
    let now = DateTime::<Utc>::from_timestamp(1_767_614_400, 0).unwrap();
    let grant = |subject: String| Grant::Principal {
        tenant: Uuid::from_u128(1),
        subject,
        amr: vec!["pwd".to_owned(), "mfa".to_owned()],
        acr: None,
        acrs: Vec::new(),
        auth_time: Some(now),
        signals: Signals::default(),
    };
    let mint = |subject: String| issuer.mint(&grant(subject), now, TimeDelta::hours(1)).unwrap();
    let issuers = issuer.issuers().unwrap();
    let known = mint("alice".to_owned());
    issuers.verify(&known, now).unwrap();
    criterion.bench_function("a token that is known", |bencher| {
        bencher.iter(|| issuers.verify(black_box(&known), now).unwrap());
    });
    let mut number = 0_u64;
    let mut another = || {
        number += 1;
        mint(number.to_string())
    };
    criterion.bench_function("one that is not", |bencher| {
        bencher.iter_batched(
            &mut another,
            |token| issuers.verify(black_box(&token), now).unwrap(),
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, verify);
criterion_main!(benches);
