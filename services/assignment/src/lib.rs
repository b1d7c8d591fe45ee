//! Tenants, roles, principals, policies, scopes, eligibilities and active assignments, and what holders
//! ask about them.

mod ask;
mod bells;
mod change_request;
mod create;
mod custom_role;
mod dates;
mod decide;
mod end;
mod facts;
mod grant;
mod group;
mod holders;
mod policy;
mod principal;
mod remove;
mod role;
mod scope;
mod tenant;

use pim_chassis::{Process, Service, internal, process::background_of_gaining, read, write};
use pim_proto::assignment::v1::{
    self,
    assignment_service_server::{AssignmentService, AssignmentServiceServer},
    directory_service_server::{DirectoryService, DirectoryServiceServer},
    policy_service_server::{PolicyService, PolicyServiceServer},
    role_service_server::{RoleService, RoleServiceServer},
    scope_service_server::{ScopeService, ScopeServiceServer},
    tenant_service_server::{TenantService, TenantServiceServer},
};
use tonic::{Request, Response, Status};

/// The assignment service.
pub const SERVICE: Service = Service {
    name: "assignment",
    mount: |process, services| {
        let own = || Assignments(process.clone());
        services
            .with(TenantServiceServer::new(own()))
            .with(RoleServiceServer::new(own()))
            .with(DirectoryServiceServer::new(own()))
            .with(PolicyServiceServer::new(own()))
            .with(ScopeServiceServer::new(own()))
            .with(AssignmentServiceServer::new(own()))
    },
    background: background_of_gaining,
};

struct Assignments(Process);

#[tonic::async_trait]
impl TenantService for Assignments {
    async fn create_tenant(
        &self,
        request: Request<v1::CreateTenantRequest>,
    ) -> Result<Response<v1::CreateTenantResponse>, Status> {
        write(&self.0, request, tenant::create).await
    }

    async fn get_tenant(
        &self,
        request: Request<v1::GetTenantRequest>,
    ) -> Result<Response<v1::GetTenantResponse>, Status> {
        read(&self.0, request, tenant::get).await
    }

    async fn update_tenant(
        &self,
        request: Request<v1::UpdateTenantRequest>,
    ) -> Result<Response<v1::UpdateTenantResponse>, Status> {
        write(&self.0, request, tenant::update).await
    }

    async fn set_tenant_plan(
        &self,
        request: Request<v1::SetTenantPlanRequest>,
    ) -> Result<Response<v1::SetTenantPlanResponse>, Status> {
        write(&self.0, request, tenant::set_plan).await
    }

    async fn freeze_tenant(
        &self,
        request: Request<v1::FreezeTenantRequest>,
    ) -> Result<Response<v1::FreezeTenantResponse>, Status> {
        write(&self.0, request, tenant::freeze).await
    }

    async fn unfreeze_tenant(
        &self,
        request: Request<v1::UnfreezeTenantRequest>,
    ) -> Result<Response<v1::UnfreezeTenantResponse>, Status> {
        write(&self.0, request, tenant::unfreeze).await
    }
}

#[tonic::async_trait]
impl RoleService for Assignments {
    async fn import_catalog(
        &self,
        request: Request<v1::ImportCatalogRequest>,
    ) -> Result<Response<v1::ImportCatalogResponse>, Status> {
        write(&self.0, request, role::import).await
    }

    async fn get_role(
        &self,
        request: Request<v1::GetRoleRequest>,
    ) -> Result<Response<v1::GetRoleResponse>, Status> {
        read(&self.0, request, role::get).await
    }

    async fn list_roles(
        &self,
        request: Request<v1::ListRolesRequest>,
    ) -> Result<Response<v1::ListRolesResponse>, Status> {
        read(&self.0, request, role::list).await
    }

    async fn create_role(
        &self,
        request: Request<v1::CreateRoleRequest>,
    ) -> Result<Response<v1::CreateRoleResponse>, Status> {
        write(&self.0, request, custom_role::create).await
    }

    async fn update_role(
        &self,
        request: Request<v1::UpdateRoleRequest>,
    ) -> Result<Response<v1::UpdateRoleResponse>, Status> {
        write(&self.0, request, custom_role::update).await
    }

    async fn delete_role(
        &self,
        request: Request<v1::DeleteRoleRequest>,
    ) -> Result<Response<v1::DeleteRoleResponse>, Status> {
        write(&self.0, request, custom_role::delete).await
    }
}

#[tonic::async_trait]
impl DirectoryService for Assignments {
    async fn create_principal(
        &self,
        request: Request<v1::CreatePrincipalRequest>,
    ) -> Result<Response<v1::CreatePrincipalResponse>, Status> {
        write(&self.0, request, principal::create).await
    }

    async fn get_principal(
        &self,
        request: Request<v1::GetPrincipalRequest>,
    ) -> Result<Response<v1::GetPrincipalResponse>, Status> {
        read(&self.0, request, principal::get).await
    }

    async fn list_principals(
        &self,
        request: Request<v1::ListPrincipalsRequest>,
    ) -> Result<Response<v1::ListPrincipalsResponse>, Status> {
        read(&self.0, request, principal::list).await
    }

