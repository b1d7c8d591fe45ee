//! When somebody last signed in: forward only, and at most once an hour, for the tenant that is acted
//! for and for nobody else.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    fixture::noon,
    id::{PrincipalId, TenantId},
};
use pim_store::{Login, Reach, sign_ins};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::ground::Ground;

impl Ground {
    /// What is kept after these were told.
    async fn told(
        &self,
        seen: &[(PrincipalId, DateTime<Utc>)],
    ) -> HashMap<PrincipalId, DateTime<Utc>> {
        let answer = sign_ins::record(&self.db, self.tenant, seen).await.unwrap();
        let kept = self.kept_of(self.tenant, seen).await;
        assert_eq!(answer.into_iter().collect::<HashMap<_, _>>(), kept, "what it says is kept");
        kept
    }

    async fn kept_of(
        &self,
        tenant: TenantId,
        seen: &[(PrincipalId, DateTime<Utc>)],
    ) -> HashMap<PrincipalId, DateTime<Utc>> {
        let ids: Vec<PrincipalId> = seen.iter().map(|(id, _)| *id).collect();
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        sign_ins::last(&mut read, tenant, &ids).await.unwrap()
    }
}

#[tokio::test]
async fn it_goes_forward_by_hours() {
    let ground = Ground::new().await;
    let (alice, bob) = (ground.user("alice").await.id, ground.user("bob").await.id);
    let (hour, micro) = (TimeDelta::hours(1), TimeDelta::microseconds(1));
    for (time, kept) in [
        (noon(), noon()),
        (noon() + hour - micro, noon()),
        (noon() - hour * 9, noon()),
        (noon() + hour, noon() + hour),
        (noon(), noon() + hour),
    ] {
        assert_eq!(ground.told(&[(alice, time)]).await, HashMap::from([(alice, kept)]), "{time}");
    }
    // Of one principal the newest, whom nobody knows not at all, and the others beside that.
    let nobody = PrincipalId::from(Uuid::from_u128(7));
    let group = crate::groups::new(&ground, "crew").await.principal();
    let seen = [bob, bob, nobody, group, alice].map(|id| (id, noon()));
    let seen = [&seen[..], &[(bob, noon() + hour)]].concat();
    let kept = HashMap::from([(alice, noon() + hour), (bob, noon() + hour)]);
    assert_eq!(ground.told(&seen).await, kept);
}

#[tokio::test]
async fn no_service_tells_of_a_tenant_for_which_it_does_not_act() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await.id;
    let other = crate::walls::stranger(&ground).await;
    for (number, login) in (0..).zip(Login::ALL) {
        let url = ground.database.url_as(login.name());
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let time = noon() + TimeDelta::hours(number);
        let call = format!(
            "select * from record_sign_ins(array['{alice}'::uuid], array['{time}'::timestamptz])"
        );
        let told = sqlx::query(AssertSqlSafe(call.clone())).fetch_all(&mut connection).await;
        assert!(told.unwrap().is_empty(), "{} for nobody", login.name());
        let acting = format!("set app.tenant = '{}'", ground.tenant);
        sqlx::query(AssertSqlSafe(acting)).execute(&mut connection).await.unwrap();
        let told = sqlx::query(AssertSqlSafe(call)).fetch_one(&mut connection).await.unwrap();
        assert_eq!(told.get::<DateTime<Utc>, _>("last_time"), time, "{}", login.name());
        // The right to write was the function's, and has ended with it.
        let setting = "select current_setting('app.migrating', true)";
        let left: Option<String> =
            sqlx::query_scalar(setting).fetch_one(&mut connection).await.unwrap();
        assert_eq!(left.unwrap_or_default(), "");
    }
    // The other has somebody of that id.
    assert_eq!(ground.kept_of(other, &[(alice, noon())]).await, HashMap::new());
}
