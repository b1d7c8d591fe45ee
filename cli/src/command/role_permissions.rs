//! `pim role permissions`.

use clap::Args;
use pim_domain::permission::{Operation, Plane};
use pim_proto::assignment::v1::{GetRoleRequest, Role};

use super::present;
use crate::{
    connect::Session,
    error::{CliError, EXIT_NO, EXIT_OK},
    resolve,
    view::permissions::PermissionsView,
};

/// `pim role permissions`.
#[derive(Debug, Args)]
pub(crate) struct Permissions {
    /// Id or display name
    role: String,
    /// Does it permit this, such as Microsoft.Compute/virtualMachines/read, and by what?
    #[arg(long, conflicts_with = "data_action")]
    action: Option<String>,
    /// The same of an action on data
    #[arg(long)]
    data_action: Option<String>,
}

impl Permissions {
    fn operation(&self) -> Result<Option<Operation>, CliError> {
        let (plane, option, name) = match (&self.action, &self.data_action) {
            (Some(name), _) => (Plane::Control, "--action", name),
            (None, Some(name)) => (Plane::Data, "--data-action", name),
            (None, None) => return Ok(None),
        };
        let operation = Operation::new(plane, name);
        operation.map(Some).map_err(|error| CliError::Usage(format!("{option}: {error}")))
    }
}

pub(super) async fn run(command: Permissions, session: &mut Session<'_>) -> Result<u8, CliError> {
    let operation = command.operation()?;
    let role_id = resolve::role(&session.client, &command.role).await?;
    let answer = session.client.roles().get_role(GetRoleRequest { role_id }).await?.into_inner();
    let (realms, actions) = (answer.own_realms, answer.own_actions);
    let roles = with_inherited(session, present(answer.role)?).await?;
    let view = PermissionsView::new(roles, realms, actions, operation.as_ref());
    session.printer.one(&view)?;
    Ok(if view.permits().unwrap_or(true) { EXIT_OK } else { EXIT_NO })
}

/// A role, and all of its catalog whose permissions it has as well.
async fn with_inherited(session: &Session<'_>, role: Role) -> Result<Vec<Role>, CliError> {
    let catalog = role.catalog;
    let (mut roles, mut next) = (vec![role], 0);
    while let Some(role) = roles.get(next) {
        next += 1;
        for role_id in role.inherits_role_ids.clone() {
            if roles.iter().any(|known| known.id == role_id) {
                continue;
            }
            let request = GetRoleRequest { role_id };
            let inherited = session.client.roles().get_role(request).await?.into_inner().role;
            roles.extend(inherited.filter(|one| one.catalog == catalog));
        }
    }
    Ok(roles)
}
