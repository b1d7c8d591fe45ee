//! The development tenant: made at the first start of `pim up`, by the calls that anybody would make.

use std::time::Duration;

use chrono::TimeDelta;
use pim_chassis::auth::{DEVELOPMENT_PRINCIPALS, Grant};
use pim_client::{Client, Credentials};
use pim_domain::condition::Signals;
use pim_proto::{
    assignment::v1::{
        Administrator, CreatePrincipalRequest, CreateTenantRequest, ImportCatalogRequest,
        PrincipalKind, TenantPlan,
    },
    r#type::v1::Catalog,
};
use tonic::{Code, Status};
use uuid::{Uuid, uuid};

use crate::{error::CliError, files::Files, system::System};

/// The first administrators of the development tenant.
pub(crate) const ADMINISTRATORS: [&str; 2] = ["admin", "admin2"];
/// The other users of the development tenant.
const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];
/// Always the same, so that a start that was killed in the middle goes on where it was.
const REQUEST: Uuid = uuid!("0f9f7d1e-6b39-4a8e-9f3f-6a1d1c0f2a11");
/// How long a token lives that is made for one call.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How long a server may take to answer at all.
const START_MAX: Duration = Duration::from_secs(10);
const START_PAUSE: Duration = Duration::from_millis(10);

/// A client of the system at `url` with new tokens of `grant`.
pub(crate) fn client(system: &System, url: &str, grant: Grant) -> Result<Client, CliError> {
    let (issuer, clock) = (system.issuer.clone(), system.clock.clone());
    let credentials =
        Credentials::provider(move || Ok(issuer.mint(&grant, clock.now().now, TOKEN_LIFETIME)?));
    Ok(Client::connect_lazy(url, credentials)?)
}

/// Makes the development tenant, unless it is there.
pub(crate) async fn development(system: &System, url: &str, files: &Files) -> Result<(), CliError> {
    if files.tenant().is_some() {
        return Ok(());
    }
    let operator = Grant::Operator { subject: "development".to_owned() };
    let operator = client(system, url, operator)?;
    let request = || CreateTenantRequest {
        display_name: "Development".to_owned(),
        administrators: ADMINISTRATORS.map(administrator).to_vec(),
        request_id: REQUEST.to_string(),
        validate_only: false,
        plan: TenantPlan::P2.into(),
    };
    let answer = patiently(|| {
        let operator = operator.clone();
        async move { operator.tenants().create_tenant(request()).await }
    })
    .await?;
    let tenant = answer.into_inner().tenant.ok_or(CliError::Incomplete)?.id;
    let grant = Grant::Principal {
        tenant: tenant.parse().map_err(|_| CliError::Incomplete)?,
        subject: ADMINISTRATORS[0].to_owned(),
        amr: vec!["pwd".to_owned(), "mfa".to_owned()],
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
        signals: Signals::default(),
    };
    let admin = client(system, url, grant)?;
    let catalog = Catalog::Azure.into();
    admin
        .roles()
        .import_catalog(ImportCatalogRequest { catalog, ..ImportCatalogRequest::default() })
        .await?;
    for user in USERS {
        create_user(&admin, user).await?;
    }
    files.keep_tenant(&tenant)
}

fn administrator(name: &str) -> Administrator {
    Administrator {
        issuer: DEVELOPMENT_PRINCIPALS.to_owned(),
        subject: name.to_owned(),
        display_name: name.to_owned(),
    }
}

async fn create_user(admin: &Client, name: &str) -> Result<(), CliError> {
    let request = CreatePrincipalRequest {
        kind: PrincipalKind::User.into(),
        issuer: DEVELOPMENT_PRINCIPALS.to_owned(),
        subject: name.to_owned(),
        display_name: name.to_owned(),
        ..CreatePrincipalRequest::default()
    };
    match admin.directory().create_principal(request).await {
        Ok(_) => Ok(()),
        // Of a start that was killed in the middle.
        Err(status) if status.code() == Code::AlreadyExists => Ok(()),
        Err(status) => Err(status.into()),
    }
}

/// The first call of all: the server has bound its address, and may take a moment to answer.
pub(crate) async fn patiently<T, F: Future<Output = Result<T, Status>>>(
    call: impl Fn() -> F,
) -> Result<T, Status> {
    let start = tokio::time::Instant::now();
    loop {
        match call().await {
            Err(status) if status.code() == Code::Unavailable && start.elapsed() < START_MAX => {
                tokio::time::sleep(START_PAUSE).await;
            }
            answer => return answer,
        }
    }
}
