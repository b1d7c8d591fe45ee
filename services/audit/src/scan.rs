//! The scan for alerts: of each tenant that is due, kind by kind, what meets its condition is looked
//! for and compared with the incidents that are open.
//!
//! Each kind is read in one state of the database and written in transactions of its own, so that
//! one which cannot be looked for keeps none of the others back. Of two replicas the one that takes a
//! tenant's turn scans it. Should a slow scan overlap the next one, a version or the index of open
//! incidents refuses the second of two who write the same: nothing is lost, the next scan sees it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pim_chassis::Process;
use pim_domain::{
    alert::{
        self, AlertKind, Finding, Findings, Incident, Setting,
        condition::{
            crowded, disabled, duplicates, few_break_glass, mutual, outside, refused, renewed,
            stale, unapprovable, unlicensed, unused, unusual_hours, unusual_networks, used,
            weakened, without_mfa,
        },
    },
    change::Change,
    event::{Actor, Stamp},
    id::TenantId,
};
use pim_store::{
    Purpose, Reach, Read, StoreError,
    alerts::{
        self,
        facts::{
            self, Candidates, Owners,
            holdings::{self, Roles},
        },
    },
};

/// How long after a scan of a tenant the next one is due.
const SCAN_INTERVAL: TimeDelta = TimeDelta::minutes(1);
/// Tenants of one step, at most.
const TENANTS_MAX: i64 = 100;
/// Changes of one transaction, at most.
const CHANGES_MAX: usize = 100;
/// The pause after a step that has done all that was due.
const PAUSE: Duration = Duration::from_secs(5);

/// Why a step did not scan all that was due.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// What is due cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Some kinds could not be looked for; they are again by the next scan of their tenant.
    #[error("{count} scans failed, the last of them for {kind}: {source}")]
    Scans {
        /// How many.
        count: usize,
        /// The kind of the last of them.
        kind: &'static str,
        /// Why the last of them did.
        source: StoreError,
    },
}

/// Scans the tenants whose turn it is, and says how long to pause.
///
/// # Errors
/// Something could not be read or written.
pub async fn scan(process: &Process) -> Result<Duration, ScanError> {
    let before = process.clock.now().now - SCAN_INTERVAL;
    let mut read = process.db.browse(Reach::EveryTenant).await?;
    let tenants = alerts::due(&mut read, before, TENANTS_MAX).await?;
    drop(read);
    let is_full = i64::try_from(tenants.len()).unwrap_or(i64::MAX) >= TENANTS_MAX;
    let (mut count, mut last) = (0, None);
    for tenant in tenants {
        for (kind, error) in scan_tenant(process, tenant, before).await? {
            tracing::debug!(%tenant, kind, %error, "a kind of alert could not be looked for");
            count += 1;
            last = Some((kind, error));
        }
    }
    match last {
        Some((kind, source)) => Err(ScanError::Scans { count, kind, source }),
        None if is_full => Ok(Duration::ZERO),
        None => Ok(PAUSE),
    }
}

/// Scans one tenant, where nobody else has taken its turn. What could not be looked for is told.
async fn scan_tenant(
    process: &Process,
    tenant: TenantId,
    before: DateTime<Utc>,
) -> Result<Vec<(&'static str, StoreError)>, StoreError> {
    let now = process.clock.now().now;
    let mut tx = process.db.begin(Purpose::Gain, tenant).await?;
    let is_ours = alerts::take_turn(&mut tx, tenant, before, now).await?;
    tx.commit().await?;
    if !is_ours {
        return Ok(Vec::new());
    }
    let mut failures = Vec::new();
    for kind in AlertKind::ALL {
        match scan_kind(process, tenant, kind).await {
            // Somebody dismissed one meanwhile, or a slower scan has been here.
            Ok(()) | Err(StoreError::Conflict(_)) => {}
            Err(error) => failures.push((kind.as_str(), error)),
        }
    }
    Ok(failures)
}

async fn scan_kind(process: &Process, tenant: TenantId, kind: AlertKind) -> Result<(), StoreError> {
    let mut read = process.db.browse(tenant).await?;
    let settings = alerts::settings(&mut read, tenant).await?;
    let Some(setting) = settings.iter().find(|one| one.kind == kind) else { return Ok(()) };
    let open = alerts::open(&mut read, tenant, kind).await?;
    let newest = open.iter().map(|one| one.update_time).max();
    let actor = Actor::Service { name: crate::SERVICE.name.to_owned() };
    let stamp = Stamp { now: process.clock.losing_now(newest), actor };
    let (found, is_whole) = if setting.is_enabled {
        look(&mut read, tenant, setting, &settings, stamp.now).await?
    } else {
        // Nobody looks for it any more: what was open does not stay so for ever.
        (Vec::new(), true)
    };
    drop(read);
    let changes = alert::scan(&open, Findings { kind, found, is_whole }, &stamp);
    for some in changes.chunks(CHANGES_MAX) {
        record(process, tenant, some).await?;
    }
    Ok(())
}

