//! The tenant: its name, its plan, and the freeze.

use clap::{Args, Subcommand, ValueEnum};
use pim_proto::assignment::v1::{
    FreezeTenantRequest, GetTenantRequest, SetTenantPlanRequest, Tenant, TenantPlan,
    UnfreezeTenantRequest, UpdateTenantRequest,
};
use uuid::Uuid;

use super::{note_validation, present};
use crate::{args::WriteOptions, connect::Session, error::CliError, view::tenant::TenantView};

/// `pim tenant`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show your tenant, its plan, and whether it is frozen
    Get,
    /// Rename your tenant
    Update {
        /// For people only
        display_name: String,
        #[command(flatten)]
        write: WriteOptions,
    },
    /// Stop everything that gains, at once; what is held runs on and can be given up
    Freeze(Reason),
    /// Consent to ending a freeze; the second of two who do ends it, who may be the operator
    Unfreeze {
        #[command(flatten)]
        reason: Reason,
        /// The tenant's id, as the operator
        #[arg(long, value_name = "ID", requires = "etag")]
        tenant: Option<Uuid>,
        /// Of the tenant as the first who consented was shown it, as the operator
        #[arg(long, requires = "tenant")]
        etag: Option<String>,
    },
    /// Say what a tenant has paid for, as the operator
    Plan {
        /// The tenant's id
        tenant: Uuid,
        /// The plan
        plan: PlanName,
        #[command(flatten)]
        write: WriteOptions,
    },
}

/// `pim tenant freeze` and `unfreeze`.
#[derive(Debug, Args)]
pub(crate) struct Reason {
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    justification: String,
    #[command(flatten)]
    write: WriteOptions,
}

/// A plan, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PlanName {
    /// Everything
    P2,
    /// Reading, and giving up what is held
    Free,
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<(), CliError> {
    let mut client = session.client.tenants();
    match command {
        Command::Get => {
            let tenant = get(session).await?;
            print(tenant, session).await
        }
        Command::Update { display_name, write } => {
            let request = UpdateTenantRequest {
                etag: get(session).await?.etag,
                display_name,
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let answer = client.update_tenant(request).await?;
            print(present(answer.into_inner().tenant)?, session).await?;
            note_validation(session, &write)
        }
        Command::Freeze(Reason { justification, write }) => {
            let (request_id, validate_only) = (write.request_id(), write.validate_only);
            let request = FreezeTenantRequest { justification, request_id, validate_only };
            let answer = client.freeze_tenant(request).await?;
            print(present(answer.into_inner().tenant)?, session).await?;
            note_validation(session, &write)
        }
        Command::Unfreeze { reason, tenant, etag } => {
            let etag = match etag {
                Some(etag) => etag,
                None => get(session).await?.etag,
            };
            unfreeze(reason, tenant, etag, session).await
        }
        Command::Plan { tenant, plan, write } => {
            let plan = match plan {
                PlanName::P2 => TenantPlan::P2,
                PlanName::Free => TenantPlan::Free,
            };
            let request = SetTenantPlanRequest {
                tenant_id: tenant.to_string(),
                plan: plan.into(),
                request_id: write.request_id(),
                validate_only: write.validate_only,
            };
            let answer = client.set_tenant_plan(request).await?;
            print(present(answer.into_inner().tenant)?, session).await?;
            note_validation(session, &write)
        }
    }
}

async fn unfreeze(
    reason: Reason,
    tenant: Option<Uuid>,
    etag: String,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let Reason { justification, write } = reason;
    let request = UnfreezeTenantRequest {
        tenant_id: tenant.map(|id| id.to_string()).unwrap_or_default(),
        etag,
        justification,
        request_id: write.request_id(),
        validate_only: write.validate_only,
    };
    let answer = session.client.tenants().unfreeze_tenant(request).await?;
    let tenant = present(answer.into_inner().tenant)?;
    let waits = tenant.freeze.is_some();
    print(tenant, session).await?;
    if waits {
        session
            .printer
            .note("still frozen: one more administrator must consent, or the operator")?;
    }
    note_validation(session, &write)
}

async fn get(session: &Session<'_>) -> Result<Tenant, CliError> {
    let answer = session.client.tenants().get_tenant(GetTenantRequest {}).await?;
    present(answer.into_inner().tenant)
}

async fn print(tenant: Tenant, session: &mut Session<'_>) -> Result<(), CliError> {
    let freeze = tenant.freeze.iter();
    let people = freeze.flat_map(|it| [it.frozen_by_id.as_str(), it.consent_by_id.as_str()]);
    session.learn(std::iter::empty(), people).await;
    Ok(session.printer.one(&TenantView::new(tenant, &session.names))?)
}
