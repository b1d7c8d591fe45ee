//! What a role permits, and by which of its words.

use comfy_table::Table;
use pim_domain::{
    permission::{Account, Operation},
    role::{self, Catalog},
};
use pim_proto::{assignment::v1::Role, r#type::v1};
use serde::Serialize;

use super::{
    Shown,
    caller::{grouped, realm_names},
    role::{PermissionView, catalog_name},
    yes_no,
};
use crate::output::fields;

/// What a role permits, itself and by what it inherits.
#[derive(Debug, Serialize)]
pub(crate) struct PermissionsView {
    role_id: String,
    role_name: String,
    catalog: String,
    blocks: Vec<BlockView>,
    /// What it confers in this system itself.
    own_actions: Vec<String>,
    own_realms: Vec<String>,
    /// Whether it permits what was asked about.
    permitted: Option<bool>,
}

/// A permission block, and whose it is.
#[derive(Debug, Serialize)]
struct BlockView {
    role_id: String,
    role_name: String,
    #[serde(flatten)]
    permissions: PermissionView,
    /// What it says of what was asked about.
    account: Option<AccountView>,
}

#[derive(Debug, Serialize)]
struct AccountView {
    permits: bool,
    allowed_by: Vec<String>,
    taken_by: Vec<String>,
}

impl PermissionsView {
    /// Of the first of `roles`, which has the permissions of the others as well.
    pub(crate) fn new(
        roles: Vec<Role>,
        own_realms: Vec<i32>,
        own_actions: Vec<String>,
        operation: Option<&Operation>,
    ) -> Self {
        let first = roles.first().cloned().unwrap_or_default();
        let mut blocks = Vec::new();
        for role in roles {
            for block in role.permissions {
                let account = operation.map(|asked| account(role.catalog, &block, asked));
                blocks.push(BlockView {
                    role_id: role.id.clone(),
                    role_name: role.display_name.clone(),
                    permissions: block.into(),
                    account,
                });
            }
        }
        let permits = |block: &BlockView| block.account.as_ref().is_some_and(|one| one.permits);
        Self {
            role_id: first.id,
            role_name: first.display_name,
            catalog: catalog_name(first.catalog),
            permitted: operation.map(|_| blocks.iter().any(permits)),
            blocks,
            own_actions,
            own_realms: realm_names(own_realms),
        }
    }

    /// Whether it permits what was asked about, if something was.
    pub(crate) fn permits(&self) -> Option<bool> {
        self.permitted
    }
}

/// By the rules that the server goes by. Nothing is known of a catalog that is not known here.
fn account(
    catalog: i32,
    block: &pim_proto::assignment::v1::PermissionBlock,
    asked: &Operation,
) -> AccountView {
    let catalog = match v1::Catalog::try_from(catalog) {
        Ok(v1::Catalog::Entra) => Some(Catalog::Entra),
        Ok(v1::Catalog::Azure) => Some(Catalog::Azure),
        Ok(v1::Catalog::Pim) => Some(Catalog::Pim),
        Ok(v1::Catalog::Unspecified) | Err(_) => None,
    };
    let block = role::PermissionBlock {
        condition: Some(block.condition.clone()).filter(|condition| !condition.is_empty()),
        actions: block.actions.clone(),
        not_actions: block.not_actions.clone(),
        data_actions: block.data_actions.clone(),
        not_data_actions: block.not_data_actions.clone(),
    };
    let account = catalog.map(|catalog| Account::of(catalog, &block, asked));
    let (permits, allowed_by, taken_by) =
        account.map_or_else(Default::default, |one| (one.permits, one.allowed_by, one.taken_by));
    AccountView { permits, allowed_by, taken_by }
}

impl BlockView {
    fn text(&self, of: &str) -> String {
        let inherited = (self.role_id != of).then(|| format!("inherited from {}", self.role_name));
        let lines = inherited.into_iter().chain([self.permissions.text()]);
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Why it permits, or would; nothing of a block that has nothing to do with it.
    fn reason(&self) -> Option<String> {
        let account = self.account.as_ref().filter(|one| !one.allowed_by.is_empty())?;
        let allowed = format!("{} allows it", account.allowed_by.join(", "));
        let taken = (!account.taken_by.is_empty())
            .then(|| format!("{} takes it away", account.taken_by.join(", ")));
        let condition = self.permissions.condition();
        let bound = condition.map(|_| "bound to a condition, which permits nothing".to_owned());
        let said = [Some(allowed), taken, bound].into_iter().flatten().collect::<Vec<_>>();
        Some(format!("{}: {}", self.role_name, said.join("; ")))
    }
}

impl Shown for PermissionsView {
    fn table(&self) -> Table {
        let blocks = self.blocks.iter().map(|block| block.text(&self.role_id));
        let reasons: Vec<String> = self.blocks.iter().filter_map(BlockView::reason).collect();
        let none = self.permitted.is_some() && reasons.is_empty();
        let why = if none { "no pattern allows it".to_owned() } else { reasons.join("\n") };
        fields(vec![
            ("role", self.role_name.clone()),
            ("id", self.role_id.clone()),
            ("catalog", self.catalog.clone()),
            ("permitted", self.permitted.map(yes_no).unwrap_or_default()),
            ("why", why),
            ("permissions", blocks.collect::<Vec<_>>().join("\n\n")),
            ("here, on", self.own_realms.join(", ")),
            ("here", grouped(&self.own_actions)),
        ])
    }
}
