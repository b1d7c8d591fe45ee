//! When principals last signed in: seen by a call, written beside it, shown in the directory.

use chrono::{DateTime, TimeDelta, Utc};
use pim_client::{Client, Credentials};
use pim_proto::assignment::v1::{GetPrincipalRequest, ListPrincipalsRequest, ListRolesRequest};
use pim_tests::{Person, timestamp};
use tonic::Code;

use crate::ground::Ground;

impl Ground {
    /// When somebody last signed in, as it is shown of one and among all.
    async fn last_sign_in(&self, person: &Person) -> Option<DateTime<Utc>> {
        self.world.write_sign_ins().await;
        let shown = self.stored(&person.id).await;
        let request = ListPrincipalsRequest::default();
        let all = self.org.admin.client.directory().list_principals(request).await.unwrap();
        let all = all.into_inner().principals;
        assert_eq!(all.iter().find(|one| one.id == person.id), Some(&shown));
        shown.last_sign_in_time.map(|time| {
            DateTime::from_timestamp(time.seconds, time.nanos.try_into().unwrap()).unwrap()
        })
    }
}

/// Calls something that says nothing of sign-ins.
async fn call(client: &Client) {
    client.roles().list_roles(ListRolesRequest::default()).await.unwrap();
}

#[tokio::test]
async fn it_is_shown_once_an_hour_and_is_nothing_that_happened_to_them() {
    let ground = Ground::new().await;
    let etag = ground.stored(&ground.ada.id).await.etag;
    assert_eq!(ground.last_sign_in(&ground.ada).await, None, "she has never called");
    let first = ground.world.now();
    call(&ground.ada.client).await;
    assert_eq!(ground.last_sign_in(&ground.ada).await, Some(first));
    ground.world.advance(TimeDelta::minutes(60) - TimeDelta::microseconds(1));
    call(&ground.ada.client).await;
    assert_eq!(ground.last_sign_in(&ground.ada).await, Some(first));
    ground.world.advance(TimeDelta::microseconds(1));
    call(&ground.ada.client).await;
    assert_eq!(ground.last_sign_in(&ground.ada).await, Some(ground.world.now()));
    let request = GetPrincipalRequest::default();
    let herself = ground.ada.client.directory().get_principal(request).await.unwrap();
    let herself = herself.into_inner().principal.unwrap();
    assert_eq!(herself.last_sign_in_time, Some(timestamp(ground.world.now())));
    assert_eq!(herself.etag, etag);
}

#[tokio::test]
async fn it_is_when_the_token_was_seen_and_not_what_the_token_says() {
    let ground = Ground::new().await;
    let (now, earlier) = (ground.world.now(), ground.world.now() - TimeDelta::hours(5));
    call(&ground.ada.signed_in(&ground.world, Some(earlier), &[])).await;
    assert_eq!(ground.last_sign_in(&ground.ada).await, Some(now));
    // As far ahead as an issuer's clock may be.
    let bob = ground.user("bob").await;
    let (issuer, grant) = (ground.world.system.issuer.clone(), bob.grant());
    let issued = now + TimeDelta::seconds(25);
    let ahead =
        Credentials::provider(move || Ok(issuer.mint(&grant, issued, TimeDelta::minutes(5))?));
    call(&Client::connect_lazy(&ground.world.url, ahead).unwrap()).await;
    assert_eq!(ground.last_sign_in(&bob).await, Some(now));
}

#[tokio::test]
async fn who_is_refused_has_not_signed_in() {
    let ground = Ground::new().await;
    let first = ground.world.now();
    call(&ground.ada.client).await;
    ground.disable(&ground.ada).await;
    ground.world.advance(TimeDelta::hours(2));
    let refused = ground.ada.client.roles().list_roles(ListRolesRequest::default()).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(ground.last_sign_in(&ground.ada).await, Some(first));
}
