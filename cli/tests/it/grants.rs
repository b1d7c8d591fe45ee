//! Dates are moved and more time is asked for by commands, as people give them.

use serde_json::Value;

use crate::installation::{Installation, Up, items, text};

/// What is not done: the exit code and the stable reason.
async fn refused(up: &Up, who: &str, line: &[&str]) -> (Option<i32>, String) {
    let ended = up.run(who, line).await;
    let error: Value = serde_json::from_str(&ended.err).unwrap_or_default();
    (ended.code, text(&error["error"], "reason").to_owned())
}

#[tokio::test]
async fn dates_move_and_a_holder_asks_for_more() {
    let installation = Installation::new();
    let up = installation.up().await;
    for kind in ["eligibility", "assignment"] {
        let role = ["--role", "User Administrator", "--justification", "a project"];
        let line = [&[kind, "create", "--principal", "alice", "--for", "P30D"], &role[..]].concat();
        let made = up.ask("admin", &line).await;
        let id = text(&made, "id");
        let why = ["--justification", "less work"];
        let line = [&[kind, "update", id, "--for", "P5D"], &why[..]].concat();
        let moved = up.ask("admin", &line).await;
        assert!(text(&moved, "end_time") < text(&made, "end_time"), "{moved}");

        let about = format!("--{kind}");
        let line = ["change-request", "create", "extension", &about, id];
        let silent = refused(&up, "alice", &line).await;
        assert_eq!(silent, (Some(4), "POLICY_DENIED".to_owned()));
        let line = [&line[..], &["--justification", "it goes on"]].concat();
        let asked = up.ask("alice", &line).await;
        assert_eq!((text(&asked, "state"), text(&asked, "kind")), ("PENDING", "EXTENSION"));
        let request = text(&asked, "id");
        let mine = items(up.ask("alice", &["change-request", "list"]).await);
        assert_eq!(mine, std::slice::from_ref(&asked));
        let all = items(up.ask("admin", &["change-request", "list", "--all"]).await);
        assert_eq!(text(&all[0], "id"), request);

        let line = ["change-request", "approve", request, "--for", "P10D"];
        let done = up.ask("admin", &line).await;
        assert_eq!((text(&done, "state"), text(&done, "outcome_id")), ("APPROVED", id));
        let shown = up.ask("alice", &["change-request", "show", request]).await;
        assert_eq!(text(&shown, "state"), "APPROVED");
        let longer = up.ask("alice", &[kind, "show", id]).await;
        assert!(text(&longer, "end_time") > text(&moved, "end_time"), "{longer}");

        let line = [&[kind, "extend", id, "--permanent"], &why[..]].concat();
        assert_eq!(up.ask("admin", &line).await["end_time"], Value::Null);
        let line = [kind, "renew", id, "--justification", "again"];
        let refusal = refused(&up, "admin", &line).await;
        assert_eq!(refusal, (Some(4), "WRONG_STATE".to_owned()));
    }
}

#[tokio::test]
async fn a_request_is_denied_or_withdrawn_and_the_last_administrators_stay() {
    let installation = Installation::new();
    let up = installation.up().await;
    let line = ["eligibility", "create", "--principal", "alice", "--role", "User Administrator"];
    let made = up.ask("admin", &[&line[..], &["--for", "P5D"]].concat()).await;
    let line = ["change-request", "create", "extension", "--eligibility", text(&made, "id")];
    let line = [&line[..], &["--justification", "it goes on"]].concat();
    let asked = up.ask("alice", &line).await;
    let line = ["change-request", "deny", text(&asked, "id"), "--justification", "not needed"];
    assert_eq!(text(&up.ask("admin", &line).await, "state"), "DENIED");
    let line = ["change-request", "create", "extension", "--eligibility", text(&made, "id")];
    let line = [&line[..], &["--justification", "once more"]].concat();
    let asked = up.ask("alice", &line).await;
    let line = ["change-request", "cancel", text(&asked, "id")];
    assert_eq!(text(&up.ask("alice", &line).await, "state"), "CANCELED");
    assert_eq!(items(up.ask("alice", &["change-request", "list"]).await).len(), 0);
    let all = items(up.ask("alice", &["change-request", "list", "--resolved"]).await);
    assert_eq!(all.len(), 2);

    let line = ["assignment", "list", "--role", "Global Administrator", "--principal", "me"];
    let power = items(up.ask("admin", &line).await).remove(0);
    let refusal = refused(&up, "admin", &["assignment", "remove", text(&power, "id")]).await;
    assert_eq!(refusal, (Some(4), "LAST_HOLDER".to_owned()));
}
