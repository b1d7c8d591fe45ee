//! What one may do and why, as people and scripts read it.

use pim_tests::eventually;
use serde_json::Value;

use crate::installation::{Installation, items, text};

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

#[tokio::test]
async fn people_see_what_they_may_do_and_what_roles_permit() {
    let installation = Installation::new();
    let up = installation.up().await;
    let admin = up.ask("admin", &["whoami"]).await;
    assert_eq!((text(&admin, "kind"), text(&admin, "subject")), ("USER", "admin"));
    assert_eq!(admin["sign_in"]["mfa"], true);
    let all = items(admin["conferrals"].clone());
    let by = all.iter().find(|one| one["holding"]["role_name"] == "Global Administrator").unwrap();
    assert_eq!(text(&by["holding"], "scope"), "/");
    assert_eq!(strings(&by["realms"]), ["DIRECTORY", "RESOURCES", "GROUPS"]);
    assert!(strings(&by["actions"]).contains(&"pim/role/import"), "{by}");
    let alice = up.ask("alice", &["whoami"]).await;
    assert_eq!(items(alice["conferrals"].clone()), Vec::<Value>::new());
    let calls = strings(&alice["methods"]);
    assert!(calls.contains(&"/pim.activation.v1.ActivationService/ActivateRole"), "{calls:?}");
    assert!(!calls.contains(&"/pim.assignment.v1.RoleService/DeleteRole"), "{calls:?}");
    let reader = ["roles", "permissions", "Contributor"];
    let shown = up.ask("alice", &reader).await;
    assert_eq!((&shown["permitted"], &shown["own_actions"]), (&Value::Null, &Value::Array(vec![])));
    let writes = "Microsoft.Authorization/roleAssignments/write";
    let refused = up.run("alice", &[&reader[..], &["--action", writes]].concat()).await;
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    let refused: Value = serde_json::from_str(&refused.out).unwrap();
    let account = &refused["blocks"][0]["account"];
    assert_eq!(strings(&account["allowed_by"]), ["*"]);
    assert_eq!(strings(&account["taken_by"]), ["Microsoft.Authorization/*/Write"]);
    let starts = "Microsoft.Compute/virtualMachines/start/action";
    let permitted = up.ask("alice", &[&reader[..], &["--action", starts]].concat()).await;
    assert_eq!(permitted["permitted"], true);
    let owner = up.ask("alice", &["role", "permissions", "Owner"]).await;
    assert_eq!(strings(&owner["own_realms"]), ["RESOURCES"]);
    let malformed = up.run("alice", &[&reader[..], &["--action", "no"]].concat()).await;
    assert!(malformed.err.contains("--action"), "{}", malformed.err);
}

#[tokio::test]
async fn a_sign_in_is_shown_with_its_time() {
    let installation = Installation::new();
    let up = installation.up().await;
    let shown = eventually("it is written beside the call", async || {
        let shown = up.ask("admin", &["principal", "show", "admin"]).await;
        shown["last_sign_in_time"].is_string().then_some(shown)
    })
    .await;
    let listed = items(up.ask("admin", &["principal", "list"]).await);
    let of = |name: &str| listed.iter().find(|one| text(one, "subject") == name).unwrap();
    assert_eq!(of("admin")["last_sign_in_time"], shown["last_sign_in_time"]);
    assert!(of("bob")["last_sign_in_time"].is_null(), "bob has never called");
}