    async fn disable_principal(
        &self,
        request: Request<v1::DisablePrincipalRequest>,
    ) -> Result<Response<v1::DisablePrincipalResponse>, Status> {
        write(&self.0, request, principal::disable).await
    }

    async fn enable_principal(
        &self,
        request: Request<v1::EnablePrincipalRequest>,
    ) -> Result<Response<v1::EnablePrincipalResponse>, Status> {
        write(&self.0, request, principal::enable).await
    }

    async fn create_group(
        &self,
        request: Request<v1::CreateGroupRequest>,
    ) -> Result<Response<v1::CreateGroupResponse>, Status> {
        write(&self.0, request, group::create).await
    }

    async fn get_group(
        &self,
        request: Request<v1::GetGroupRequest>,
    ) -> Result<Response<v1::GetGroupResponse>, Status> {
        read(&self.0, request, group::get).await
    }

    async fn list_groups(
        &self,
        request: Request<v1::ListGroupsRequest>,
    ) -> Result<Response<v1::ListGroupsResponse>, Status> {
        read(&self.0, request, group::list).await
    }

    async fn update_group(
        &self,
        request: Request<v1::UpdateGroupRequest>,
    ) -> Result<Response<v1::UpdateGroupResponse>, Status> {
        write(&self.0, request, group::update).await
    }

    async fn delete_group(
        &self,
        request: Request<v1::DeleteGroupRequest>,
    ) -> Result<Response<v1::DeleteGroupResponse>, Status> {
        write(&self.0, request, group::delete).await
    }
}

#[tonic::async_trait]
impl PolicyService for Assignments {
    async fn get_policy(
        &self,
        request: Request<v1::GetPolicyRequest>,
    ) -> Result<Response<v1::GetPolicyResponse>, Status> {
        read(&self.0, request, policy::get).await
    }

    async fn list_policies(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Result<Response<v1::ListPoliciesResponse>, Status> {
        read(&self.0, request, policy::list).await
    }

    async fn test_policy(
        &self,
        request: Request<v1::TestPolicyRequest>,
    ) -> Result<Response<v1::TestPolicyResponse>, Status> {
        read(&self.0, request, policy::test).await
    }

    async fn get_policy_in_force(
        &self,
        request: Request<v1::GetPolicyInForceRequest>,
    ) -> Result<Response<v1::GetPolicyInForceResponse>, Status> {
        read(&self.0, request, policy::get_in_force).await
    }

    async fn update_policy(
        &self,
        request: Request<v1::UpdatePolicyRequest>,
    ) -> Result<Response<v1::UpdatePolicyResponse>, Status> {
        write(&self.0, request, policy::update).await
    }
}

#[tonic::async_trait]
impl ScopeService for Assignments {
    async fn get_scope(
        &self,
        request: Request<v1::GetScopeRequest>,
    ) -> Result<Response<v1::GetScopeResponse>, Status> {
        read(&self.0, request, scope::get).await
    }

    async fn list_scopes(
        &self,
        request: Request<v1::ListScopesRequest>,
    ) -> Result<Response<v1::ListScopesResponse>, Status> {
        read(&self.0, request, scope::list).await
    }

    async fn create_scope(
        &self,
        request: Request<v1::CreateScopeRequest>,
    ) -> Result<Response<v1::CreateScopeResponse>, Status> {
        write(&self.0, request, scope::create).await
    }

    async fn update_scope(
        &self,
        request: Request<v1::UpdateScopeRequest>,
    ) -> Result<Response<v1::UpdateScopeResponse>, Status> {
        write(&self.0, request, scope::update).await
    }

    async fn delete_scope(
        &self,
        request: Request<v1::DeleteScopeRequest>,
    ) -> Result<Response<v1::DeleteScopeResponse>, Status> {
        write(&self.0, request, scope::delete).await
    }

    async fn search_activatable_scopes(
        &self,
        request: Request<v1::SearchActivatableScopesRequest>,
    ) -> Result<Response<v1::SearchActivatableScopesResponse>, Status> {
        read(&self.0, request, scope::search_activatable).await
    }
}

#[tonic::async_trait]
impl AssignmentService for Assignments {
    async fn create_eligibility(
        &self,
        request: Request<v1::CreateEligibilityRequest>,
    ) -> Result<Response<v1::CreateEligibilityResponse>, Status> {
        write(&self.0, request, create::create).await
    }

    async fn get_eligibility(
        &self,
        request: Request<v1::GetEligibilityRequest>,
    ) -> Result<Response<v1::GetEligibilityResponse>, Status> {
        read(&self.0, request, grant::get).await
    }

    async fn list_eligibilities(
        &self,
        request: Request<v1::ListEligibilitiesRequest>,
    ) -> Result<Response<v1::ListEligibilitiesResponse>, Status> {
        read(&self.0, request, grant::list).await
    }

    async fn update_eligibility(
        &self,
        request: Request<v1::UpdateEligibilityRequest>,
    ) -> Result<Response<v1::UpdateEligibilityResponse>, Status> {
        write(&self.0, request, dates::update).await
    }

