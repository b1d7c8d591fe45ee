//! The catalogs of built-in roles, part of this program: facts that Microsoft publishes, in a
//! format of our own that a person can review line by line.
//!
//! ```text
//! pim-catalog 1
//! catalog azure
//! version 2026-11-23
//! origin where the facts come from
//!
//! role 8e3af657-a8ff-443c-a75c-2fe8c4bcb635 Owner
//!   privileged                 the catalog marks it so
//!   not-assignable             only the system assigns it
//!   inherits <uuid>            it has that role's permissions as well
//!   when <condition>           the block's permissions are bound to Azure's condition
//!   + action                   allowed, - not, d+ and d- the same for data actions
//!   block                      the next permission block begins
//! ```

use std::sync::LazyLock;

use uuid::Uuid;

use crate::role::{Catalog, PermissionBlock};

/// One version of one catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogFile {
    /// Which catalog.
    pub catalog: Catalog,
    /// Its version: the day of the facts.
    pub version: String,
    /// Where the facts come from.
    pub origin: String,
    /// Its roles, by name.
    pub roles: Vec<CatalogRole>,
}

/// A built-in role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogRole {
    /// The id that is published.
    pub id: Uuid,
    /// Its display name.
    pub name: String,
    /// Marked as able to take over more than it says.
    pub privileged: bool,
    /// Whether anybody can be granted it.
    pub assignable: bool,
    /// Roles whose permissions it has as well.
    pub inherits: Vec<Uuid>,
    /// What it permits.
    pub permissions: Vec<PermissionBlock>,
}

/// A line of a catalog that does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct CatalogError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

static ENTRA: LazyLock<Result<CatalogFile, CatalogError>> =
    LazyLock::new(|| parse(include_str!("../catalog/entra.txt")));
static AZURE: LazyLock<Result<CatalogFile, CatalogError>> =
    LazyLock::new(|| parse(include_str!("../catalog/azure.txt")));
static PIM: LazyLock<Result<CatalogFile, CatalogError>> =
    LazyLock::new(|| parse(include_str!("../catalog/pim.txt")));

/// The newest version of a catalog that this program knows.
///
/// # Errors
/// The file does not read; a test rules that out.
pub fn file(catalog: Catalog) -> Result<&'static CatalogFile, &'static CatalogError> {
    match catalog {
        Catalog::Entra => ENTRA.as_ref(),
        Catalog::Azure => AZURE.as_ref(),
        Catalog::Pim => PIM.as_ref(),
    }
}

/// Reads a catalog.
///
/// # Errors
/// The first line that does not read.
pub fn parse(text: &str) -> Result<CatalogFile, CatalogError> {
    let mut lines = text.lines().enumerate().map(|(index, line)| Line { number: index + 1, line });
    let mut head = |key: &'static str| {
        let line = lines.next().unwrap_or(Line { number: 0, line: "" });
        line.value(key).map(|value| (line, value))
    };
    let (line, format) = head("pim-catalog")?;
    if format != "1" {
        return Err(line.error("must be format 1"));
    }
    let (line, name) = head("catalog")?;
    let catalog = Catalog::ALL
        .into_iter()
        .find(|catalog| catalog.as_str() == name)
        .ok_or_else(|| line.error("names no catalog"))?;
    let version = head("version")?.1.to_owned();
    let origin = head("origin")?.1.to_owned();
    let mut roles: Vec<CatalogRole> = Vec::new();
    for line in lines.filter(|line| !line.line.is_empty()) {
        if let Some(detail) = line.line.strip_prefix("  ") {
            let role = roles.last_mut().ok_or_else(|| line.error("belongs to no role"))?;
            read_detail(role, detail, &line)?;
        } else {
            let role = read_role(&line)?;
            if roles.iter().any(|other| other.id == role.id) {
                return Err(line.error("the id is there already"));
            }
            roles.push(role);
        }
    }
    Ok(CatalogFile { catalog, version, origin, roles })
}

#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    line: &'a str,
}

impl<'a> Line<'a> {
    fn error(&self, problem: impl Into<String>) -> CatalogError {
        CatalogError { line: self.number, problem: problem.into() }
    }

    fn value(&self, key: &str) -> Result<&'a str, CatalogError> {
        self.line
            .strip_prefix(key)
            .and_then(|rest| rest.strip_prefix(' '))
            .filter(|value| !value.trim().is_empty())
            .ok_or_else(|| self.error(format!("must be {key:?} and a value")))
    }

    fn uuid(&self, text: &str) -> Result<Uuid, CatalogError> {
        text.parse().map_err(|_| self.error(format!("{text:?} is not a UUID")))
    }
}

