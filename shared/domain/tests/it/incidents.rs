//! One incident for one condition: opened, dismissed, resolved; and what is set of alerts.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    alert::{
        AlertKind, Finding, Findings, Given, Incident, IncidentState, OPEN_MAX, Setting, Update,
        scan, update,
    },
    change::{Version, fold},
    denial::{FieldError, Reason},
    event::{Code, Event},
    fixture::{noon, stamp, user},
    id::TenantId,
};
use proptest::prelude::*;
use uuid::Uuid;

const KIND: AlertKind = AlertKind::BreakGlassUsed;

fn finding(number: u128, latest: Option<DateTime<Utc>>) -> Finding {
    Finding {
        condition: Uuid::from_u128(number),
        subject: None,
        role: None,
        scope: None,
        detail: "seen".to_owned(),
        latest,
    }
}

fn found(found: Vec<Finding>) -> Findings {
    Findings { kind: KIND, found, is_whole: true }
}

/// Incidents as they are stored, with their events.
#[derive(Default)]
struct Store {
    incidents: Vec<Incident>,
    events: Vec<Event>,
}

impl Store {
    fn open(&self) -> Vec<Incident> {
        let resolved = |one: &&Incident| matches!(one.state, IncidentState::Resolved { .. });
        self.incidents.iter().filter(|one| !resolved(one)).cloned().collect()
    }

    /// What a scan changes.
    fn scan(&mut self, findings: Findings, now: DateTime<Utc>) -> Vec<Code> {
        let changes = scan(&self.open(), findings, &stamp(now));
        changes.into_iter().map(|change| self.keep(change)).collect()
    }

    fn keep(&mut self, change: pim_domain::change::Change<Incident>) -> Code {
        let (code, event) = (change.event().code, change.event().clone());
        let after = change.into_after();
        self.incidents.retain(|one| one.id != after.id);
        self.incidents.push(after);
        self.events.push(event);
        code
    }

    fn dismiss(&mut self, now: DateTime<Utc>) -> Code {
        let incident = self.open().pop().unwrap();
        let change = incident.dismiss(user("ada").id, "known".into(), &stamp(now)).unwrap();
        self.keep(change)
    }
}

