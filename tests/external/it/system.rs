//! The assignment service as a process of its own, told of issuers by a file as in production.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
};

use chrono::TimeDelta;
use pim_chassis::{
    auth::{DEVELOPMENT_OPERATORS, DevelopmentIssuer, Grant},
    clock::Clock,
};
use pim_client::{Client, Credentials};
use pim_tests::{TestDb, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// A database, and what a service is told beside the issuers.
pub(crate) struct Installation {
    database: TestDb,
    folder: TempDir,
    operators: DevelopmentIssuer,
}

/// The service. It ends with this.
pub(crate) struct System {
    url: String,
    _program: Child,
}

impl Installation {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token-key"), "0123456789abcdef".repeat(4)).unwrap();
        let operators = DevelopmentIssuer::load_or_create(folder.path()).unwrap();
        Self { database: TestDb::new().await, folder, operators }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A token of whoever runs the installation.
    pub(crate) fn operator(&self) -> String {
        let grant = Grant::Operator { subject: "operator".to_owned() };
        let now = Clock::disciplined().now().now;
        self.operators.mint(&grant, now, TimeDelta::minutes(10)).unwrap()
    }

    /// Starts the service with these issuers beside the operators', and waits until it is ready.
    pub(crate) async fn start(&self, issuers: &[Value]) -> System {
        let all = self.operators.issuers_json();
        let operators = all.as_array().unwrap().iter();
        let operators = operators.filter(|entry| entry["issuer"] == DEVELOPMENT_OPERATORS);
        let listed: Vec<_> = operators.chain(issuers).collect();
        fs::write(self.file("issuers.json"), json!(listed).to_string()).unwrap();
        let programs = std::env::var_os("PIM_TEST_PROGRAMS").expect("PIM_TEST_PROGRAMS");
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = File::create(self.file("log")).unwrap();
        let program = Command::new(PathBuf::from(programs).join("pim-assignment"))
            .arg("--issuers")
            .arg(self.file("issuers.json"))
            .arg("--token-key-file")
            .arg(self.file("token-key"))
            .args(["--listen", &address.to_string(), "--log", "info,pim_chassis=debug"])
            .env("DATABASE_URL", self.database.url_of("assignment"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let system = System { url: format!("http://{address}"), _program: program };
        eventually(&format!("the service is ready: {}", self.log()), async || {
            system.says("").await.then_some(())
        })
        .await;
        system
    }

    /// What the service has logged since it was started.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap()
    }
}

impl System {
    /// Calls with that token.
    pub(crate) fn with(&self, token: &str) -> Client {
        Client::connect_lazy(&self.url, Credentials::token(token.to_owned())).unwrap()
    }

    /// Whether health says SERVING of that name.
    pub(crate) async fn says(&self, name: &str) -> bool {
        let endpoint = Endpoint::from_shared(self.url.clone()).unwrap();
        let Ok(channel) = endpoint.connect().await else { return false };
        let request = HealthCheckRequest { service: name.to_owned() };
        let answer = HealthClient::new(channel).check(request).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }
}
