//! The log of a world, sealed and signed by hand.

use pim_chassis::log_keys::LogKeys;
use pim_domain::id::TenantId;
use pim_store::log;

use crate::{World, eventually};

impl World {
    /// Lets the audit service seal all that the log has.
    pub async fn seal_log(&self) {
        let process = self.system.process("audit", &self.url).unwrap();
        eventually("the log is sealed", async || {
            pim_audit::seal(&process).await.unwrap();
            let mut read = self.system.db.read().await.unwrap();
            for tenant in log::tenants(&mut read).await.unwrap() {
                // What was sealed and lost its leaf comes back by nothing.
                let waiting = log::unsealed(&mut read, tenant, 1_000).await.unwrap();
                if waiting.iter().any(|event| !event.is_late) {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// Lets the audit service seal and sign all that the log has.
    pub async fn sign_log(&self) {
        self.sign_log_with(&self.system.log_keys).await;
    }

    /// The same with other keys than the system's.
    pub async fn sign_log_with(&self, keys: &LogKeys) {
        let process = self.system.process("audit", &self.url).unwrap();
        eventually("the log is signed", async || {
            self.seal_log().await;
            let signing = pim_audit::sign(&process, keys).await.unwrap();
            assert!(signing.faults.is_empty(), "{:?}", signing.faults);
            let mut read = self.system.db.read().await.unwrap();
            for tenant in log::tenants(&mut read).await.unwrap() {
                if !is_signed(&mut read, tenant).await {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }
}

async fn is_signed(read: &mut pim_store::Read, tenant: TenantId) -> bool {
    let head = log::head(read, tenant).await.unwrap();
    let signed = log::checkpoint(read, tenant, None).await.unwrap();
    head.map(|head| head.size()) == signed.map(|signed| signed.size)
}
