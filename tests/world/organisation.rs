//! An organisation with two administrators, as an operator makes it.

use pim_proto::{
    assignment::v1::{
        Administrator, Assignment, CreateAssignmentRequest, CreateEligibilityRequest,
        CreatePrincipalRequest, CreateScopeRequest, CreateTenantRequest, DeleteScopeRequest,
        DisablePrincipalRequest, Eligibility, GetPolicyRequest, GetScopeRequest,
        ImportCatalogRequest, Policy, PrincipalKind, Rules, Scope, UpdatePolicyRequest,
        UpdateScopeRequest,
    },
    audit::v1::{Event, EventFilter, ListEventsRequest},
    r#type::v1::Catalog,
};
use tonic::Status;
use uuid::Uuid;

use crate::{Person, World, all_of};

/// An organisation.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// Its id.
    pub tenant: Uuid,
    /// A first administrator, who does what has to be done.
    pub admin: Person,
    /// The other first administrator.
    pub second_admin: Person,
}

impl Organisation {
    /// Roles that tests use.
    pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
    /// A directory role that administers nothing here.
    pub const USER_ADMINISTRATOR: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
    /// A resource role that administers nothing here.
    pub const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
    /// A resource role that grants resource roles.
    pub const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

    pub(crate) async fn create(world: &World) -> Self {
        let names = [format!("ada-{}", Uuid::new_v4()), format!("grace-{}", Uuid::new_v4())];
        let administrators = names.iter().map(|name| Administrator {
            issuer: Person::issuer().to_owned(),
            subject: name.clone(),
            display_name: name.clone(),
        });
        let request = CreateTenantRequest {
            display_name: "Example".to_owned(),
            administrators: administrators.collect(),
            ..CreateTenantRequest::default()
        };
        let answer = world.operator().tenants().create_tenant(request).await.unwrap().into_inner();
        let tenant: Uuid = answer.tenant.unwrap().id.parse().unwrap();
        let [first, second] = <[String; 2]>::try_from(answer.administrator_ids).unwrap();
        let admin = Person::new(world, tenant, &names[0], first);
        let second_admin = Person::new(world, tenant, &names[1], second);
        let request = ImportCatalogRequest {
            catalog: Catalog::Azure.into(),
            ..ImportCatalogRequest::default()
        };
        admin.client.roles().import_catalog(request).await.unwrap();
        Self { tenant, admin, second_admin }
    }

    /// The same organisation, in another system on the same database.
    #[must_use]
    pub fn again(&self, world: &World) -> Self {
        let (admin, second_admin) = (self.admin.again(world), self.second_admin.again(world));
        Self { tenant: self.tenant, admin, second_admin }
    }

    /// A new user.
    pub async fn user(&self, world: &World, name: &str) -> Person {
        self.principal(world, name, PrincipalKind::User, None).await
    }

    /// A new principal, perhaps another account of a known person.
    pub async fn principal(
        &self,
        world: &World,
        name: &str,
        kind: PrincipalKind,
        person: Option<Uuid>,
    ) -> Person {
        let request = CreatePrincipalRequest {
            kind: kind.into(),
            issuer: Person::issuer().to_owned(),
            subject: name.to_owned(),
            display_name: name.to_owned(),
            person_id: person.map(|person| person.to_string()).unwrap_or_default(),
            ..CreatePrincipalRequest::default()
        };
        let answer = self.admin.client.directory().create_principal(request).await.unwrap();
        let id = answer.into_inner().principal.unwrap().id;
        Person::new(world, self.tenant, name, id)
    }

    /// Disables somebody.
    pub async fn disable(&self, person: &Person) {
        let principal_id = person.id.clone();
        let request =
            DisablePrincipalRequest { principal_id, ..DisablePrincipalRequest::default() };
        self.admin.client.directory().disable_principal(request).await.unwrap();
    }

    /// Makes somebody eligible, permanently.
    pub async fn make_eligible(&self, person: &Person, role: &str, scope: &str) -> Eligibility {
        let request = CreateEligibilityRequest {
            principal_id: person.id.clone(),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            ..CreateEligibilityRequest::default()
        };
        let answer = self.admin.client.assignments().create_eligibility(request).await.unwrap();
        answer.into_inner().eligibility.unwrap()
    }

