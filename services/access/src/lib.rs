//! Who holds what, and why. Reads only.

mod caller;
mod check;
mod explain;
mod facts;
mod follow;
mod history;
mod list;
mod replica;
mod role_token;
mod verb;
mod watch;

use pim_chassis::{Error, Process, Service, read, sign_ins};
use pim_domain::role_token::Wish;
use pim_proto::{
    access::v1::{
        self,
        access_service_server::{AccessService, AccessServiceServer},
    },
    call::{BatchRead, CheckAccess, HoldingsFilter, List},
};
use tonic::{Request, Response, Status};

use crate::follow::Follower;

/// The access service.
pub const SERVICE: Service = Service {
    name: "access",
    mount: |process, services| services.with(Access::server(process, Some(Follower::new()))),
    background: sign_ins::keep_written_alone,
};

/// The same without a copy in memory: each answer is from the database.
pub const BY_SQL: Service =
    Service { mount: |process, services| services.with(Access::server(process, None)), ..SERVICE };

struct Access {
    process: Process,
    follower: Option<Follower>,
}

impl Access {
    fn server(process: &Process, follower: Option<Follower>) -> AccessServiceServer<Self> {
        AccessServiceServer::new(Self { process: process.clone(), follower })
    }
}

#[tonic::async_trait]
impl AccessService for Access {
    async fn check_access(
        &self,
        request: Request<v1::CheckAccessRequest>,
    ) -> Result<Response<v1::CheckAccessResponse>, Status> {
        verb::answer::<_, CheckAccess, _>(&self.process, self.follower.as_ref(), request).await
    }

    async fn batch_check_access(
        &self,
        request: Request<v1::BatchCheckAccessRequest>,
    ) -> Result<Response<v1::BatchCheckAccessResponse>, Status> {
        let follower = self.follower.as_ref();
        verb::answer::<_, BatchRead<CheckAccess>, _>(&self.process, follower, request).await
    }

    async fn list_effective_roles(
        &self,
        request: Request<v1::ListEffectiveRolesRequest>,
    ) -> Result<Response<v1::ListEffectiveRolesResponse>, Status> {
        let follower = self.follower.as_ref();
        verb::answer::<_, List<HoldingsFilter>, _>(&self.process, follower, request).await
    }

    type WatchEffectiveRolesStream = watch::Answers;

    async fn watch_effective_roles(
        &self,
        request: Request<v1::WatchEffectiveRolesRequest>,
    ) -> Result<Response<Self::WatchEffectiveRolesStream>, Status> {
        // Without a copy in memory there is nothing to watch it by.
        let follower = self.follower.as_ref().ok_or(Error::Behind)?;
        watch::watch(&self.process, follower, request).await
    }

    async fn list_role_holders(
        &self,
        request: Request<v1::ListRoleHoldersRequest>,
    ) -> Result<Response<v1::ListRoleHoldersResponse>, Status> {
        read(&self.process, request, list::of_role).await
    }

    async fn explain_access(
        &self,
        request: Request<v1::ExplainAccessRequest>,
    ) -> Result<Response<v1::ExplainAccessResponse>, Status> {
        read(&self.process, request, explain::explain).await
    }

    async fn issue_role_token(
        &self,
        request: Request<v1::IssueRoleTokenRequest>,
    ) -> Result<Response<v1::IssueRoleTokenResponse>, Status> {
        verb::answer::<_, Wish, _>(&self.process, self.follower.as_ref(), request).await
    }

    async fn get_role_token_keys(
        &self,
        request: Request<v1::GetRoleTokenKeysRequest>,
    ) -> Result<Response<v1::GetRoleTokenKeysResponse>, Status> {
        read(&self.process, request, role_token::keys).await
    }

    async fn get_caller(
        &self,
        request: Request<v1::GetCallerRequest>,
    ) -> Result<Response<v1::GetCallerResponse>, Status> {
        read(&self.process, request, caller::get).await
    }
}
