//! Custom roles are read back in each of their states, and what there is of a deleted one is due.

use chrono::TimeDelta;
use pim_domain::{
    change::Change,
    due::DueKind,
    fixture::{noon, stamp},
    grant::{self, GrantKind},
    group::{Subject, Surroundings},
    id::PrincipalId,
    policy::Layers,
    role::{self, Catalog, Create, Definition, Delete, PermissionBlock, Role, Update},
};
use pim_store::{Reach, StoreError, due, holdings, roles};

use crate::ground::{Ground, scope};

fn defined(name: &str) -> Definition {
    Definition {
        display_name: name.to_owned(),
        privileged: false,
        permissions: vec![PermissionBlock {
            actions: vec!["Microsoft.Web/*".to_owned()],
            data_actions: vec!["Microsoft.Web/sites/read".to_owned()],
            ..PermissionBlock::default()
        }],
        assignable_scopes: vec![scope("/subscriptions/a"), scope("/subscriptions/b")],
    }
}

fn made(name: &str) -> Change<Role> {
    let wish = Create { catalog: Catalog::Azure, definition: defined(name) };
    role::create(wish, None, &stamp(noon())).unwrap()
}

fn deleted(role: &Role, by: PrincipalId) -> Change<Role> {
    let etag = role.version.etag();
    let wish = Delete { role: role.id, etag, justification: Default::default() };
    role.delete(&wish, by, &stamp(noon() + TimeDelta::minutes(9))).unwrap()
}

impl Ground {
    async fn kept_role(&self, change: Change<Role>) -> Result<Role, StoreError> {
        let mut tx = self.begin().await;
        roles::record_custom(&mut tx, self.tenant, &change).await?;
        tx.commit().await?;
        Ok(change.into_after())
    }

    async fn role_now(&self, role: &Role) -> Role {
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        roles::get(&mut read, self.tenant, role.id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_custom_role_is_read_back_in_each_of_its_states() {
    let ground = Ground::new().await;
    let admin = ground.user("admin").await;
    let role = ground.kept_role(made("Restarter")).await.unwrap();
    assert_eq!(ground.role_now(&role).await, role);
    let facts =
        role::Facts { role: role.clone(), namesake: None, own: Vec::new(), granted_at: Vec::new() };
    let update = Update { role: role.id, etag: role.version.etag(), definition: defined("Other") };
    let change = Role::update(&facts, update, &stamp(noon() + TimeDelta::minutes(5))).unwrap();
    let changed = ground.kept_role(change.unwrap()).await.unwrap();
    assert_eq!(ground.role_now(&changed).await, changed);
    let gone = ground.kept_role(deleted(&changed, admin.id)).await.unwrap();
    assert_eq!(ground.role_now(&gone).await, gone);
    let stale = ground.kept_role(deleted(&changed, admin.id)).await;
    assert!(matches!(stale, Err(StoreError::Conflict(_))), "{stale:?}");
}

#[tokio::test]
async fn two_custom_roles_of_one_name_are_one_too_many() {
    let ground = Ground::new().await;
    let admin = ground.user("admin").await;
    let first = ground.kept_role(made("Restarter")).await.unwrap();
    let second = ground.kept_role(made("RESTARTER")).await;
    assert!(matches!(&second, Err(StoreError::Conflict(name)) if name == "role_custom_name"));
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let found = roles::namesake(&mut read, ground.tenant, "restarter", None).await.unwrap();
    assert_eq!(found, Some(first.id));
    let besides = roles::namesake(&mut read, ground.tenant, "restarter", Some(first.id)).await;
    assert_eq!(besides.unwrap(), None);
    drop(read);
    ground.kept_role(deleted(&first, admin.id)).await.unwrap();
    ground.kept_role(made("RESTARTER")).await.unwrap();
}

#[tokio::test]
async fn what_there_is_of_a_deleted_role_is_due_and_nobody_holds_it() {
    let ground = Ground::new().await;
    let (admin, alice) = (ground.user("admin").await, ground.user("alice").await);
    let role = ground.kept_role(made("Restarter")).await.unwrap();
    let facts = grant::Facts {
        policy: Layers::untouched(role.id, role.catalog),
        role: role.clone(),
        subject: Subject::Principal(alice.clone()),
        groups: Surroundings::default(),
        caller: admin.clone(),
        caller_mfa: true,
        existing: Vec::new(),
    };
    let wish = grant::Create {
        kind: GrantKind::Assignment,
        principal: alice.id,
        role: role.id,
        scope: scope("/subscriptions/a"),
        start: None,
        end: None,
        justification: "work".into(),
        ticket: None,
    };
    let granted = grant::create(&facts, wish, &stamp(noon())).unwrap();
    ground.write(&granted).await.unwrap();
    let later = noon() + TimeDelta::minutes(10);
    let state = async || {
        let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
        let due = due::list(&mut read, later, None, 10).await.unwrap();
        let held = holdings::of_principal(&mut read, ground.tenant, alice.id, None, None).await;
        (due.iter().map(|due| due.kind).collect::<Vec<_>>(), held.unwrap().holdings.len())
    };
    assert_eq!(state().await, (vec![], 1));
    let gone = ground.kept_role(deleted(&role, admin.id)).await.unwrap();
    assert_eq!(state().await, (vec![DueKind::EndAssignment], 0));
    let ended = granted.after().settle(&gone, &[], &stamp(later)).unwrap();
    ground.write(&ended).await.unwrap();
    assert_eq!(state().await, (vec![], 0));
}
