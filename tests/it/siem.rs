//! Rules that were written for Entra's audit log fire on ours.

use pim_proto::audit::v1::{ExportEventsRequest, ExportFormat};
use pim_tests::{Organisation, Person, World};
use sigma_rust::{Rule, check_rule, event_from_json, rule_from_yaml};

/// Somebody has activated a role.
const ACTIVATED: &str = "
title: PIM role activation
logsource: {product: azure, service: auditlogs}
detection:
  selection:
    loggedByService: PIM
    category: RoleManagement
    activityDisplayName: Add member to role completed (PIM activation)
    result: success
  condition: selection
";

/// Somebody was made eligible for good, and not by PIM itself.
const PERMANENT: &str = "
title: Permanent eligible assignment
logsource: {product: azure, service: auditlogs}
detection:
  selection:
    activityDisplayName|startswith: Add eligible member to role in PIM completed
    activityDisplayName|endswith: (permanent)
  service:
    initiatedBy.app.displayName: MS-PIM
  condition: selection and not service
";

/// A setting of a role was changed.
const SETTING: &str = "
title: PIM role setting changed
logsource: {product: azure, service: auditlogs}
detection:
  selection:
    activityDisplayName: Update role setting in PIM
  condition: selection
";

#[tokio::test]
async fn rules_for_entra_fire_on_the_export_unchanged() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let rules = [ACTIVATED, PERMANENT, SETTING].map(|rule| rule_from_yaml(rule).unwrap());
    assert_eq!(rules.each_ref().map(|rule| fired(rule, &[])), [0, 0, 0]);
    let before = export(&organisation).await;
    assert_eq!(rules.each_ref().map(|rule| fired(rule, &before)), [0, 0, 0]);

    let role = Organisation::USER_ADMINISTRATOR;
    organisation.make_eligible(&alice, role, "/").await;
    alice.activate(Person::wish(role, "/")).await.unwrap();
    alice.activate(Person::wish(role, "/")).await.unwrap_err();
    organisation.require_approval(role, &[&organisation.admin]).await;
    let after = export(&organisation).await;
    assert_eq!(rules.each_ref().map(|rule| fired(rule, &after)), [1, 1, 1]);
}

fn fired(rule: &Rule, lines: &[String]) -> usize {
    let events = lines.iter().map(|line| event_from_json(line).unwrap());
    events.filter(|event| check_rule(rule, event)).count()
}

async fn export(organisation: &Organisation) -> Vec<String> {
    let format = ExportFormat::DirectoryAudit.into();
    let request = ExportEventsRequest { format, ..ExportEventsRequest::default() };
    let answer = organisation.admin.client.audit().export_events(request).await.unwrap();
    let (mut stream, mut data) = (answer.into_inner(), Vec::new());
    while let Some(piece) = stream.message().await.unwrap() {
        data.extend(piece.data);
    }
    String::from_utf8(data).unwrap().lines().map(str::to_owned).collect()
}
