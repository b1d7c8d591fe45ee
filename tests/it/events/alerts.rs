//! The part of the walk that sets and dismisses alerts, and erases why one was.

use pim_proto::audit::v1::{
    DismissAlertRequest, EraseJustificationRequest, EventFilter, ListAlertsRequest,
    UpdateAlertSettingsRequest,
};
use pim_tests::{Organisation, World};

use super::Walk;

pub(super) async fn alerts(world: &World, organisation: &Organisation, walk: &mut Walk<'_>) {
    let mut alerts = organisation.admin.client.alerts();
    let request = UpdateAlertSettingsRequest {
        kind: "RedundantAssignmentAlert".to_owned(),
        etag: "v0".to_owned(),
        is_enabled: Some(false),
        ..UpdateAlertSettingsRequest::default()
    };
    alerts.update_alert_settings(request).await.unwrap();
    walk.left(&[("UpdateAlertSettings", "pim.alert.disabled")]).await;
    world.scan().await;
    let codes = walk.codes().await;
    assert!(!codes.is_empty() && codes.iter().all(|code| code == "pim.alert.triggered"));
    let listed = alerts.list_alerts(ListAlertsRequest::default()).await.unwrap().into_inner();
    let request = DismissAlertRequest {
        alert_id: listed.alerts[0].id.clone(),
        justification: "a test".to_owned(),
        ..DismissAlertRequest::default()
    };
    alerts.dismiss_alert(request).await.unwrap();
    walk.left(&[("DismissAlert", "pim.alert.dismissed")]).await;
}

pub(super) async fn erase(organisation: &Organisation, walk: &mut Walk<'_>) {
    let events = organisation.log(EventFilter::default()).await;
    let dismissed = events.iter().find(|event| event.code == "pim.alert.dismissed").unwrap();
    let event_id = dismissed.id.clone();
    let request = EraseJustificationRequest { event_id, ..Default::default() };
    let mut audit = organisation.admin.client.audit();
    audit.erase_justification(request.clone()).await.unwrap();
    walk.left(&[("EraseJustification", "pim.justification.erased")]).await;
    // There is nothing left to erase, and nothing to tell of.
    audit.erase_justification(request).await.unwrap();
    assert_eq!(walk.codes().await, Vec::<String>::new());
}