    async fn extend_eligibility(
        &self,
        request: Request<v1::ExtendEligibilityRequest>,
    ) -> Result<Response<v1::ExtendEligibilityResponse>, Status> {
        write(&self.0, request, dates::extend).await
    }

    async fn renew_eligibility(
        &self,
        request: Request<v1::RenewEligibilityRequest>,
    ) -> Result<Response<v1::RenewEligibilityResponse>, Status> {
        write(&self.0, request, dates::renew).await
    }

    async fn remove_eligibility(
        &self,
        request: Request<v1::RemoveEligibilityRequest>,
    ) -> Result<Response<v1::RemoveEligibilityResponse>, Status> {
        write(&self.0, request, remove::remove).await
    }

    async fn create_assignment(
        &self,
        request: Request<v1::CreateAssignmentRequest>,
    ) -> Result<Response<v1::CreateAssignmentResponse>, Status> {
        write(&self.0, request, create::create).await
    }

    async fn get_assignment(
        &self,
        request: Request<v1::GetAssignmentRequest>,
    ) -> Result<Response<v1::GetAssignmentResponse>, Status> {
        read(&self.0, request, grant::get).await
    }

    async fn list_assignments(
        &self,
        request: Request<v1::ListAssignmentsRequest>,
    ) -> Result<Response<v1::ListAssignmentsResponse>, Status> {
        read(&self.0, request, grant::list).await
    }

    async fn update_assignment(
        &self,
        request: Request<v1::UpdateAssignmentRequest>,
    ) -> Result<Response<v1::UpdateAssignmentResponse>, Status> {
        write(&self.0, request, dates::update).await
    }

    async fn extend_assignment(
        &self,
        request: Request<v1::ExtendAssignmentRequest>,
    ) -> Result<Response<v1::ExtendAssignmentResponse>, Status> {
        write(&self.0, request, dates::extend).await
    }

    async fn renew_assignment(
        &self,
        request: Request<v1::RenewAssignmentRequest>,
    ) -> Result<Response<v1::RenewAssignmentResponse>, Status> {
        write(&self.0, request, dates::renew).await
    }

    async fn remove_assignment(
        &self,
        request: Request<v1::RemoveAssignmentRequest>,
    ) -> Result<Response<v1::RemoveAssignmentResponse>, Status> {
        write(&self.0, request, remove::remove).await
    }

    async fn search_my_eligibilities(
        &self,
        request: Request<v1::SearchMyEligibilitiesRequest>,
    ) -> Result<Response<v1::SearchMyEligibilitiesResponse>, Status> {
        read(&self.0, request, grant::search_mine).await
    }

    async fn end_eligibility(
        &self,
        request: Request<v1::EndEligibilityRequest>,
    ) -> Result<Response<v1::EndEligibilityResponse>, Status> {
        internal(&self.0, request, end::end).await
    }

    async fn end_assignment(
        &self,
        request: Request<v1::EndAssignmentRequest>,
    ) -> Result<Response<v1::EndAssignmentResponse>, Status> {
        internal(&self.0, request, end::end).await
    }

    async fn create_change_request(
        &self,
        request: Request<v1::CreateChangeRequestRequest>,
    ) -> Result<Response<v1::CreateChangeRequestResponse>, Status> {
        write(&self.0, request, ask::ask).await
    }

    async fn get_change_request(
        &self,
        request: Request<v1::GetChangeRequestRequest>,
    ) -> Result<Response<v1::GetChangeRequestResponse>, Status> {
        read(&self.0, request, change_request::get).await
    }

    async fn list_change_requests(
        &self,
        request: Request<v1::ListChangeRequestsRequest>,
    ) -> Result<Response<v1::ListChangeRequestsResponse>, Status> {
        read(&self.0, request, change_request::list).await
    }

    async fn search_my_change_requests(
        &self,
        request: Request<v1::SearchMyChangeRequestsRequest>,
    ) -> Result<Response<v1::SearchMyChangeRequestsResponse>, Status> {
        read(&self.0, request, change_request::search_mine).await
    }

    async fn approve_change_request(
        &self,
        request: Request<v1::ApproveChangeRequestRequest>,
    ) -> Result<Response<v1::ApproveChangeRequestResponse>, Status> {
        write(&self.0, request, decide::approve).await
    }

    async fn deny_change_request(
        &self,
        request: Request<v1::DenyChangeRequestRequest>,
    ) -> Result<Response<v1::DenyChangeRequestResponse>, Status> {
        write(&self.0, request, decide::deny).await
    }

    async fn cancel_change_request(
        &self,
        request: Request<v1::CancelChangeRequestRequest>,
    ) -> Result<Response<v1::CancelChangeRequestResponse>, Status> {
        write(&self.0, request, decide::cancel).await
    }

    async fn time_out_change_request(
        &self,
        request: Request<v1::TimeOutChangeRequestRequest>,
    ) -> Result<Response<v1::TimeOutChangeRequestResponse>, Status> {
        internal(&self.0, request, decide::time_out).await
    }
}
