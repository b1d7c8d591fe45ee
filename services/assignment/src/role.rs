//! `ImportCatalog`, `GetRole`, `ListRoles`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    catalog::{self, CatalogError},
    denial::Reason,
    event::ThingKind,
    id::RoleId,
    role::{self, Role},
    scope::Lineage,
};
use pim_proto::call::{Answer, ImportCatalog, ImportView, List, Listed, RoleFilter, Write};
use pim_store::{
    Purpose, StoreError,
    roles::{self, Cursor},
};

/// Brings a catalog to the newest version that this program knows.
pub(crate) async fn import(
    context: Context,
    wish: Write<ImportCatalog>,
) -> Result<Answer<ImportView>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let catalog = wish.command.catalog;
    let before = roles::import_for_update(&mut work, context.tenant, catalog).await?;
    let newest = before.as_ref().map_or(caller.principal.update_time, |import| import.update_time);
    let stamp = context.gaining(newest)?;
    caller.authorise(Action::RoleImport, Realm::Directory, &Lineage::root(), stamp.now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let file = catalog::file(catalog).map_err(unreadable)?;
    let change = role::import(context.tenant, before.as_ref(), file, &stamp);
    let changed = match &change {
        Some(change) => {
            let all = role::of_catalog(file, change.after());
            roles::record(&mut work, context.tenant, change, all).await?
        }
        None => 0,
    };
    let import = change.map(pim_domain::change::Change::into_after).or(before);
    let Some(import) = import else {
        return Err(
            Reason::NotFound { thing: ThingKind::Catalog, id: context.tenant.uuid() }.into()
        );
    };
    let view = ImportView {
        import,
        origin: file.origin.clone(),
        role_count: file.roles.len(),
        changed_count: usize::try_from(changed).unwrap_or(usize::MAX),
    };
    context.commit(work, view, stamp.now).await
}

pub(crate) fn unreadable(error: &CatalogError) -> StoreError {
    StoreError::Corrupt { what: "catalog", source: error.to_string().into() }
}

/// One role. Everybody of a tenant may know its roles.
pub(crate) async fn get(context: Context, id: RoleId) -> Result<Answer<Role>, Error> {
    let mut read = context.read().await?;
    let role = roles::get(&mut read, context.tenant, id).await?.ok_or_else(|| missing(id))?;
    Ok(context.answer(role, read.revision(), context.now()))
}

/// Roles by name.
pub(crate) async fn list(context: Context, list: List<RoleFilter>) -> Result<Listed<Role>, Error> {
    let List { filter, page } = list;
    let (after, limit) = context.page(&filter, &page)?;
    let mut read = context.browse().await?;
    let wanted = roles::Filter {
        catalog: filter.catalog,
        name_contains: &filter.display_name_contains,
        custom_only: filter.custom_only,
        include_deleted: filter.include_deleted,
    };
    let rows = roles::list(&mut read, context.tenant, &wanted, after, limit).await?;
    Ok(context
        .listed(&filter, &page, rows, read.revision(), context.now(), |last| Cursor::from(last)))
}

pub(crate) fn missing(id: RoleId) -> Reason {
    Reason::NotFound { thing: ThingKind::Role, id: id.uuid() }
}
