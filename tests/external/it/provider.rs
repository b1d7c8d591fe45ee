//! The provider: `provider.mjs` in Node, and its token endpoint as a client sees it.

use std::process::Stdio;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/provider.mjs");

/// A provider that runs. It ends with this.
pub(crate) struct Provider {
    /// Its issuer, which is its address.
    pub(crate) issuer: String,
    /// The name of its key.
    pub(crate) kid: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _program: Child,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let folder = std::env::var_os("PIM_TEST_PROVIDER")
            .expect("PIM_TEST_PROVIDER: these tests are run by tests/external/run");
        let mut program = Command::new("node")
            .arg(SCRIPT)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = program.stdin.take().unwrap();
        let output = BufReader::new(program.stdout.take().unwrap()).lines();
        let (issuer, kid) = (String::new(), String::new());
        let mut provider = Self { issuer, kid, input, output, _program: program };
        provider.comes_back().await;
        provider
    }

    async fn told(&mut self, command: &Value) -> Value {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let line = self.output.next_line().await.unwrap();
        serde_json::from_str(&line.expect("the provider answers")).unwrap()
    }

    /// It cannot be reached any more.
    pub(crate) async fn goes_away(&mut self) {
        self.told(&json!({ "do": "stop" })).await;
    }

    /// It can be reached again, with another key.
    pub(crate) async fn comes_back(&mut self) {
        let started = self.told(&json!({ "do": "start" })).await;
        self.issuer = text(&started, "issuer");
        self.kid = text(&started, "kid");
    }

    /// It has another key in place of its own.
    pub(crate) async fn rotates(&mut self) {
        let before = std::mem::take(&mut self.kid);
        self.kid = text(&self.told(&json!({ "do": "rotate" })).await, "kid");
        assert_ne!(self.kid, before);
    }

    /// What looks like a token of this provider for `subject`, of a key that it never had.
    pub(crate) async fn forged(&mut self, subject: &str, kid: &str) -> String {
        let claims = json!({ "sub": subject, "aud": "pim", "amr": ["mfa"] });
        text(&self.told(&json!({ "do": "forge", "kid": kid, "claims": claims })).await, "token")
    }

    /// Signs in as `client`, for `audience`.
    pub(crate) async fn sign_in(&self, client: &str, audience: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&scope=pim&client_id={client}&audience={audience}"
        );
        let request = Request::post(format!("{}/token", self.issuer))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))
            .unwrap();
        let http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        let answer = http.request(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        text(&serde_json::from_slice(&body).unwrap(), "access_token")
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}
