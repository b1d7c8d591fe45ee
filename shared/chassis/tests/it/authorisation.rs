//! The authorisation table as people read it is the one that the code goes by.

use std::{collections::HashMap, env, fs};

use pim_chassis::rpc::{Guard, RPCS};
use pim_domain::{
    authority::{Action, Realm, administrative_roles, conferred_by},
    catalog,
    role::Catalog,
};
use uuid::Uuid;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/AUTHORISATION.md");
/// Set to write the file anew.
const WRITE: &str = "PIM_WRITE_AUTHORISATION";

const HEAD: &str = "\
# Who may call what

Made from `shared/chassis/src/rpc.rs` and `shared/domain/src/authority.rs`; a test compares. What is not
in the table is refused. Where a row names an action, the caller must hold it now, at the scope of
what the call is about, by a role that confers it. `pim whoami` says what you may do, and by what.

";

fn names() -> HashMap<Uuid, &'static str> {
    let files = Catalog::ALL.into_iter().filter_map(|one| catalog::file(one).ok());
    files.flat_map(|file| file.roles.iter().map(|role| (role.id, role.name.as_str()))).collect()
}

fn who(guard: Guard) -> String {
    match guard {
        Guard::Anyone => "whoever has a credential that counts".to_owned(),
        Guard::AnyPrincipal => "any principal; judged by what it is about".to_owned(),
        Guard::Action(action) => format!("`{}`", action.as_str()),
        Guard::ActionOrOperator(action) => format!("`{}`, or an operator", action.as_str()),
        Guard::Services(names) => format!("services: {}", names.join(", ")),
        Guard::Operator => "operators".to_owned(),
    }
}

/// The roles that confer an action, each with where.
fn roles(action: Action, names: &HashMap<Uuid, &'static str>) -> String {
    let conferring = administrative_roles().filter_map(|role| {
        let conferred = conferred_by(role.into())?;
        let realm = |realm: &Realm| match realm {
            Realm::Directory => "directory",
            Realm::Resources => "resources",
            Realm::Groups => "groups",
        };
        let realms: Vec<&str> = conferred.realms.iter().map(realm).collect();
        let place = if realms.len() == Realm::ALL.len() { "all".into() } else { realms.join(", ") };
        conferred.actions.contains(&action).then(|| format!("{} ({place})", names[&role]))
    });
    conferring.collect::<Vec<_>>().join("; ")
}

fn document() -> String {
    let mut lines = vec!["| RPC | who |".to_owned(), "|---|---|".to_owned()];
    for rpc in RPCS {
        let path = rpc.path.trim_start_matches("/pim.");
        lines.push(format!("| `{path}` | {} |", who(rpc.guard)));
    }
    let more = [
        "",
        "The roles that confer each action, at their scope and below, on things of the directory, of \
         resources or of groups:",
        "",
        "| action | roles |",
        "|---|---|",
    ];
    lines.extend(more.map(str::to_owned));
    let names = names();
    for action in Action::ALL {
        lines.push(format!("| `{}` | {} |", action.as_str(), roles(action, &names)));
    }
    format!("{HEAD}{}\n", lines.join("\n"))
}

#[test]
fn the_written_table_is_the_one_in_force() {
    let document = document();
    if env::var_os(WRITE).is_some() {
        fs::write(FILE, &document).unwrap();
    }
    let written = fs::read_to_string(FILE).unwrap_or_default();
    assert!(written == document, "proto/AUTHORISATION.md is stale: run this test with {WRITE}=1");
}
