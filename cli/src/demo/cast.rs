//! Who plays: a fresh tenant with two administrators and four users.

use chrono::TimeDelta;
use pim_chassis::auth::{DEVELOPMENT_PRINCIPALS, Grant};
use pim_client::{Client, Credentials};
use pim_domain::condition::Signals;
use pim_proto::{
    access::v1::{
        CheckAccessRequest, CheckAccessResponse, Decision, check_access_request::Question,
    },
    assignment::v1::{
        Administrator, CreatePrincipalRequest, CreateTenantRequest, ImportCatalogRequest,
        ListRolesRequest, PrincipalKind,
    },
    r#type::v1::Catalog,
};
use uuid::Uuid;

use super::{Stage, report::Report};
use crate::{error::CliError, seed};

const TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How many roles are read to find one by its name: more than have "Contributor" in theirs.
const ROLES_READ: i32 = 1_000;

/// Somebody of the tenant.
pub(crate) struct Player {
    pub(crate) id: String,
    /// Signed in with multi-factor authentication.
    pub(crate) client: Client,
    /// Signed in with a password only.
    pub(crate) weak: Client,
}

/// Everybody, and the roles.
pub(crate) struct Cast {
    pub(crate) admin: Player,
    pub(crate) alice: Player,
    pub(crate) bob: Player,
    pub(crate) carol: Player,
    pub(crate) dave: Player,
    pub(crate) global_administrator: String,
    pub(crate) contributor: String,
}

impl Cast {
    /// Makes the tenant and everybody in it.
    pub(crate) async fn assemble(stage: &Stage, report: &mut Report<'_>) -> Result<Self, CliError> {
        // Subjects belong to a tenant, so that the names can be the same in each.
        let administrators = ["ada", "grace"].map(|name| Administrator {
            issuer: DEVELOPMENT_PRINCIPALS.to_owned(),
            subject: name.to_owned(),
            display_name: name.to_owned(),
        });
        let operator = stage.client(Grant::Operator { subject: "demo".to_owned() })?;
        let answer = seed::patiently(|| {
            let (operator, administrators) = (operator.clone(), administrators.to_vec());
            async move {
                let request = CreateTenantRequest {
                    display_name: "Demo".to_owned(),
                    administrators,
                    ..CreateTenantRequest::default()
                };
                operator.tenants().create_tenant(request).await
            }
        })
        .await?
        .into_inner();
        let tenant = answer.tenant.ok_or(CliError::Incomplete)?.id;
        let tenant: Uuid = tenant.parse().map_err(|_| CliError::Incomplete)?;
        let id = answer.administrator_ids.into_iter().next().ok_or(CliError::Incomplete)?;
        let admin = stage.player(tenant, "ada", id)?;
        let imported = import(&admin, Catalog::Azure).await?;
        let global_administrator = role(&admin, "Global Administrator").await?;
        let contributor = role(&admin, "Contributor").await?;
        let mut users = Vec::new();
        for name in ["alice", "bob", "carol", "dave"] {
            users.push(stage.player(tenant, name, create(&admin, name).await?)?);
        }
        let Ok([alice, bob, carol, dave]) = <[Player; 4]>::try_from(users) else {
            return Err(CliError::Incomplete);
        };
        report.expect("catalogs", imported == 929, format!("{imported} Azure roles imported"))?;
        report.say(&format!("  tenant {tenant}; ada administers; alice, bob, carol, dave work"))?;
        Ok(Self { admin, alice, bob, carol, dave, global_administrator, contributor })
    }
}

async fn import(admin: &Player, catalog: Catalog) -> Result<i32, CliError> {
    let request =
        ImportCatalogRequest { catalog: catalog.into(), ..ImportCatalogRequest::default() };
    Ok(admin.client.roles().import_catalog(request).await?.into_inner().role_count)
}

/// The id of the role with exactly this name.
async fn role(admin: &Player, name: &str) -> Result<String, CliError> {
    let request = ListRolesRequest {
        display_name_contains: name.to_owned(),
        page_size: ROLES_READ,
        ..ListRolesRequest::default()
    };
    let answer = admin.client.roles().list_roles(request).await?.into_inner();
    let role = answer.roles.into_iter().find(|role| role.display_name == name);
    Ok(role.ok_or_else(|| CliError::NotFound(format!("no role is called {name:?}")))?.id)
}

async fn create(admin: &Player, name: &str) -> Result<String, CliError> {
    let request = CreatePrincipalRequest {
        kind: PrincipalKind::User.into(),
        issuer: DEVELOPMENT_PRINCIPALS.to_owned(),
        subject: name.to_owned(),
        display_name: name.to_owned(),
        ..CreatePrincipalRequest::default()
    };
    let answer = admin.client.directory().create_principal(request).await?.into_inner();
    Ok(answer.principal.ok_or(CliError::Incomplete)?.id)
}

impl Player {
    /// Whether this player holds a role at a scope, now.
    pub(crate) async fn check(
        &self,
        role: &str,
        scope: &str,
    ) -> Result<CheckAccessResponse, CliError> {
        let request = CheckAccessRequest {
            principal_id: self.id.clone(),
            question: Some(Question::RoleId(role.to_owned())),
            scope: scope.to_owned(),
            ..CheckAccessRequest::default()
        };
        Ok(self.client.access().check_access(request).await?.into_inner())
    }

    /// Whether the answer to that is a yes.
    pub(crate) async fn holds(&self, role: &str, scope: &str) -> Result<bool, CliError> {
        Ok(self.check(role, scope).await?.decision() == Decision::Allowed)
    }
}

impl Stage {
    fn client(&self, grant: Grant) -> Result<Client, CliError> {
        let (issuer, clock) = (self.issuer.clone(), self.clock.clone());
        let credentials = Credentials::provider(move || {
            Ok(issuer.mint(&grant, clock.now().now, TOKEN_LIFETIME)?)
        });
        Ok(Client::connect_lazy(&self.url, credentials)?)
    }

    fn player(&self, tenant: Uuid, name: &str, id: String) -> Result<Player, CliError> {
        let client = |amr: &[&str]| {
            self.client(Grant::Principal {
                tenant,
                subject: name.to_owned(),
                amr: amr.iter().map(|method| (*method).to_owned()).collect(),
                acr: None,
                acrs: Vec::new(),
                auth_time: None,
                signals: Signals::default(),
            })
        };
        Ok(Player { id, client: client(&["pwd", "mfa"])?, weak: client(&["pwd"])? })
    }
}
