//! `kill -9` of `pim up` in the middle of work: what was acknowledged is there after the next
//! start, what was not is there wholly or not at all, and work goes on where it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use chrono::TimeDelta;
use pim_chassis::{
    auth::{DevelopmentIssuer, Grant},
    clock::Clock,
};
use pim_domain::condition::Signals;
use pim_tests::eventually;
use serde_json::Value;

use crate::{
    installation::{Installation, PIM, Up, items, text},
    program::Program,
};

const ROLE: &str = "User Administrator";
/// Roles whose names fit one role only.
const READERS: [&str; 8] = [
    "Attribute Assignment Reader",
    "Attribute Definition Reader",
    "Attribute Log Reader",
    "Directory Readers",
    "Global Reader",
    "Message Center Reader",
    "Network Administrator",
    "Reports Reader",
];

/// Somebody eligible for a role that carol and dave approve: alice has asked for it, and carol has
/// said yes. The activation and its approval.
async fn half_approved(up: &Up) -> (Value, Value) {
    up.ask("admin", &["eligibility", "create", "--principal", "alice", "--role", ROLE]).await;
    up.ask("admin", &["policy", "set", ROLE, "--approver", "carol", "--approver", "dave"]).await;
    let wish = ["activate", ROLE, "--for", "PT1H", "--justification", "to mend the mail"];
    let asked = up.ask("alice", &wish).await;
    assert_eq!(asked["state"], "PENDING_APPROVAL");
    let waits = up.inbox("carol").await;
    let yes = ["approve", text(&waits, "id"), "--justification", "known work"];
    let approval = up.ask("carol", &yes).await;
    assert_eq!((&approval["state"], &approval["activation_id"]), (&"PENDING".into(), &asked["id"]));
    (asked, approval)
}

#[tokio::test]
async fn a_request_that_waited_goes_on_to_its_second_approval() {
    let installation = Installation::new();
    let up = installation.up().await;
    let line = ["eligibility", "create", "--principal", "bob", "--role", "Global Reader"];
    let eligible = up.ask("admin", &line).await;
    let (asked, approval) = half_approved(&up).await;
    let log = up.log().await;
    up.program.kill();

    let up = installation.up().await;
    assert_eq!(up.ask("admin", &["eligibility", "show", text(&eligible, "id")]).await, eligible);
    let policy = up.ask("admin", &["policy", "show", ROLE]).await.to_string();
    let approvers = approval["rules"][0]["stages"][0]["approver_ids"].as_array().unwrap();
    assert_eq!(approvers.len(), 2);
    for approver in approvers {
        assert!(policy.contains(approver.as_str().unwrap()), "{policy}");
    }
    assert_eq!(up.ask("alice", &["activations", text(&asked, "id")]).await, asked);
    let mut shown = up.ask("carol", &["approvals", text(&approval, "id")]).await;
    let possible = shown.as_object_mut().unwrap().remove("possible_approvers").unwrap();
    let possible: Vec<_> =
        possible.as_array().unwrap().iter().map(|one| one["principal_id"].clone()).collect();
    assert_eq!(possible, *approvers);
    assert_eq!(shown, approval);
    assert_eq!(up.log().await, log);
    let check = ["access", "check", "--role", ROLE];
    assert_eq!(up.run("alice", &check).await.code, Some(1), "one approval is not enough");

    let yes = ["approve", text(&approval, "id"), "--justification", "known work"];
    let approved = up.ask("dave", &yes).await;
    assert_eq!(approved["state"], "APPROVED");
    assert_eq!(approved["decisions"].as_array().unwrap().len(), 2);
    assert_eq!(up.ask("alice", &["activations", text(&asked, "id")]).await["state"], "ACTIVE");
    assert_eq!(up.run("alice", &check).await.code, Some(0));
}

