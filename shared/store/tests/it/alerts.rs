//! Incidents in every state and what is set of alerts are read back; one incident for a condition;
//! a scan is one replica's.

use std::net::IpAddr;

use chrono::TimeDelta;
use pim_domain::{
    alert::{
        AlertKind, Finding, Findings, Given, Incident, Setting, Update, condition, scan, update,
    },
    change::Change,
    fixture::{noon, stamp},
    id::TenantId,
};
use pim_store::{Reach, StoreError, Tx, alerts};
use uuid::Uuid;

use crate::ground::{Ground, Stored, made, scope};

impl Stored for Incident {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        alerts::record(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        alerts::get_for_update(tx, tenant, self.id).await
    }
}

impl Stored for Setting {
    async fn record(
        tx: &mut Tx,
        tenant: TenantId,
        change: &Change<Self>,
    ) -> Result<(), StoreError> {
        alerts::record_setting(tx, tenant, change).await
    }

    async fn load(&self, tx: &mut Tx, tenant: TenantId) -> Result<Option<Self>, StoreError> {
        let all = alerts::settings(tx, tenant).await?;
        Ok(all.into_iter().find(|setting| setting.kind == self.kind))
    }
}

fn finding(ground: &Ground, number: u128) -> Finding {
    Finding {
        condition: Uuid::from_u128(number),
        subject: None,
        role: Some(ground.role.id),
        scope: Some(scope("/subscriptions/a")),
        detail: "3 of 4".to_owned(),
        latest: None,
    }
}

/// What a scan says that knows of no incident.
fn opened(ground: &Ground, numbers: std::ops::Range<u128>) -> Vec<Change<Incident>> {
    let found = numbers.map(|number| finding(ground, number)).collect();
    let findings = Findings { kind: AlertKind::TooManyOwners, found, is_whole: true };
    scan(&[], findings, &stamp(noon()))
}

impl Ground {
    /// One in each state, and something set.
    pub(crate) async fn incidents(&self) -> Vec<Incident> {
        let ada = self.user("ada").await;
        let mut all = Vec::new();
        for change in opened(self, 1..4) {
            all.push(self.kept(change).await);
        }
        let dismissed = all[1].dismiss(ada.id, "two\nlines".into(), &stamp(noon())).unwrap();
        all[1] = self.kept(dismissed).await;
        let gone = Findings { kind: AlertKind::TooManyOwners, found: Vec::new(), is_whole: true };
        let resolved = scan(&all[2..], gone, &stamp(noon())).pop().unwrap();
        all[2] = self.kept(resolved).await;
        let setting = Setting::untouched(self.tenant, AlertKind::RolesNotUsed);
        let wish = Update {
            kind: setting.kind,
            etag: setting.version.etag(),
            is_enabled: Some(false),
            parameters: vec![Given { name: "days".to_owned(), value: 9 }],
        };
        self.kept(update(&setting, wish, &stamp(noon())).unwrap()).await;
        all
    }
}

#[tokio::test]
async fn every_state_is_read_back_and_listed() {
    let ground = Ground::new().await;
    let all = ground.incidents().await;
    let mut read = ground.db.browse(Reach::EveryTenant).await.unwrap();
    let listed = async |read: &mut _, filter, limit| {
        alerts::list(read, ground.tenant, filter, None, limit).await.unwrap()
    };
    let mut expected = all.clone();
    expected.sort_by_key(|one| std::cmp::Reverse(one.id));
    assert_eq!(listed(&mut read, alerts::Filter::default(), 9).await, expected);
    let filter = alerts::Filter { state: Some("DISMISSED"), ..alerts::Filter::default() };
    assert_eq!(listed(&mut read, filter, 9).await, [all[1].clone()]);
    let filter = alerts::Filter { kind: Some(AlertKind::RolesNotUsed), ..Default::default() };
    assert_eq!(listed(&mut read, filter, 9).await, []);
    let (before, limit) = (Some(expected[0].id), 1);
    let filter = alerts::Filter::default();
    let next = alerts::list(&mut read, ground.tenant, filter, before, limit).await.unwrap();
    assert_eq!(next, expected[1..2]);
    let open = alerts::open(&mut read, ground.tenant, AlertKind::TooManyOwners).await.unwrap();
    assert_eq!(open, all[..2]);
    assert_eq!(alerts::get(&mut read, TenantId::at(noon()), all[0].id).await.unwrap(), None);
}

#[tokio::test]
async fn a_condition_has_one_incident() {
    let ground = Ground::new().await;
    // Neither knows of the other: as if two had scanned before either has written.
    let [one] = &opened(&ground, 1..2)[..] else { panic!("one condition, one change") };
    let other = opened(&ground, 1..2).pop().unwrap();
    ground.write(one).await.unwrap();
    match ground.write(&other).await {
        Err(StoreError::Conflict(what)) => assert_eq!(what, "alert_open"),
        other => panic!("no conflict: {other:?}"),
    }
}

/// What narrows must leave nothing out.
#[tokio::test]
async fn the_network_of_an_address_is_that_of_the_rules() {
    let ground = Ground::new().await;
    let mut connection = ground.database.connect().await;
    for text in [
        "0.0.0.0",
        "192.0.2.0",
        "192.0.2.255",
        "255.255.255.255",
        "::",
        "::1",
        "::192.0.2.7",
        "::ffff:192.0.2.7",
        "::ffff:0:192.0.2.7",
        "64:ff9b::192.0.2.7",
        "2001:db8:1::",
        "2001:db8:1:ffff:ffff:ffff:ffff:ffff",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        let address: IpAddr = text.parse().unwrap();
        // As it is stored.
        let stored = address.to_string();
        let network: String = sqlx::query_scalar("select host(network_of($1))")
            .bind(&stored)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let network: IpAddr = network.parse().unwrap();
        assert_eq!(network, condition::network(address), "{stored}");
    }
}

#[tokio::test]
async fn a_turn_is_taken_once() {
    let ground = Ground::new().await;
    let minute = TimeDelta::minutes(1);
    let due = async |before| {
        let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
        alerts::due(&mut read, before, 9).await.unwrap()
    };
    assert_eq!(due(made() - minute).await, [], "it was not there yet");
    assert_eq!(due(noon()).await, [ground.tenant]);
    let take = async |before, now| {
        let mut tx = ground.begin().await;
        let taken = alerts::take_turn(&mut tx, ground.tenant, before, now).await.unwrap();
        tx.commit().await.unwrap();
        taken
    };
    assert!(take(noon() - minute, noon()).await);
    assert!(!take(noon() - minute, noon()).await, "somebody was faster");
    assert_eq!(due(noon() - minute).await, []);
    assert_eq!(due(noon()).await, [ground.tenant]);
    assert!(take(noon(), noon() + minute).await);
}
