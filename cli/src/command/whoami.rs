//! `pim whoami`.

use pim_proto::access::v1::GetCallerRequest;

use crate::{connect::Session, error::CliError, view::caller::CallerView};

pub(super) async fn run(session: &mut Session<'_>) -> Result<(), CliError> {
    let caller = session.client.access().get_caller(GetCallerRequest {}).await?.into_inner();
    let held = caller.conferrals.iter().filter_map(|one| one.holding.as_ref());
    let roles = held.clone().map(|held| held.role_id.as_str());
    let groups = held.map(|held| held.group_id.as_str());
    session.learn(roles, groups).await;
    let view = CallerView::new(caller, &session.names);
    Ok(session.printer.one(&view)?)
}