    /// Assigns a role to somebody, permanently.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn assign(
        &self,
        person: &Person,
        role: &str,
        scope: &str,
    ) -> Result<Assignment, Status> {
        let request = CreateAssignmentRequest {
            principal_id: person.id.clone(),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            justification: "their work".to_owned(),
            ..CreateAssignmentRequest::default()
        };
        let answer = self.admin.client.assignments().create_assignment(request).await?;
        Ok(answer.into_inner().assignment.unwrap())
    }

    /// Registers a scope, below another where one is named.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn register(&self, scope: &str, parent: &str) -> Result<Scope, Status> {
        let request = CreateScopeRequest {
            scope: scope.to_owned(),
            parent_scope: parent.to_owned(),
            display_name: scope.to_owned(),
            ..CreateScopeRequest::default()
        };
        let answer = self.admin.client.scopes().create_scope(request).await?;
        Ok(answer.into_inner().scope.unwrap())
    }

    /// A registered scope.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn scope(&self, scope: &str) -> Result<Scope, Status> {
        let request = GetScopeRequest { scope: scope.to_owned() };
        let answer = self.admin.client.scopes().get_scope(request).await?;
        Ok(answer.into_inner().scope.unwrap())
    }

    /// Puts a registered scope below another.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn move_scope(&self, scope: &str, to: &str) -> Result<Scope, Status> {
        let request = UpdateScopeRequest {
            scope: scope.to_owned(),
            etag: self.scope(scope).await?.etag,
            parent_scope: to.to_owned(),
            ..UpdateScopeRequest::default()
        };
        let answer = self.admin.client.scopes().update_scope(request).await?;
        Ok(answer.into_inner().scope.unwrap())
    }

    /// Registers a scope no more.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn delete_scope(&self, scope: &str) -> Result<Scope, Status> {
        let request = DeleteScopeRequest {
            scope: scope.to_owned(),
            etag: self.scope(scope).await?.etag,
            ..DeleteScopeRequest::default()
        };
        let answer = self.admin.client.scopes().delete_scope(request).await?;
        Ok(answer.into_inner().scope.unwrap())
    }

    /// What is set for a role for the whole tenant.
    pub async fn policy(&self, role: &str) -> Policy {
        self.policy_at(role, "/").await
    }

    /// What is set for a role at a scope.
    pub async fn policy_at(&self, role: &str, scope: &str) -> Policy {
        let request = GetPolicyRequest { role_id: role.to_owned(), scope: scope.to_owned() };
        let answer = self.admin.client.policies().get_policy(request).await.unwrap();
        answer.into_inner().policy.unwrap()
    }

    /// Sets rules of a role for the whole tenant.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn set_policy(&self, role: &str, rules: Rules) -> Result<Policy, Status> {
        self.set_policy_at(role, "/", rules, &[]).await
    }

    /// Sets rules of a role at a scope, and enforces some of them.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn set_policy_at(
        &self,
        role: &str,
        scope: &str,
        rules: Rules,
        enforce: &[&str],
    ) -> Result<Policy, Status> {
        let request = UpdatePolicyRequest {
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            etag: self.policy_at(role, scope).await.etag,
            rules: Some(rules),
            enforce_rules: enforce.iter().map(|rule| (*rule).to_owned()).collect(),
            ..UpdatePolicyRequest::default()
        };
        let answer = self.admin.client.policies().update_policy(request).await?;
        Ok(answer.into_inner().policy.unwrap())
    }

    /// Demands the approval of all of `approvers` for a role.
    pub async fn require_approval(&self, role: &str, approvers: &[&Person]) {
        let rules = Rules { approval: Some(all_of(approvers)), ..Rules::default() };
        self.set_policy(role, rules).await.unwrap();
    }

    /// The whole log that matches, oldest first.
    pub async fn log(&self, filter: EventFilter) -> Vec<Event> {
        let mut events = Vec::new();
        let mut page_token = String::new();
        loop {
            let filter = Some(filter.clone());
            let request = ListEventsRequest { filter, page_size: 1_000, page_token };
            let page = self.admin.client.audit().list_events(request).await.unwrap().into_inner();
            events.extend(page.events);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                events.reverse();
                return events;
            }
        }
    }
}
