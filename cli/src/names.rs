//! Display names for the ids in an answer. They are a courtesy: where a name may not be read, the
//! id stands for itself.

use std::collections::HashMap;

use pim_client::Client;
use pim_proto::assignment::v1::{GetGroupRequest, GetPrincipalRequest, GetRoleRequest};
use tonic::Code;
use uuid::Uuid;

/// Names that have been looked up, by id.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// `None`: there is no such thing, or it may not be read.
    roles: HashMap<String, Option<String>>,
    principals: HashMap<String, Option<String>>,
    /// The caller's own name has been asked for.
    asked_for_self: bool,
    /// Other principals may not be read, so there is no use in asking for each.
    principals_refused: bool,
}

impl Names {
    /// The role's display name, if it has been learnt.
    pub(crate) fn role(&self, id: &str) -> Option<String> {
        self.roles.get(id).cloned().flatten()
    }

    /// The principal's display name, if it has been learnt.
    pub(crate) fn principal(&self, id: &str) -> Option<String> {
        self.principals.get(id).cloned().flatten()
    }

    /// Looks up the roles' names.
    pub(crate) async fn learn_roles(&mut self, client: &Client, ids: impl Iterator<Item = &str>) {
        for id in ids {
            if !is_id(id) || self.roles.contains_key(id) {
                continue;
            }
            let request = GetRoleRequest { role_id: id.to_owned() };
            let answer = client.roles().get_role(request).await;
            let role = answer.ok().and_then(|answer| answer.into_inner().role);
            self.roles.insert(id.to_owned(), role.map(|role| role.display_name));
        }
    }

    /// Looks up the principals' names.
    pub(crate) async fn learn_principals(
        &mut self,
        client: &Client,
        ids: impl Iterator<Item = &str>,
    ) {
        for id in ids {
            if !is_id(id) || self.principals.contains_key(id) {
                continue;
            }
            if !self.asked_for_self {
                self.asked_for_self = true;
                // Everybody may read themselves; an operator is nobody here.
                let _ = self.learn_principal(client, "").await;
            }
            if self.principals_refused || self.principals.contains_key(id) {
                continue;
            }
            if let Err(code) = self.learn_principal(client, id).await {
                self.principals_refused = code == Code::PermissionDenied;
                self.principals.insert(id.to_owned(), None);
            }
        }
    }

    /// An empty id asks for the caller.
    async fn learn_principal(&mut self, client: &Client, id: &str) -> Result<(), Code> {
        let request = GetPrincipalRequest { principal_id: id.to_owned() };
        let answer = client.directory().get_principal(request).await;
        let code = answer.as_ref().err().map(tonic::Status::code);
        if code == Some(Code::NotFound) {
            return self.learn_group(client, id).await;
        }
        let principal = answer.map_err(|status| status.code())?.into_inner().principal;
        if let Some(principal) = principal {
            self.principals.insert(principal.id, Some(principal.display_name));
        }
        Ok(())
    }

    /// What is no principal may be a group.
    async fn learn_group(&mut self, client: &Client, id: &str) -> Result<(), Code> {
        let request = GetGroupRequest { group_id: id.to_owned() };
        let answer = client.directory().get_group(request).await;
        let group = answer.map_err(|status| status.code())?.into_inner().group;
        self.principals.insert(id.to_owned(), group.map(|group| group.display_name));
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn known(roles: &[(&str, &str)], principals: &[(&str, &str)]) -> Self {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(id, name)| ((*id).to_owned(), Some((*name).to_owned()))).collect()
        };
        Self { roles: map(roles), principals: map(principals), ..Self::default() }
    }
}

/// Services and operators act too, and have no such id.
fn is_id(id: &str) -> bool {
    Uuid::try_parse(id).is_ok()
}
