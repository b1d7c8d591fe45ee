//! A repeat gets the first answer; a request id that names something else is another matter.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{fixture::noon, id::TenantId};
use pim_store::{
    StoreError,
    idempotency::{self, Key, Known},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::Ground;

fn key(ground: &Ground) -> Key {
    Key {
        tenant: ground.tenant,
        caller: "alice".to_owned(),
        method: "/pim.test/Do",
        request_id: Uuid::from_u128(7),
        digest: [1; 32],
    }
}

fn answer() -> Value {
    json!({ "id": "x", "list": [1, null, "\u{1f41f}"] })
}

fn then() -> DateTime<Utc> {
    noon() + TimeDelta::microseconds(1)
}

impl Ground {
    async fn done(&self, key: &Key) {
        let mut tx = self.begin().await;
        assert_eq!(idempotency::claim(&mut tx, key).await.unwrap(), Known::Nothing);
        idempotency::keep(&mut tx, key, &answer(), then()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn known(&self, key: &Key) -> Known {
        idempotency::claim(&mut self.begin().await, key).await.unwrap()
    }
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_as_of_then() {
    let ground = Ground::new().await;
    ground.done(&key(&ground)).await;
    assert_eq!(ground.known(&key(&ground)).await, Known::Done(answer(), then()));
}

#[tokio::test]
async fn other_contents_under_a_known_name_are_told_apart() {
    let ground = Ground::new().await;
    ground.done(&key(&ground)).await;
    let mut digest = [1; 32];
    digest[31] = 2;
    assert_eq!(ground.known(&Key { digest, ..key(&ground) }).await, Known::Other);
}

#[tokio::test]
async fn a_name_is_its_callers_own_for_one_method() {
    let ground = Ground::new().await;
    let key = key(&ground);
    ground.done(&key).await;
    for other in [
        Key { tenant: TenantId::from(Uuid::from_u128(1)), ..key.clone() },
        Key { caller: "bob".to_owned(), ..key.clone() },
        Key { method: "/pim.test/Undo", ..key.clone() },
        Key { request_id: Uuid::from_u128(8), ..key.clone() },
    ] {
        assert_eq!(ground.known(&other).await, Known::Nothing, "{other:?}");
    }
}

#[tokio::test]
async fn a_repeat_at_the_same_time_waits_for_the_first_answer() {
    let ground = Ground::new().await;
    let key = key(&ground);
    let (mut one, mut other) = (ground.begin().await, ground.begin().await);
    assert_eq!(idempotency::claim(&mut one, &key).await.unwrap(), Known::Nothing);
    let first = async {
        ground.until_waiting(1).await;
        idempotency::keep(&mut one, &key, &answer(), then()).await.unwrap();
        one.commit().await.unwrap();
    };
    let (repeat, ()) = tokio::join!(idempotency::claim(&mut other, &key), first);
    assert_eq!(repeat.unwrap(), Known::Done(answer(), then()));
}

#[tokio::test]
async fn a_repeat_of_what_failed_is_done_anew() {
    let ground = Ground::new().await;
    let key = key(&ground);
    let (mut one, mut other) = (ground.begin().await, ground.begin().await);
    assert_eq!(idempotency::claim(&mut one, &key).await.unwrap(), Known::Nothing);
    idempotency::keep(&mut one, &key, &answer(), then()).await.unwrap();
    let first = async {
        ground.until_waiting(1).await;
        one.roll_back().await.unwrap();
    };
    let (repeat, ()) = tokio::join!(idempotency::claim(&mut other, &key), first);
    assert_eq!(repeat.unwrap(), Known::Nothing);
}

#[tokio::test]
async fn an_answer_is_kept_once() {
    let ground = Ground::new().await;
    let key = key(&ground);
    ground.done(&key).await;
    let mut tx = ground.begin().await;
    let again = idempotency::keep(&mut tx, &key, &json!("another"), then()).await;
    let Err(StoreError::Conflict(what)) = again else { panic!("kept twice: {again:?}") };
    assert_eq!(what, "idempotency_pkey");
}