fn later(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

#[test]
fn an_incident_lasts_as_long_as_its_condition() {
    let mut store = Store::default();
    assert_eq!(store.scan(found(vec![finding(1, None)]), noon()), [Code::AlertTriggered]);
    assert_eq!(store.scan(found(vec![finding(1, None)]), later(1)), []);
    assert_eq!(store.scan(found(vec![]), later(2)), [Code::AlertResolved]);
    assert_eq!(store.scan(found(vec![]), later(3)), []);
    assert_eq!(store.scan(found(vec![finding(1, None)]), later(4)), [Code::AlertTriggered]);
    assert_eq!(store.incidents.len(), 2);
}

#[test]
fn what_is_dismissed_stays_dismissed_until_it_is_gone() {
    let mut store = Store::default();
    store.scan(found(vec![finding(1, None)]), noon());
    assert_eq!(store.dismiss(later(1)), Code::AlertDismissed);
    assert_eq!(store.scan(found(vec![finding(1, None)]), later(2)), []);
    let refused = store.open()[0].dismiss(user("ada").id, Default::default(), &stamp(later(3)));
    let reason = refused.unwrap_err().reason;
    assert!(matches!(reason, Reason::WrongState { state: "DISMISSED", .. }), "{reason:?}");
    assert_eq!(store.scan(found(vec![]), later(4)), [Code::AlertResolved]);
    assert_eq!(store.scan(found(vec![finding(1, None)]), later(5)), [Code::AlertTriggered]);
}

#[test]
fn what_happens_again_after_it_was_dismissed_is_another_incident() {
    let mut store = Store::default();
    store.scan(found(vec![finding(1, Some(noon()))]), noon());
    store.dismiss(later(1));
    assert_eq!(store.scan(found(vec![finding(1, Some(later(1)))]), later(2)), []);
    let again = || found(vec![finding(1, Some(later(3)))]);
    let codes = [Code::AlertResolved, Code::AlertTriggered];
    assert_eq!(store.scan(again(), later(4)), codes, "the place is free before it is taken");
    assert_eq!(store.scan(again(), later(5)), []);
}

#[test]
fn what_was_not_looked_at_is_not_resolved() {
    let mut store = Store::default();
    store.scan(found(vec![finding(1, None), finding(2, None)]), noon());
    let some = Findings { is_whole: false, ..found(vec![finding(2, None), finding(3, None)]) };
    assert_eq!(store.scan(some, later(1)), [Code::AlertTriggered]);
    assert_eq!(store.open().len(), 3);
}

#[test]
fn no_more_are_opened_than_there_is_room_for() {
    let many = (0..u128::try_from(OPEN_MAX).unwrap() + 5).map(|number| finding(number, None));
    let mut store = Store::default();
    store.scan(found(many.clone().collect()), noon());
    assert_eq!(store.open().len(), OPEN_MAX);
    store.scan(found(many.collect()), later(1));
    assert_eq!(store.open().len(), OPEN_MAX);
}

#[test]
fn incidents_of_other_kinds_are_left_alone() {
    let mut store = Store::default();
    store.scan(found(vec![finding(1, None)]), noon());
    let other = Findings { kind: AlertKind::RolesNotUsed, found: vec![], is_whole: true };
    assert_eq!(store.scan(other, later(1)), []);
}

proptest! {
    #[test]
    fn a_second_scan_of_the_same_state_changes_nothing(
        scans in prop::collection::vec(
            (prop::collection::btree_set(0_u128..6, 0..6), any::<bool>(), any::<bool>()), 1..12
        ),
    ) {
        let mut store = Store::default();
        for (minute, (seen, is_whole, dismisses)) in (0_i64..).zip(scans) {
            let all: Vec<Finding> =
                seen.iter().map(|number| finding(*number, Some(later(minute)))).collect();
            let findings = Findings { is_whole, ..found(all) };
            store.scan(findings.clone(), later(minute));
            prop_assert_eq!(store.scan(findings, later(minute)), []);
            let open = store.open();
            for number in seen {
                let of = open.iter().filter(|one| one.condition == Uuid::from_u128(number));
                prop_assert_eq!(of.count(), 1);
            }
            if dismisses && open.last().is_some_and(|one| one.state == IncidentState::Triggered) {
                store.dismiss(later(minute));
            }
        }
        for incident in &store.incidents {
            let of = |event: &&Event| event.thing.unwrap().id == incident.id.uuid();
            let events: Vec<Event> = store.events.iter().filter(of).cloned().collect();
            let folded = fold::<Incident>(&events);
            prop_assert_eq!(folded.as_ref(), Some(incident));
        }
    }
}

fn untouched() -> Setting {
    Setting::untouched(TenantId::from(Uuid::nil()), KIND)
}

fn wish(setting: &Setting, is_enabled: Option<bool>, parameters: &[(&str, i64)]) -> Update {
    let given = |(name, value): &(&str, i64)| Given { name: (*name).to_owned(), value: *value };
    Update {
        kind: setting.kind,
        etag: setting.version.etag(),
        is_enabled,
        parameters: parameters.iter().map(given).collect(),
    }
}

#[test]
fn what_is_set_is_told_of_by_its_own_code_and_folds() {
    let mut setting = untouched();
    let mut events = Vec::new();
    let steps = [
        (None, &[("hours", 48)][..], Code::AlertUpdated),
        (Some(false), &[], Code::AlertDisabled),
        (Some(false), &[("hours", 12)], Code::AlertUpdated),
        (Some(true), &[], Code::AlertEnabled),
    ];
    for (is_enabled, parameters, code) in steps {
        let wish = wish(&setting, is_enabled, parameters);
        let change = update(&setting, wish, &stamp(noon())).unwrap();
        assert_eq!(change.event().code, code);
        events.push(change.event().clone());
        setting = change.into_after();
        assert_eq!(fold::<Setting>(&events).as_ref(), Some(&setting));
    }
    assert_eq!((setting.version, setting.is_enabled), (Version(4), true));
    assert_eq!(setting.since(noon()), noon() - TimeDelta::hours(12));
}

#[test]
fn what_is_out_of_range_is_named_with_its_limit() {
    let errors = |parameters: &[(&str, i64)]| {
        let setting = untouched();
        let denial = update(&setting, wish(&setting, None, parameters), &stamp(noon()));
        match denial.map(pim_domain::change::Change::into_after) {
            Ok(_) => Vec::new(),
            Err(denial) => match denial.reason {
                Reason::Invalid(errors) => errors,
                other => panic!("{other:?}"),
            },
        }
    };
    let error = |field: &str, description: &str| FieldError {
        field: field.to_owned(),
        description: description.to_owned(),
    };
    assert_eq!(errors(&[("hours", 1)]), []);
    assert_eq!(errors(&[("hours", 720)]), []);
    let low = error("parameters[0].value", "must be from 1 to 720; it is 0");
    assert_eq!(errors(&[("hours", 0)]), [low]);
    let high = error("parameters[0].value", "must be from 1 to 720; it is 721");
    assert_eq!(errors(&[("hours", 721)]), [high]);
    let unknown = error("parameters[1].name", "must be one of hours");
    assert_eq!(errors(&[("hours", 1), ("days", 1)]), [unknown]);
    let twice = error("parameters[1].name", "must be named once; hours is there twice");
    assert_eq!(errors(&[("hours", 1), ("hours", 2)]), [twice]);
}

#[test]
fn what_has_changed_meanwhile_is_not_set() {
    let stale = Update { etag: "v7".to_owned(), ..wish(&untouched(), None, &[]) };
    let reason = update(&untouched(), stale, &stamp(noon())).unwrap_err().reason;
    assert!(matches!(reason, Reason::EtagMismatch { .. }), "{reason:?}");
}
