//! `OpenApproval`.

use pim_chassis::{Context, Error};
use pim_domain::{approval, denial::Reason, event::ThingKind, id::ActivationId};
use pim_proto::call::{Answer, ApprovalView};
use pim_store::{Purpose, activations, approvals, roles};

/// Opens the approval that a pending activation or extension waits for; where it is open already,
/// that is it.
pub(crate) async fn open(
    context: Context,
    id: ActivationId,
) -> Result<Answer<ApprovalView>, Error> {
    let tenant = context.tenant;
    let missing = || Reason::NotFound { thing: ThingKind::Activation, id: id.uuid() };
    let mut work = context.begin_internal(Purpose::Gain).await?;
    let activation = activations::get(&mut work, tenant, id).await?.ok_or_else(missing)?;
    let extension = activation.waits_for().flatten().map(|extension| extension.id);
    if let Some(approval) = approvals::of_activation(&mut work, tenant, id, extension).await? {
        let extension = approvals::extension_of(&mut work, tenant, &approval).await?;
        let view = ApprovalView { approval, activation, extension };
        return context.commit(work, view, context.now()).await;
    }
    let role = roles::get(&mut work, tenant, activation.role).await?.ok_or_else(missing)?;
    let pinned = activations::pinned(&mut work, tenant, &activation).await?;
    let stamp = context.losing(activation.update_time);
    let change = approval::open(&activation, pinned, role.catalog, &stamp)?;
    approvals::record(&mut work, tenant, &change).await?;
    let approval = change.into_after();
    let extension = approvals::extension_of(&mut work, tenant, &approval).await?;
    let view = ApprovalView { approval, activation, extension };
    context.commit(work, view, stamp.now).await
}