async fn record(
    process: &Process,
    tenant: TenantId,
    changes: &[Change<Incident>],
) -> Result<(), StoreError> {
    let mut tx = process.db.begin(Purpose::Gain, tenant).await?;
    for change in changes {
        alerts::record(&mut tx, tenant, change).await?;
    }
    tx.commit().await?;
    for change in changes {
        let Incident { id, kind, state, .. } = change.after();
        let (kind, state) = (kind.as_str(), state.as_str());
        tracing::info!(%tenant, alert = %id, kind, state, "an alert has changed");
    }
    Ok(())
}

/// What meets the condition of the setting's kind, and whether that is all.
async fn look(
    read: &mut Read,
    tenant: TenantId,
    setting: &Setting,
    settings: &[Setting],
    now: DateTime<Utc>,
) -> Result<(Vec<Finding>, bool), StoreError> {
    Ok(match setting.kind {
        AlertKind::TooManyGlobalAdministrators => {
            let all = facts::global_administrators(read, tenant, now).await?;
            judged(&all, |all| crowded(all, setting))
        }
        AlertKind::RolesNotUsed => {
            let all = facts::unused(read, tenant, setting, now).await?;
            judged(&all, |all| unused(all, setting, now))
        }
        AlertKind::NoMfaOnActivation => {
            judged(&facts::without_mfa(read, tenant).await?, without_mfa)
        }
        AlertKind::SequentialRenewals => {
            let all = facts::renewals(read, tenant, setting, now).await?;
            judged(&all, |all| renewed(all, setting))
        }
        AlertKind::FewBreakGlassHolders => {
            (few_break_glass(&facts::administrators(read, tenant).await?, now), true)
        }
        AlertKind::BreakGlassUsed => {
            let all = facts::uses(read, tenant, setting, now).await?;
            judged(&all, |all| used(all, setting, now))
        }
        AlertKind::SettingsWeakened => {
            judged(&facts::changed(read, tenant, setting, now).await?, weakened)
        }
        AlertKind::UnapprovablePolicy => unapprovable_policies(read, tenant, now).await?,
        AlertKind::DenialsInARow => {
            let all = facts::refused(read, tenant, setting, now).await?;
            judged(&all, |all| refused(all, setting))
        }
        AlertKind::MutualApproval => {
            let all = facts::approvals(read, tenant, setting, now).await?;
            judged(&all, |all| mutual(all, setting))
        }
        AlertKind::TooManyOwners => {
            let all = facts::owners(read, tenant, Owners::Any, setting, now).await?;
            judged(&all, |all| crowded(all, setting))
        }
        AlertKind::TooManyPermanentOwners => {
            let all = facts::owners(read, tenant, Owners::Permanent, setting, now).await?;
            judged(&all, |all| crowded(all, setting))
        }
        AlertKind::DuplicateRoles => judged(&facts::custom_roles(read, tenant).await?, duplicates),
        AlertKind::UnusualHour => {
            let all = facts::unusual_hours(read, tenant, setting, now).await?;
            judged(&all, |all| unusual_hours(all, setting, now))
        }
        AlertKind::StaleSignIn => {
            let all = holdings::stale(read, tenant, setting, now).await?;
            judged(&all, |all| stale(all, setting, now))
        }
        AlertKind::NoLicence => {
            let licence = holdings::licence(read, tenant, now).await?;
            (licence.map(unlicensed).unwrap_or_default(), true)
        }
        AlertKind::AssignedOutside => {
            judged(&holdings::untold(read, tenant, Roles::Others, now).await?, outside)
        }
        AlertKind::AzureAssignedOutside => {
            judged(&holdings::untold(read, tenant, Roles::Azure, now).await?, outside)
        }
        AlertKind::UnusualNetwork => {
            let all = holdings::unusual_networks(read, tenant, setting, now).await?;
            judged(&all, |all| unusual_networks(all, setting, now))
        }
        AlertKind::AlertDisabled => (disabled(settings), true),
    })
}

fn judged<T>(
    candidates: &Candidates<T>,
    rule: impl FnOnce(&[T]) -> Vec<Finding>,
) -> (Vec<Finding>, bool) {
    (rule(&candidates.some), candidates.is_whole)
}

/// One policy after the other, because a group that approves may have many members.
async fn unapprovable_policies(
    read: &mut Read,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<(Vec<Finding>, bool), StoreError> {
    let policies = facts::approved(read, tenant).await?;
    let mut found = Vec::new();
    for policy in &policies.some {
        let approvers = facts::approvers(read, tenant, policy).await?;
        found.extend(unapprovable(&[approvers], now));
    }
    Ok((found, policies.is_whole))
}
