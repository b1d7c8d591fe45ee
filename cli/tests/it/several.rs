//! Commands that are about several things at once: a line for each, and an exit code for all.

use std::process::Command;

use serde_json::Value;

use crate::{
    installation::{Installation, PIM, Up, items, text},
    program::{Ended, Program},
};

const ROLE: &str = "User Administrator";
const LIKE: [&str; 4] = ["--for", "PT1H", "--justification", "sales cannot sign in"];
const REQUEST: &str = "6f1c2a7e-1a57-4d0e-9c0b-1f3f2f6f7a01";

async fn eligible(up: &Up, role: &str) {
    up.ask("admin", &["eligibility", "create", "--principal", "alice", "--role", role]).await;
}

fn list(ended: &Ended) -> Vec<Value> {
    items(serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}")))
}

/// What became of each thing: its state, or why not.
fn said(list: &[Value]) -> Vec<&str> {
    list.iter()
        .map(|one| match &one["result"] {
            Value::Null => text(&one["error"], "reason"),
            done => text(done, "state"),
        })
        .collect()
}

#[tokio::test]
async fn several_roles_are_asked_for_decided_and_taken_away() {
    let installation = Installation::new();
    let up = installation.up().await;
    eligible(&up, ROLE).await;
    eligible(&up, "Global Reader").await;
    let unit = format!("{ROLE}@/administrativeUnits/1");
    let line = [&["activate", ROLE, "Global Reader", &unit][..], &LIKE].concat();
    let all = up.run("alice", &line).await;
    assert_eq!(all.code, Some(0), "{}", all.err);
    assert_eq!(said(&list(&all)), ["ACTIVE"; 3]);
    assert_eq!(text(&list(&all)[2], "item"), unit);
    let some =
        up.run("alice", &[&["activate", ROLE, "Security Operator"][..], &LIKE].concat()).await;
    assert_eq!(said(&list(&some)), ["ACTIVATION_LIVE", "POLICY_DENIED"]);
    assert_eq!(some.code, Some(4), "one that is refused is no success");

    let first = text(&list(&all)[0]["result"], "id").to_owned();
    let blank = up.run("admin", &["revoke", &first, "--justification", " "]).await;
    assert_eq!(blank.code, Some(4));
    let revoked = up.ask("admin", &["revoke", &first, "--justification", "misused"]).await;
    assert_eq!((text(&revoked, "state"), text(&revoked, "ending")), ("ENDED", "REVOKED"));

    up.ask("admin", &["policy", "set", ROLE, "--approver", "carol"]).await;
    let units = ["2", "3"].map(|unit| format!("{ROLE}@/administrativeUnits/{unit}"));
    let asked = up.run("alice", &[&["activate", &units[0], &units[1]][..], &LIKE].concat()).await;
    assert_eq!(said(&list(&asked)), ["PENDING_APPROVAL"; 2]);
    let inbox = items(up.ask("carol", &["approvals"]).await);
    let ids: Vec<&str> = inbox.iter().map(|approval| text(approval, "id")).collect();
    let why = ["--justification", "known work", "--request-id", REQUEST];
    let line = [&["approve", ids[0], &first, ids[1]][..], &why].concat();
    let decided = up.run("carol", &line).await;
    assert_eq!(said(&list(&decided)), ["APPROVED", "NOT_PERMITTED", "APPROVED"]);
    assert_eq!(decided.code, Some(3), "that of the first refusal");
    let again = up.run("carol", &line).await;
    assert_eq!((again.code, again.out), (Some(3), decided.out), "a repeat decides nothing twice");
}

#[tokio::test]
async fn more_than_a_call_takes_is_sent_in_several_and_told_of() {
    let installation = Installation::new();
    let up = installation.up().await;
    eligible(&up, ROLE).await;
    let roles: Vec<String> =
        (1..=51).map(|unit| format!("{ROLE}@/administrativeUnits/{unit}")).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let dry = [&["activate"][..], &roles, &LIKE, &["--validate-only"]].concat();
    let dry = up.run("alice", &dry).await;
    assert_eq!((dry.code, list(&dry).len()), (Some(0), 51));
    assert_eq!(dry.err, "50 of 51 answered\n51 of 51 answered\nnothing was written\n");
    assert_eq!(items(up.ask("alice", &["activations"]).await).len(), 0);

    let mut command = Command::new(PIM);
    command.args(["--server", &up.url, "--as", "alice", "--mfa", "--data"]);
    let line = [&["activate", roles[0], "Global Reader"][..], &LIKE].concat();
    let table = Program::start(command.arg(installation.data()).args(line)).ended().await;
    assert_eq!(table.code, Some(4));
    let lines: Vec<&str> = table.out.lines().collect();
    assert!(lines[0].starts_with("ITEM"), "{}", table.out);
    assert!(table.out.contains("ACTIVE") && table.out.contains("REFUSED"), "{}", table.out);
    assert!(table.out.contains("ELIGIBILITY (role_id)"), "{}", table.out);
}