fn read_role(line: &Line<'_>) -> Result<CatalogRole, CatalogError> {
    let (id, name) = line
        .value("role")?
        .split_once(' ')
        .ok_or_else(|| line.error("must be an id and a name"))?;
    Ok(CatalogRole {
        id: line.uuid(id)?,
        name: name.to_owned(),
        privileged: false,
        assignable: true,
        inherits: Vec::new(),
        permissions: Vec::new(),
    })
}

fn read_detail(role: &mut CatalogRole, detail: &str, line: &Line<'_>) -> Result<(), CatalogError> {
    let (key, value) = detail.split_once(' ').unwrap_or((detail, ""));
    match (key, value.is_empty()) {
        ("privileged", true) => role.privileged = true,
        ("not-assignable", true) => role.assignable = false,
        ("block", true) => role.permissions.push(PermissionBlock::default()),
        ("inherits", false) => role.inherits.push(line.uuid(value)?),
        ("when", false) => block(role).condition = Some(value.to_owned()),
        ("+", false) => block(role).actions.push(value.to_owned()),
        ("-", false) => block(role).not_actions.push(value.to_owned()),
        ("d+", false) => block(role).data_actions.push(value.to_owned()),
        ("d-", false) => block(role).not_data_actions.push(value.to_owned()),
        _ => return Err(line.error(format!("{detail:?} is no detail of a role"))),
    }
    Ok(())
}

/// The block that is being read; the first one needs no line of its own.
fn block(role: &mut CatalogRole) -> &mut PermissionBlock {
    if role.permissions.is_empty() {
        role.permissions.push(PermissionBlock::default());
    }
    let last = role.permissions.len() - 1;
    &mut role.permissions[last]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::{GLOBAL_ADMINISTRATOR, OWNER};

    fn role(catalog: Catalog, id: Uuid) -> &'static CatalogRole {
        file(catalog).unwrap().roles.iter().find(|role| role.id == id).unwrap()
    }

    #[test]
    fn every_catalog_reads_and_is_whole() {
        let counts = Catalog::ALL.map(|catalog| file(catalog).unwrap().roles.len());
        assert_eq!(counts, [145, 929, 3]);
        let inherited = file(Catalog::Entra).unwrap();
        for id in inherited.roles.iter().flat_map(|role| &role.inherits) {
            assert!(inherited.roles.iter().any(|role| role.id == *id), "{id}");
        }
    }

    #[test]
    fn known_roles_have_their_known_permissions() {
        let owner = role(Catalog::Azure, OWNER);
        assert_eq!((owner.name.as_str(), owner.permissions.len()), ("Owner", 1));
        assert_eq!(owner.permissions[0].actions, ["*"]);
        assert!(owner.permissions[0].not_actions.is_empty());
        let contributor = role(Catalog::Azure, uuid::uuid!("b24988ac-6180-42a0-ab88-20f7382dd24c"));
        assert_eq!(contributor.permissions[0].actions, ["*"]);
        let not = &contributor.permissions[0].not_actions;
        assert!(not.contains(&"Microsoft.Authorization/*/Write".to_owned()), "{not:?}");
        let global = role(Catalog::Entra, GLOBAL_ADMINISTRATOR);
        assert!(global.privileged && global.assignable);
        assert!(
            global.permissions[0]
                .actions
                .iter()
                .any(|action| { action == "microsoft.directory/users/allProperties/allTasks" })
        );
        let system: Vec<_> =
            file(Catalog::Entra).unwrap().roles.iter().filter(|role| !role.assignable).collect();
        assert_eq!(system.len(), 3);
    }

    #[test]
    fn a_malformed_line_is_named() {
        let head = "pim-catalog 1\ncatalog pim\nversion 1\norigin here\n";
        let bad = |text: &str| parse(text).unwrap_err().line;
        assert_eq!(bad("pim-catalog 2"), 1);
        assert_eq!(bad("pim-catalog 1\ncatalog moon"), 2);
        assert_eq!(bad(&format!("{head}  + action")), 5);
        assert_eq!(bad(&format!("{head}\nrole 1 Name")), 6);
        let role = format!("{head}role 5a3cde95-7a1e-4b52-9a3f-2d1f6c1f6e0b Name\n");
        assert_eq!(bad(&format!("{role}  ? action")), 6);
        assert_eq!(bad(&format!("{role}  +")), 6);
        assert_eq!(bad(&format!("{role}{}", role.lines().last().unwrap())), 6);
    }
}
