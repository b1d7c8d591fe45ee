//! Scopes are registered, found, moved and deleted by commands, as people give them.

use serde_json::Value;

use crate::installation::{Installation, items, text};

#[tokio::test]
async fn scopes_are_put_below_each_other() {
    let installation = Installation::new();
    let up = installation.up().await;
    let (web, shop) = ("/managementGroups/web", "/subscriptions/shop");
    up.ask("admin", &["scope", "register", web, "--name", "Web"]).await;
    let line = ["scope", "register", shop, "--name", "Shop", "--parent", web];
    let made = up.ask("admin", &line).await;
    assert_eq!((text(&made, "kind"), text(&made, "parent_scope")), ("SUBSCRIPTION", web));
    let line = ["--principal", "alice", "--role", "Contributor", "--scope", web];
    let eligible = up.ask("admin", &[&["eligibility", "create"], &line[..]].concat()).await;
    let paths = async |who: &str, line: &[&str]| {
        let found = items(up.ask(who, line).await);
        found.iter().map(|one| text(one, "scope").to_owned()).collect::<Vec<_>>()
    };
    let activatable = ["scope", "activatable", text(&eligible, "id")];
    assert_eq!(paths("alice", &activatable).await, [web, shop]);
    assert_eq!(paths("admin", &["scope", "list", "--parent", web]).await, [shop]);
    assert_eq!(paths("admin", &["scope", "list", "--kind", "management-group"]).await, [web]);

    let renamed = up.ask("admin", &["scope", "rename", shop, "The Shop"]).await;
    assert_eq!(text(&renamed, "display_name"), "The Shop");
    let moved = up.ask("admin", &["scope", "move", shop, "--to", "/"]).await;
    assert_eq!(moved["parent_scope"], Value::Null);
    assert_eq!(up.ask("admin", &["scope", "show", shop]).await, moved);
    assert_eq!(paths("admin", &["scope", "list", "--below", web]).await, [web]);
    up.ask("admin", &["scope", "delete", shop]).await;
    let gone = up.run("admin", &["scope", "show", shop]).await;
    assert_eq!(gone.code, Some(5), "{}", gone.err);
}
