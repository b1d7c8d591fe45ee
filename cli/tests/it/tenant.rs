//! A tenant on the command line: shown, renamed, frozen, and let go on.

use std::process::Command;

use crate::{
    installation::{Installation, PIM, text},
    program::Program,
};

#[tokio::test]
async fn a_tenant_is_shown_renamed_and_frozen() {
    let installation = Installation::new();
    let up = installation.up().await;
    let shown = up.ask("admin", &["tenant", "get"]).await;
    assert_eq!((text(&shown, "plan"), shown["freeze"].is_null()), ("P2", true));
    let renamed = up.ask("admin", &["tenant", "update", "Contoso"]).await;
    assert_eq!(text(&renamed, "display_name"), "Contoso");
    let nameless = up.run("admin", &["tenant", "freeze"]).await;
    assert!(nameless.err.contains("justification"), "{}", nameless.err);
    let frozen = up.ask("admin", &["tenant", "freeze", "--justification", "a drill"]).await;
    assert!(frozen["freeze"]["frozen_by_id"].is_string());
    let refused =
        up.run("admin", &["principal", "create", "Mallory", "--subject", "mallory"]).await;
    assert!(refused.err.contains("FROZEN"), "{}", refused.err);
    let own = up.run("admin", &["tenant", "unfreeze", "--justification", "over"]).await;
    assert!(own.err.contains("SELF_APPROVAL"), "{}", own.err);
    let plan = up.run("admin", &["tenant", "plan", text(&shown, "id"), "free"]).await;
    assert!(plan.err.contains("NOT_PERMITTED"), "{}", plan.err);
}

#[tokio::test]
async fn an_operator_says_which_tenant_and_which_freeze() {
    let installation = Installation::new();
    let up = installation.up().await;
    let id = text(&up.ask("admin", &["tenant", "get"]).await, "id").to_owned();
    let frozen = up.ask("admin", &["tenant", "freeze", "--justification", "a drill"]).await;
    let data = installation.data();
    let mut signing = Command::new(PIM);
    signing.arg("--data").arg(&data).args(["token", "--operator", "operator"]);
    let token = Program::start(&mut signing).ended().await.out;
    let line = ["tenant", "unfreeze", "--justification", "over", "--tenant", &id];
    let unfreeze = |more: &[&str]| {
        let mut command = Command::new(PIM);
        command.args(["--server", &up.url, "--token", token.trim()]).args(line).args(more);
        Program::start(&mut command).ended()
    };
    let vague = unfreeze(&[]).await;
    assert!(vague.err.contains("--etag"), "{}", vague.err);
    let alone = unfreeze(&["--etag", text(&frozen, "etag")]).await;
    assert!(alone.err.contains("WRONG_STATE"), "{}", alone.err);
    assert!(alone.err.contains("NOT_CONSENTED"), "{}", alone.err);
}
