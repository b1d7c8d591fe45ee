//! Alerts on the command line: what is set of them, and what is refused.

use serde_json::Value;

use crate::installation::{Installation, items, text};

const KIND: &str = "RedundantAssignmentAlert";

#[tokio::test]
async fn alerts_are_listed_and_set() {
    let installation = Installation::new();
    let up = installation.up().await;
    let resolved = up.ask("admin", &["alerts", "list", "--state", "resolved"]).await;
    assert_eq!(items(resolved), Vec::<Value>::new());
    let all = items(up.ask("admin", &["alerts", "settings"]).await);
    assert!(all.iter().any(|one| text(one, "kind") == KIND), "{all:?}");
    let set = up.ask("admin", &["alerts", "set", KIND, "days=9", "--disable"]).await;
    assert_eq!(
        (&set["parameters"]["days"]["value"], &set["is_enabled"]),
        (&9.into(), &false.into())
    );
    let refused = up.run("admin", &["alerts", "set", KIND, "days=101"]).await;
    assert_ne!(refused.code, Some(0));
    assert!(refused.err.contains("from 0 to 100"), "{}", refused.err);
    let shown = items(up.ask("admin", &["alerts", "settings", KIND]).await);
    assert_eq!(shown, [set]);
    let unknown = "0198c0de-0000-7000-8000-00000000000a";
    let dismissed = up.run("admin", &["alerts", "dismiss", unknown, "--justification", "no"]).await;
    assert!(dismissed.err.contains("NOT_FOUND"), "{}", dismissed.err);
}
