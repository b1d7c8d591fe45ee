//! Typed calls to the services: the generated clients, with a credential and a deadline on each
//! request, and the reader of what a service answers when it refuses. They neither retry nor remember
//! anything; [`AccessCache`] does, for who asks on each request whether somebody holds something.

mod cache;
mod credentials;
pub mod files;
mod refusal;
pub mod tls;

use std::{fmt, time::Duration};

use pim_proto::{
    access::v1::access_service_client::AccessServiceClient,
    activation::v1::activation_service_client::ActivationServiceClient,
    approval::v1::approval_service_client::ApprovalServiceClient,
    assignment::v1::{
        assignment_service_client::AssignmentServiceClient,
        directory_service_client::DirectoryServiceClient,
        policy_service_client::PolicyServiceClient, role_service_client::RoleServiceClient,
        scope_service_client::ScopeServiceClient, tenant_service_client::TenantServiceClient,
    },
    audit::v1::{
        alert_service_client::AlertServiceClient, audit_service_client::AuditServiceClient,
    },
    scheduler::v1::scheduler_service_client::SchedulerServiceClient,
};
use tonic::{
    GrpcMethod, Request, Status,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

pub use cache::{Access, AccessCache, SILENCE_MAX};
pub use credentials::{CredentialError, Credentials};
pub use files::FilesError;
pub use refusal::{FieldViolation, PolicyViolation, Refusal, status_of_item};
pub use tls::{CertificateFiles, Tls};

/// How long a call may take where the caller does not say, in seconds.
pub const DEADLINE_SECONDS: u64 = 5;
/// How long a connection may take to be made, in seconds.
const CONNECT_SECONDS_MAX: u64 = 5;
/// An idle connection is pinged this often, in seconds.
const KEEPALIVE_INTERVAL_SECONDS: u64 = 20;
/// A connection that does not answer a ping for this long is closed, in seconds.
const KEEPALIVE_TIMEOUT_SECONDS: u64 = 10;

/// The header that says how long a call may take.
const DEADLINE_HEADER: &str = "grpc-timeout";

/// The methods that answer for as long as the caller listens, and so have no deadline.
const STREAMS: [&str; 3] = ["WatchEffectiveRoles", "TailEvents", "ExportEvents"];

/// What the generated clients send through.
pub type Transport = InterceptedService<Channel, Prepare>;

/// The address of the server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not a URL.
    #[error("{url:?} is not a server's address, such as http://127.0.0.1:50051")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        source: tonic::transport::Error,
    },
    /// A URL of another kind than this client speaks.
    #[error("{url:?}: only addresses that begin with http:// or https:// can be reached")]
    Scheme {
        /// What was given.
        url: String,
    },
    /// Certificates were given, and the address has none.
    #[error("{url:?}: certificates are for an address that begins with https://")]
    NotSecure {
        /// What was given.
        url: String,
    },
    /// The public authorities cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// A connection to a server, and who calls. Clones share the connection.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
}

impl Client {
    /// A client of the server at `url`, where that is `https` one that the public authorities vouch
    /// for. The connection is made at the first call, and again when it is lost. To be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// If `url` is not an address that can be called.
    pub fn connect_lazy(url: &str, credentials: Credentials) -> Result<Self, ClientError> {
        Self::connect_lazy_by(url, credentials, None)
    }

    /// The same by `tls`, where it is given; `url` must be `https` then.
    ///
    /// # Errors
    /// If `url` is not an address that can be called, or not so.
    pub fn connect_lazy_by(
        url: &str,
        credentials: Credentials,
        tls: Option<Tls>,
    ) -> Result<Self, ClientError> {
        let url = url.to_owned();
        let endpoint = match Endpoint::from_shared(url.clone()) {
            Ok(endpoint) => endpoint,
            Err(source) => return Err(ClientError::Url { url, source }),
        };
        // Without a scheme the first call would fail far from the mistake.
        let channel = match (endpoint.uri().scheme_str(), tls) {
            (Some("https"), Some(tls)) => tls.channel(endpoint)?,
            (Some("https"), None) => Tls::load(None, None)?.channel(endpoint)?,
            (Some("http"), None) => kept_alive(endpoint).connect_lazy(),
            (Some("http"), Some(_)) => return Err(ClientError::NotSecure { url }),
            _ => return Err(ClientError::Scheme { url }),
        };
        Ok(Self { transport: InterceptedService::new(channel, Prepare { credentials }) })
    }

    /// Roles and catalogs.
    #[must_use]
    pub fn roles(&self) -> RoleServiceClient<Transport> {
        RoleServiceClient::new(self.transport.clone())
    }

    /// Principals.
    #[must_use]
    pub fn directory(&self) -> DirectoryServiceClient<Transport> {
        DirectoryServiceClient::new(self.transport.clone())
    }

    /// Policies.
    #[must_use]
    pub fn policies(&self) -> PolicyServiceClient<Transport> {
        PolicyServiceClient::new(self.transport.clone())
    }

    /// Registered scopes.
    #[must_use]
    pub fn scopes(&self) -> ScopeServiceClient<Transport> {
        ScopeServiceClient::new(self.transport.clone())
    }

