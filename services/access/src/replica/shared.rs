//! What many holdings and tenants have in common, kept once: scopes, and what roles permit.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use pim_domain::{
    permission::{Operation, Permissions},
    role::Catalog,
    scope::Scope,
};

/// What nobody uses any more is looked for when there is this many times as much as was left then.
const GROWTH: usize = 2;
/// With fewer it is not worth looking.
const TIDY_MIN: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Shared {
    scopes: HashSet<Arc<Scope>>,
    blocks: HashMap<(Catalog, Arc<str>), Arc<Blocks>>,
    /// How much was left when it was last tidied.
    left: usize,
}

impl Shared {
    pub(super) fn scope(&mut self, scope: &Scope) -> Arc<Scope> {
        if let Some(known) = self.scopes.get(scope) {
            return Arc::clone(known);
        }
        let new = Arc::new(scope.clone());
        self.scopes.insert(Arc::clone(&new));
        new
    }

    pub(super) fn blocks(&mut self, catalog: Catalog, json: &str) -> Arc<Blocks> {
        let key = (catalog, Arc::from(json));
        let new = || {
            let json = Arc::clone(&key.1);
            Arc::new(Blocks { catalog, json, permissions: OnceLock::new() })
        };
        if let Some(known) = self.blocks.get(&key) {
            return Arc::clone(known);
        }
        let new = new();
        self.blocks.insert(key, Arc::clone(&new));
        new
    }

    /// Lets go of what nobody uses any more, now and then.
    pub(super) fn tidy(&mut self) {
        if self.scopes.len() + self.blocks.len() < (self.left * GROWTH).max(TIDY_MIN) {
            return;
        }
        self.scopes.retain(|scope| Arc::strong_count(scope) > 1);
        self.blocks.retain(|_, blocks| Arc::strong_count(blocks) > 1);
        self.left = self.scopes.len() + self.blocks.len();
    }
}

/// The permission blocks of one role by itself, compiled when somebody first asks.
#[derive(Debug)]
pub(super) struct Blocks {
    catalog: Catalog,
    json: Arc<str>,
    permissions: OnceLock<Permissions>,
}

impl Blocks {
    pub(super) fn permit(&self, operation: &Operation) -> bool {
        let permissions = self.permissions.get_or_init(|| {
            let blocks = serde_json::from_str::<Vec<_>>(&self.json).unwrap_or_else(|error| {
                // Doubt is a no.
                tracing::error!(%error, "the permission blocks of a role cannot be read");
                Vec::new()
            });
            Permissions::of_blocks(self.catalog, &blocks)
        });
        permissions.permit(operation)
    }
}
