//! One process a service, on one database, told by flags, environment and files as in production.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use chrono::TimeDelta;
use pim_chassis::{
    auth::{DevelopmentIssuer, Grant, SERVICE_NAMES},
    clock::Clock,
};
use pim_client::{Client, Credentials};
use pim_domain::condition::Signals;
use pim_tests::{TestDb, eventually};
use tempfile::TempDir;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use uuid::Uuid;

use crate::{
    installation::PIM,
    program::{Program, channel, free_port},
};

const TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// What the services are told besides their addresses: keys and credentials, in a folder.
pub(crate) struct Keys {
    folder: TempDir,
    issuer: DevelopmentIssuer,
}

/// One service that runs.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    url: String,
}

/// All of them.
pub(crate) struct Fleet {
    pub(crate) services: Vec<Service>,
    keys: Keys,
}

/// The program of a service. Those of other crates are not built by a test of this one.
pub(crate) fn program_of(service: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let folder = Path::new(PIM).parent().unwrap();
    BUILT.get_or_init(|| {
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let packages =
            SERVICE_NAMES.iter().flat_map(|name| ["-p".to_owned(), format!("pim-{name}")]);
        let built = Command::new(env!("CARGO"))
            .args(["build", "--bins", "--profile", profile])
            .args(packages)
            .arg("--target-dir")
            .arg(folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    });
    folder.join(format!("pim-{service}"))
}

impl Keys {
    /// Of the key that signs the log.
    pub(crate) const LOG_SEED: [u8; 32] = [0x5a; 32];

    /// As an installation is given them.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = DevelopmentIssuer::load_or_create(folder.path()).unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("issuers.json", issuer.issuers_json().to_string());
        write("token-key", "0123456789abcdef".repeat(4));
        write("log-key", "5a".repeat(32));
        let keys = Self { issuer, folder };
        for name in SERVICE_NAMES {
            let token = keys.token(&Grant::Service { name: name.to_owned() });
            fs::write(keys.file(name), token).unwrap();
        }
        keys
    }

    /// The file of the key that signs the log.
    pub(crate) fn log_key(&self) -> PathBuf {
        self.file("log-key")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn token(&self, grant: &Grant) -> String {
        self.issuer.mint(grant, Clock::disciplined().now().now, TOKEN_LIFETIME).unwrap()
    }

    /// How to start a service on that database, by its login.
    pub(crate) fn command(&self, service: &str, database: &TestDb) -> Command {
        let mut command = Command::new(program_of(service));
        command
            .arg("--issuers")
            .arg(self.file("issuers.json"))
            .arg("--credential-file")
            .arg(self.file(service))
            .env("DATABASE_URL", database.url_of(service))
            .env("PIM_TOKEN_KEY_FILE", self.file("token-key"));
        command
    }
}

impl Fleet {
    /// Starts all, and waits until each says that it is ready.
    pub(crate) async fn start(database: &TestDb) -> Self {
        let keys = Keys::new();
        let addresses = SERVICE_NAMES.map(|name| (name, format!("127.0.0.1:{}", free_port())));
        let url = |wanted: &str| {
            let (_, address) = addresses.iter().find(|(name, _)| *name == wanted).unwrap();
            format!("http://{address}")
        };
        let services = addresses.iter().map(|(name, address)| {
            let mut command = keys.command(name, database);
            command.args(["--listen", address, "--assignment-url", &url("assignment")]);
            command.args(["--activation-url", &url("activation")]);
            command.env("PIM_APPROVAL_URL", url("approval"));
            Service { name, program: Program::start(&mut command), url: url(name) }
        });
        let services: Vec<_> = services.collect();
        for service in &services {
            eventually(&format!("{} is ready", service.name), async || {
                let health = HealthClient::new(channel(&service.url).await?);
                let answer = { health }.check(HealthCheckRequest::default()).await.ok()?;
                (answer.into_inner().status() == ServingStatus::Serving).then_some(())
            })
            .await;
        }
        Self { services, keys }
    }

    /// A client of one service, with a token of `grant`.
    fn client(&self, service: &str, grant: &Grant) -> Client {
        let service = self.services.iter().find(|one| one.name == service).unwrap();
        Client::connect_lazy(&service.url, Credentials::token(self.keys.token(grant))).unwrap()
    }

    /// Whoever runs the installation.
    pub(crate) fn operator(&self) -> Client {
        self.operator_at("assignment")
    }

    /// The same, calling another service.
    pub(crate) fn operator_at(&self, service: &str) -> Client {
        self.client(service, &Grant::Operator { subject: "operator".to_owned() })
    }

    /// Somebody who calls each service where it is.
    pub(crate) fn person<'a>(&'a self, tenant: &str, subject: &str) -> Person<'a> {
        let grant = Grant::Principal {
            tenant: tenant.parse::<Uuid>().unwrap(),
            subject: subject.to_owned(),
            amr: vec!["pwd".to_owned(), "mfa".to_owned()],
            acr: None,
            acrs: Vec::new(),
            auth_time: None,
            signals: Signals::default(),
        };
        Person { fleet: self, grant }
    }
}

/// Somebody, signed in with multi-factor authentication.
pub(crate) struct Person<'a> {
    fleet: &'a Fleet,
    grant: Grant,
}

impl Person<'_> {
    /// Their calls to one service.
    pub(crate) fn at(&self, service: &str) -> Client {
        self.fleet.client(service, &self.grant)
    }
}
