//! Conditions are set from files and tried out, and what sign-in is wanted is said in a sentence.

use std::fs;

use serde_json::json;

use crate::installation::{Installation, text};

const ROLE: &str = "User Administrator";

#[tokio::test]
async fn conditions_are_set_and_tried_out() {
    let installation = Installation::new();
    let up = installation.up().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, expression: &str| {
        let path = folder.path().join(name);
        let text = format!("permit (principal, action, resource)\nwhen {{ {expression} }};\n");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let network =
        file("network.cedar", r#"context has ip && context.ip.isInRange(ip("10.0.0.0/8"))"#);
    let morning = file("morning.cedar", "context.hour < 12");
    let wrong = file("wrong.cedar", "context.huor < 12");

    let schema = up.run("admin", &["policy", "schema"]).await;
    assert!(schema.out.contains("action activate appliesTo"), "{}", schema.out);

    let refused = up.run("admin", &["policy", "set", ROLE, "--condition", &wrong]).await;
    assert_eq!(refused.code, Some(6), "{}", refused.err);
    assert!(refused.err.contains("rules.conditions.policies[0]"), "{}", refused.err);
    let line = ["policy", "set", ROLE, "--condition", &network, "--condition", &morning];
    let set = up.ask("admin", &line).await;
    let written = [&network, &morning].map(|path| fs::read_to_string(path).unwrap());
    assert_eq!(set["rules"][0]["value"], json!(written));

    let at = |hour: &str| format!("2026-12-01T{hour}:00:00Z");
    let (early, late) = (at("08"), at("20"));
    let trying = |ip: &'static str, start: &str| {
        let line = ["policy", "test", ROLE, "--ip", ip, "--start", start];
        line.map(str::to_owned)
    };
    for (ip, start, code, outcomes) in [
        ("10.1.2.3", &early, 0, ["ALLOWED", "ALLOWED"]),
        ("10.1.2.3", &late, 1, ["ALLOWED", "DENIED"]),
        ("192.0.2.1", &early, 1, ["DENIED", "ALLOWED"]),
    ] {
        let line = trying(ip, start);
        let ended = up.run("alice", &line.each_ref().map(String::as_str)).await;
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        let shown: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!([0, 1].map(|one| text(&shown["results"][one], "outcome").to_owned()), outcomes);
    }
    let tried = up.run("alice", &["policy", "test", ROLE, "--condition", &wrong]).await;
    assert_eq!(tried.code, Some(1), "{}", tried.err);
    assert!(tried.out.contains("FAILED") && tried.out.contains("hour"), "{}", tried.out);

    let cleared = up.ask("admin", &["policy", "set", ROLE, "--no-conditions"]).await;
    assert_eq!(cleared["rules"][0]["value"], json!([]));
}
