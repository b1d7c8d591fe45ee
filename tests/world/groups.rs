//! Groups of an organisation, and who belongs to them.

use pim_proto::assignment::v1::{
    Assignment, CreateAssignmentRequest, CreateEligibilityRequest, CreateGroupRequest, Eligibility,
    Group, RemoveAssignmentRequest,
};
use tonic::Status;

use crate::{Organisation, Person};

impl Organisation {
    /// Belongs to a group.
    pub const GROUP_MEMBER: &str = "96a66df7-c666-4f3f-a850-b062eda97e17";
    /// Administers a group.
    pub const GROUP_OWNER: &str = "13fd7bdf-8c6a-4f58-912a-25ea844b51be";

    /// A new group that may hold what is dangerous.
    pub async fn group(&self, name: &str) -> Group {
        self.new_group(name, true).await
    }

    /// A new group that may not.
    pub async fn plain_group(&self, name: &str) -> Group {
        self.new_group(name, false).await
    }

    async fn new_group(&self, name: &str, role_assignable: bool) -> Group {
        let request = CreateGroupRequest {
            display_name: name.to_owned(),
            role_assignable,
            ..CreateGroupRequest::default()
        };
        let answer = self.admin.client.directory().create_group(request).await.unwrap();
        answer.into_inner().group.unwrap()
    }
}

impl Person {
    /// Assigns a role to a principal or a group, permanently.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn assign_to(&self, id: &str, role: &str, scope: &str) -> Result<Assignment, Status> {
        let request = CreateAssignmentRequest {
            principal_id: id.to_owned(),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            justification: "their work".to_owned(),
            ..CreateAssignmentRequest::default()
        };
        let answer = self.client.assignments().create_assignment(request).await?;
        Ok(answer.into_inner().assignment.unwrap())
    }

    /// Makes a principal or a group eligible for a role, permanently.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn make_eligible_for(
        &self,
        id: &str,
        role: &str,
        scope: &str,
    ) -> Result<Eligibility, Status> {
        let request = CreateEligibilityRequest {
            principal_id: id.to_owned(),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            ..CreateEligibilityRequest::default()
        };
        let answer = self.client.assignments().create_eligibility(request).await?;
        Ok(answer.into_inner().eligibility.unwrap())
    }

    /// Puts a principal or another group into a group, permanently.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn add_member(&self, id: &str, group: &Group) -> Result<Assignment, Status> {
        self.assign_to(id, Organisation::GROUP_MEMBER, &group.scope).await
    }

    /// Ends an assignment.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn remove(&self, assignment: &Assignment) -> Result<Assignment, Status> {
        let request = RemoveAssignmentRequest {
            assignment_id: assignment.id.clone(),
            justification: "no longer".to_owned(),
            ..RemoveAssignmentRequest::default()
        };
        let answer = self.client.assignments().remove_assignment(request).await?;
        Ok(answer.into_inner().assignment.unwrap())
    }
}