#[tokio::test]
async fn writes_under_way_are_whole_or_not_there() {
    let installation = Installation::new();
    let up = installation.up().await;
    let mut writes: Vec<Program> = Vec::new();
    for role in READERS {
        let line = ["eligibility", "create", "--principal", "bob", "--role", role];
        writes.push(up.start("admin", &line));
    }
    // One is through; the others are on their way.
    writes[0].prints("\"id\"").await;
    up.program.kill();
    let mut acknowledged = BTreeSet::new();
    for write in writes {
        let ended = write.ended().await;
        if ended.code == Some(0) {
            let made: Value = serde_json::from_str(&ended.out).unwrap();
            acknowledged.insert(text(&made, "id").to_owned());
        } else {
            assert_eq!(ended.code, Some(7), "{}", ended.err);
        }
    }

    let up = installation.up().await;
    let made = items(up.ask("admin", &["eligibility", "list", "--principal", "bob"]).await);
    let made: BTreeSet<_> = made.iter().map(|one| text(one, "id").to_owned()).collect();
    assert!(!acknowledged.is_empty() && acknowledged.is_subset(&made), "{acknowledged:?} {made:?}");
    let told = up.ask("admin", &["audit", "list", "--code", "pim.eligibility.created"]).await;
    let told: BTreeSet<_> = items(told).iter().map(|it| text(it, "thing_id").to_owned()).collect();
    assert_eq!(told, made, "each change has its event, and each event its change");
}

/// Runs a command as the demo's administrator, whose tenant is not the data folder's.
async fn as_ada(installation: &Installation, up: &Up, tenant: &str, line: &[&str]) -> Vec<Value> {
    let grant = Grant::Principal {
        tenant: tenant.parse().unwrap(),
        subject: "ada".to_owned(),
        amr: vec!["pwd".to_owned(), "mfa".to_owned()],
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
        signals: Signals::default(),
    };
    let issuer = DevelopmentIssuer::load_or_create(&installation.data()).unwrap();
    let now = Clock::disciplined().now().now;
    let token = issuer.mint(&grant, now, TimeDelta::minutes(5)).unwrap();
    let mut command = Command::new(PIM);
    command.args(["--server", &up.url, "--output", "json"]).env("PIM_TOKEN", token).args(line);
    let ended = Program::start(&mut command).ended().await;
    assert_eq!(ended.code, Some(0), "{line:?}: {}", ended.err);
    items(serde_json::from_str(&ended.out).unwrap())
}

/// The versions of each thing that the log tells of.
fn versions(log: &[Value]) -> BTreeMap<String, BTreeSet<i64>> {
    let mut versions: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for event in log.iter().filter(|event| event["result"] == "SUCCESS") {
        let version = event["thing_version"].as_i64().unwrap();
        let is_new =
            versions.entry(text(event, "thing_id").to_owned()).or_default().insert(version);
        assert!(is_new, "two events of one version: {event}");
    }
    versions
}

#[tokio::test]
async fn a_demo_that_lost_its_server_has_left_nothing_half() {
    let installation = Installation::new();
    let up = installation.up().await;
    let mut demo = Program::start(
        Command::new(PIM)
            .args(["demo", "--running", "--server", &up.url, "--data"])
            .arg(installation.data()),
    );
    // Printed once the request was acknowledged; the approvals are under way.
    let shown = demo.prints("ok   alice asked with MFA").await;
    let tenant = shown.split_once("tenant ").unwrap().1.split_once(';').unwrap().0.to_owned();
    let before = as_ada(&installation, &up, &tenant, &["audit", "list"]).await;
    up.program.kill();
    let demo = demo.ended().await;
    assert_eq!(demo.code, Some(7), "{}{}", demo.out, demo.err);

    let up = installation.up().await;
    let log = as_ada(&installation, &up, &tenant, &["audit", "list"]).await;
    for code in ["pim.policy.updated", "pim.eligibility.created", "pim.activation.requested"] {
        assert!(before.iter().any(|event| event["code"] == code), "{code}");
    }
    let missing: Vec<_> = before.iter().filter(|event| !log.contains(event)).collect();
    assert!(missing.is_empty(), "{missing:?}");

    let versions = versions(&log);
    for (thing, versions) in &versions {
        let whole = (1..=i64::try_from(versions.len()).unwrap()).collect();
        assert_eq!(*versions, whole, "{thing}");
    }
    for list in ["activations", "eligibility"] {
        let line: &[&str] =
            if list == "activations" { &[list, "--all", "--ended"] } else { &[list, "list"] };
        // The scheduler goes on with its work: the two are compared where the log stood still.
        let (things, versions) = eventually("a log that stands still", async || {
            let log = as_ada(&installation, &up, &tenant, &["audit", "list"]).await;
            let things = as_ada(&installation, &up, &tenant, line).await;
            let again = as_ada(&installation, &up, &tenant, &["audit", "list"]).await;
            (log == again).then(|| (things, self::versions(&log)))
        })
        .await;
        assert!(!things.is_empty(), "{list}");
        for thing in &things {
            let last = versions[text(thing, "id")].last().unwrap();
            assert_eq!(thing["etag"], format!("v{last}"), "{thing}");
        }
    }
}