    /// Tenants, for operators.
    #[must_use]
    pub fn tenants(&self) -> TenantServiceClient<Transport> {
        TenantServiceClient::new(self.transport.clone())
    }

    /// Eligibilities and active assignments.
    #[must_use]
    pub fn assignments(&self) -> AssignmentServiceClient<Transport> {
        AssignmentServiceClient::new(self.transport.clone())
    }

    /// Activations.
    #[must_use]
    pub fn activations(&self) -> ActivationServiceClient<Transport> {
        ActivationServiceClient::new(self.transport.clone())
    }

    /// Approvals.
    #[must_use]
    pub fn approvals(&self) -> ApprovalServiceClient<Transport> {
        ApprovalServiceClient::new(self.transport.clone())
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> AuditServiceClient<Transport> {
        AuditServiceClient::new(self.transport.clone())
    }

    /// What somebody should look at.
    #[must_use]
    pub fn alerts(&self) -> AlertServiceClient<Transport> {
        AlertServiceClient::new(self.transport.clone())
    }

    /// Who holds what now.
    #[must_use]
    pub fn access(&self) -> AccessServiceClient<Transport> {
        AccessServiceClient::new(self.transport.clone())
    }

    /// What is due, for operators.
    #[must_use]
    pub fn scheduler(&self) -> SchedulerServiceClient<Transport> {
        SchedulerServiceClient::new(self.transport.clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

fn kept_alive(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .http2_keep_alive_interval(Duration::from_secs(KEEPALIVE_INTERVAL_SECONDS))
        .keep_alive_timeout(Duration::from_secs(KEEPALIVE_TIMEOUT_SECONDS))
}

/// Puts the credential and the deadline on each request.
#[derive(Debug, Clone)]
pub struct Prepare {
    credentials: Credentials,
}

impl Interceptor for Prepare {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let bearer = self.credentials.bearer().map_err(|error| {
            Status::unauthenticated(format!("no credential to call with: {error}"))
        })?;
        if let Some(bearer) = bearer {
            request.metadata_mut().insert("authorization", bearer);
        }
        // A service passes on what is left of its own caller's time: that deadline stays.
        if !is_stream(&request) && !request.metadata().contains_key(DEADLINE_HEADER) {
            request.set_timeout(Duration::from_secs(DEADLINE_SECONDS));
        }
        Ok(request)
    }
}

fn is_stream(request: &Request<()>) -> bool {
    let method = request.extensions().get::<GrpcMethod<'static>>();
    method.is_some_and(|method| STREAMS.contains(&method.method()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    fn prepared(method: &'static str, credentials: Credentials) -> Result<Request<()>, Status> {
        let mut request = Request::new(());
        request.extensions_mut().insert(GrpcMethod::new("pim.v1.Service", method));
        Prepare { credentials }.call(request)
    }

    #[test]
    fn the_streams_are_those_of_the_contract() {
        let files = FileDescriptorSet::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap();
        let streams: Vec<String> = files
            .file
            .into_iter()
            .flat_map(|file| file.service)
            .flat_map(|service| service.method)
            .filter(prost_types::MethodDescriptorProto::server_streaming)
            .map(|method| method.name.unwrap_or_default())
            .collect();
        assert_eq!(streams, STREAMS);
    }

    #[test]
    fn a_request_carries_a_sensitive_token_and_a_deadline() {
        let request = prepared("GetRole", Credentials::token("secret")).unwrap();
        let bearer = request.metadata().get("authorization").unwrap();
        assert_eq!(bearer.to_str().unwrap(), "Bearer secret");
        assert!(bearer.is_sensitive());
        assert_eq!(request.metadata().get(DEADLINE_HEADER).unwrap(), "5000000u");
    }

    #[test]
    fn a_deadline_of_the_caller_stays_and_a_stream_has_none() {
        let mut request = Request::new(());
        request.set_timeout(Duration::from_secs(1));
        let request = Prepare { credentials: Credentials::none() }.call(request).unwrap();
        assert_eq!(request.metadata().get(DEADLINE_HEADER).unwrap(), "1000000u");
        let request = prepared("TailEvents", Credentials::none()).unwrap();
        assert!(request.metadata().is_empty());
    }

    #[test]
    fn a_provider_that_fails_sends_nothing() {
        let credentials = Credentials::provider(|| Err("the file is gone".into()));
        let status = prepared("GetRole", credentials).unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert!(status.message().contains("the file is gone"));
    }

    #[tokio::test]
    async fn addresses_that_cannot_be_called_are_refused_at_once() {
        for url in ["", "not an address", "ftp://pim.example", "127.0.0.1:50051"] {
            assert!(Client::connect_lazy(url, Credentials::none()).is_err(), "{url:?}");
        }
        // Whoever names certificates must not end up without any.
        let tls = Tls::load(None, None).unwrap();
        let plain = Client::connect_lazy_by("http://127.0.0.1:1", Credentials::none(), Some(tls));
        assert!(matches!(plain, Err(ClientError::NotSecure { .. })));
        Client::connect_lazy("https://pim.example", Credentials::none()).unwrap();
        let client = Client::connect_lazy("http://127.0.0.1:1", Credentials::token("secret"));
        assert!(!format!("{:?}", client.unwrap()).contains("secret"));
    }
}
