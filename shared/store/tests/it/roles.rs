//! Roles are read back with their permissions, and imports touch what has changed only.

use chrono::TimeDelta;
use pim_domain::{
    catalog::{self, CatalogFile},
    change::Version,
    fixture::{self, noon, stamp},
    role::{self, Catalog, Import, PermissionBlock, Role},
};
use pim_store::{Reach, StoreError, roles};

use crate::ground::{Ground, Stored as _, catalog_of};

impl Ground {
    /// Imports a catalog and says how many roles were new or differed.
    async fn import(&self, file: &CatalogFile, minute: i64) -> Result<(Import, u64), StoreError> {
        let mut tx = self.begin().await;
        let before = roles::import_for_update(&mut tx, self.tenant, file.catalog).await?;
        let stamp = stamp(noon() + TimeDelta::minutes(minute));
        let change = role::import(self.tenant, before.as_ref(), file, &stamp).unwrap();
        let all = role::of_catalog(file, change.after());
        let changed = roles::record(&mut tx, self.tenant, &change, all).await?;
        let stored = change.after().load(&mut tx, self.tenant).await?;
        assert_eq!(stored.as_ref(), Some(change.after()));
        tx.commit().await?;
        Ok((change.into_after(), changed))
    }

    async fn role(&self, role: &Role) -> Role {
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        roles::get(&mut read, self.tenant, role.id).await.unwrap().unwrap()
    }
}

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Roles in all shapes: of no block and of several, of unequally many parents.
fn shapes() -> Vec<Role> {
    let time = noon();
    let base =
        Role { catalog: Catalog::Azure, create_time: time, update_time: time, ..fixture::role() };
    let plain = Role { display_name: "Plain".to_owned(), ..base.clone() };
    let one = Role {
        id: fixture::role().id,
        display_name: "One \"block\"".to_owned(),
        privileged: false,
        assignable: false,
        inherits: vec![plain.id],
        permissions: vec![PermissionBlock::default()],
        ..base.clone()
    };
    let two = Role {
        id: fixture::role().id,
        display_name: "Two {blocks}".to_owned(),
        inherits: vec![plain.id, one.id],
        permissions: vec![
            PermissionBlock {
                condition: Some("(@Resource[a:b] StringEquals 'c\\d')".to_owned()),
                actions: list(&["*", "a/b/read"]),
                not_actions: list(&["a/c/*"]),
                data_actions: list(&["d/*"]),
                not_data_actions: list(&["d/e", "d/f"]),
            },
            PermissionBlock { actions: list(&["z"]), ..PermissionBlock::default() },
        ],
        ..base
    };
    vec![plain, one, two]
}

#[tokio::test]
async fn every_shape_of_role_is_read_back() {
    let ground = Ground::new().await;
    let all = shapes();
    let (_, changed) = ground.import(&catalog_of("1", Catalog::Azure, &all), 0).await.unwrap();
    assert_eq!(changed, 3);
    for role in &all {
        assert_eq!(&ground.role(role).await, role);
    }
}

#[tokio::test]
async fn an_import_leaves_alone_what_is_the_same() {
    let ground = Ground::new().await;
    let mut all = shapes();
    ground.import(&catalog_of("1", Catalog::Azure, &all), 0).await.unwrap();
    all[1].permissions[0].actions = list(&["new"]);
    let (import, changed) = ground.import(&catalog_of("2", Catalog::Azure, &all), 5).await.unwrap();
    assert_eq!((import.version, changed), (Version(2), 1));
    all[1].version = Version(2);
    all[1].update_time = noon() + TimeDelta::minutes(5);
    for role in &all {
        assert_eq!(&ground.role(role).await, role);
    }
}

#[tokio::test]
async fn every_shipped_catalog_is_read_back_in_pages() {
    const PAGE: usize = 97;
    let ground = Ground::new().await;
    for catalog in Catalog::ALL {
        let shipped = catalog::file(catalog).unwrap();
        let file = CatalogFile { version: format!("{} again", shipped.version), ..shipped.clone() };
        let (import, _) = ground.import(&file, 0).await.unwrap();
        let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (tenant, limit) = (ground.tenant, PAGE.try_into().unwrap());
            let filter = roles::Filter {
                catalog: Some(catalog),
                name_contains: "",
                custom_only: false,
                include_deleted: false,
            };
            let page = roles::list(&mut read, tenant, &filter, after, limit);
            let page = page.await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.into());
            found.extend(page);
        }
        let own = [ground.role.id, ground.other_role.id];
        found.retain(|role| !own.contains(&role.id));
        let version = Version::FIRST;
        let mut expected: Vec<Role> =
            role::of_catalog(&file, &import).map(|role| Role { version, ..role }).collect();
        expected.sort_by_key(|role| role.id);
        found.sort_by_key(|role| role.id);
        assert_eq!(found, expected);
    }
}
