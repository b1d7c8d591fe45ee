//! A service that answers each check with the same yes: what the transport alone costs.

use pim_proto::access::v1::{
    BatchCheckAccessRequest, BatchCheckAccessResponse, CheckAccessRequest, CheckAccessResponse,
    ExplainAccessRequest, ExplainAccessResponse, GetCallerRequest, GetCallerResponse,
    GetRoleTokenKeysRequest, GetRoleTokenKeysResponse, IssueRoleTokenRequest,
    IssueRoleTokenResponse, ListEffectiveRolesRequest, ListEffectiveRolesResponse,
    ListRoleHoldersRequest, ListRoleHoldersResponse, WatchEffectiveRolesRequest,
    WatchEffectiveRolesResponse,
    access_service_server::{AccessService, AccessServiceServer},
};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

struct Echo(CheckAccessResponse);

/// Serves `answer`; where.
pub(crate) async fn serve(answer: CheckAccessResponse) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().add_service(AccessServiceServer::new(Echo(answer)));
    tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
    url
}

#[tonic::async_trait]
impl AccessService for Echo {
    type WatchEffectiveRolesStream =
        futures::stream::Empty<Result<WatchEffectiveRolesResponse, Status>>;

    async fn watch_effective_roles(
        &self,
        _: Request<WatchEffectiveRolesRequest>,
    ) -> Result<Response<Self::WatchEffectiveRolesStream>, Status> {
        Err(Status::unimplemented("only checks are measured"))
    }

    async fn check_access(
        &self,
        _: Request<CheckAccessRequest>,
    ) -> Result<Response<CheckAccessResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn batch_check_access(
        &self,
        _: Request<BatchCheckAccessRequest>,
    ) -> Result<Response<BatchCheckAccessResponse>, Status> {
        Err(Status::unimplemented("only checks are measured"))
    }

    async fn list_effective_roles(
        &self,
        _: Request<ListEffectiveRolesRequest>,
    ) -> Result<Response<ListEffectiveRolesResponse>, Status> {
        Err(Status::unimplemented("only checks are measured"))
    }

    async fn list_role_holders(
        &self,
        _: Request<ListRoleHoldersRequest>,
    ) -> Result<Response<ListRoleHoldersResponse>, Status> {
        Err(Status::unimplemented("only checks are measured"))
    }

    async fn explain_access(
        &self,
        _: Request<ExplainAccessRequest>,
    ) -> Result<Response<ExplainAccessResponse>, Status> {
        Err(Status::unimplemented("only checks are measured"))
    }

    async fn issue_role_token(
        &self,
        _: Request<IssueRoleTokenRequest>,
    ) -> Result<Response<IssueRoleTokenResponse>, Status> {
        Err(Status::unimplemented("only checks are measured"))
    }

    async fn get_role_token_keys(
        &self,
        _: Request<GetRoleTokenKeysRequest>,
    ) -> Result<Response<GetRoleTokenKeysResponse>, Status> {
        Err(Status::unimplemented("only checks are measured"))
    }

    async fn get_caller(
        &self,
        _: Request<GetCallerRequest>,
    ) -> Result<Response<GetCallerResponse>, Status> {
        Err(Status::unimplemented("only checks are measured"))
    }
}
