//! Role tokens: one of one's own, and the keys by which others verify it.

use chrono::TimeDelta;
use clap::Args;
use pim_proto::access::v1::{GetRoleTokenKeysRequest, IssueRoleTokenRequest};

use crate::{
    connect::Session,
    error::CliError,
    time,
    view::role_token::{KeysView, TokenView},
};

/// `pim access token`.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Who is to read it, as it calls itself
    #[arg(long)]
    audience: String,
    /// Only what holds at this scope [default: wherever it is held]
    #[arg(long, default_value = "", hide_default_value = true)]
    scope: String,
    /// How long it is good for, at most [default: PT5M]
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    lifetime: Option<TimeDelta>,
}

pub(super) async fn issue(token: Token, session: &mut Session<'_>) -> Result<(), CliError> {
    let Token { audience, scope, lifetime } = token;
    let lifetime = lifetime.map(time::wire_duration);
    let request = IssueRoleTokenRequest { audience, scope, lifetime };
    let answer = session.client.access().issue_role_token(request).await?.into_inner();
    let view = TokenView::from(answer);
    // Nothing but the token, so that a script can pass it on.
    session.printer.record(&view, view.token())?;
    Ok(session.printer.note(&view.remark())?)
}

pub(super) async fn keys(session: &mut Session<'_>) -> Result<(), CliError> {
    let request = GetRoleTokenKeysRequest {};
    let answer = session.client.access().get_role_token_keys(request).await?.into_inner();
    Ok(session.printer.one(&KeysView::from(answer))?)
}
