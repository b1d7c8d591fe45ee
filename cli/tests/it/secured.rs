//! A service with a certificate, as it is told of it in production, and the command line that calls
//! it.

use std::{fs, path::PathBuf, process::Command};

use pim_chassis::auth::Grant;
use pim_client::{Client, Credentials};
use pim_proto::assignment::v1::GetRoleRequest;
use pim_tests::{TestDb, eventually};
use tempfile::TempDir;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    fleet::Keys,
    installation::PIM,
    program::{Ended, Program, channel, free_port},
    services::sentence,
};

/// Exit codes: nobody could be reached; the connection has ended; the credential is no good.
const UNAVAILABLE: i32 = 7;
const OTHER: i32 = 8;
const UNAUTHENTICATED: i32 = 3;

/// A certificate that vouches for itself, as files.
struct Certificate(TempDir);

impl Certificate {
    fn new() -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(own.certificate(), made.cert.pem()).unwrap();
        fs::write(own.key(), made.signing_key.serialize_pem()).unwrap();
        own
    }

    fn certificate(&self) -> PathBuf {
        self.0.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("tls.key")
    }

    /// The service `access` with it, which asks for it in turn.
    fn command(&self, keys: &Keys, database: &TestDb) -> Command {
        let mut command = keys.command("access", database);
        command.arg("--tls-certificate-file").arg(self.certificate());
        command.arg("--tls-key-file").arg(self.key());
        command.env("PIM_TLS_CLIENT_CA_FILE", self.certificate());
        command
    }
}

/// What `pim` says of its call.
async fn call(url: &str, options: &[(&str, PathBuf)]) -> Ended {
    let mut command = Command::new(PIM);
    command.args(["role", "list", "--server", url]).env("PIM_TOKEN", "a.bad.token");
    for (option, file) in options {
        command.arg(option).arg(file);
    }
    Program::start(&mut command).ended().await
}

#[tokio::test]
async fn a_service_with_a_certificate_is_called_by_who_has_one_and_probed_by_anybody() {
    let (own, database, keys) = (Certificate::new(), TestDb::new().await, Keys::new());
    let [calls, probes] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let mut command = own.command(&keys, &database);
    command.args(["--listen", &calls, "--health-listen", &probes]);
    let _service = Program::start(&mut command);

    let probed = format!("http://{probes}");
    eventually("the service is ready", async || {
        let health = HealthClient::new(channel(&probed).await?);
        let answer = { health }.check(HealthCheckRequest::default()).await.ok()?;
        (answer.into_inner().status() == ServingStatus::Serving).then_some(())
    })
    .await;
    let operator = keys.token(&Grant::Operator { subject: "operator".to_owned() });
    let client = Client::connect_lazy(&probed, Credentials::token(operator)).unwrap();
    let answer = client.roles().get_role(GetRoleRequest::default()).await;
    assert!(answer.is_err(), "more than health is answered without TLS");

    let trust = ("--ca-file", own.certificate());
    let (certificate, key) = (("--certificate-file", own.certificate()), ("--key-file", own.key()));
    let url = format!("https://{calls}");
    let called = call(&url, &[trust.clone(), certificate.clone(), key]).await;
    assert_eq!(called.code, Some(UNAUTHENTICATED), "{called:?}");
    let distrustful = call(&url, &[]).await;
    assert_eq!(distrustful.code, Some(UNAVAILABLE), "{distrustful:?}");
    // TLS 1.3 tells who shows no certificate only after they have begun to speak.
    let nameless = call(&url, std::slice::from_ref(&trust)).await;
    assert!(matches!(nameless.code, Some(UNAVAILABLE | OTHER)), "{nameless:?}");
    let plain = call(&format!("http://{calls}"), &[trust]).await;
    assert!(
        plain.err.contains("certificates are for an address that begins with https"),
        "{plain:?}"
    );
    let half = call(&url, &[certificate]).await;
    assert!(half.err.contains("--certificate-file and --key-file go together"), "{half:?}");
}

#[tokio::test]
async fn a_service_does_not_start_with_a_key_of_another_certificate() {
    let (own, other) = (Certificate::new(), Certificate::new());
    fs::copy(other.key(), own.key()).unwrap();
    let (database, keys) = (TestDb::new().await, Keys::new());
    let said = sentence("access", &mut own.command(&keys, &database)).await;
    assert!(said.starts_with(&format!("{} and ", own.certificate().display())), "{said}");
}
