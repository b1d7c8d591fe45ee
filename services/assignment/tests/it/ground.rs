//! What the tests stand on: an organisation with Ada in it, and how refusals are read.

use pim_proto::assignment::v1::{
    DisablePrincipalRequest, GetPrincipalRequest, Principal, PrincipalKind,
};
use pim_tests::{Organisation, Person, World};
use uuid::Uuid;

/// A directory role.
pub(crate) const ROLE: &str = Organisation::USER_ADMINISTRATOR;
/// A scope below the root at which directory roles are held.
pub(crate) const UNIT: &str = "/administrativeUnits/5f0c2b7a-43d7-4c1f-9d3c-0a3f7f7a1c11";
/// A scope at which resource roles are held.
pub(crate) const SUBSCRIPTION: &str = "/subscriptions/9a4e0f5c-6c6b-4a63-8f3e-2a9d1f0b7e21";

pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) org: Organisation,
    /// A user who may nothing.
    pub(crate) ada: Person,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let world = World::start().await;
        let org = world.organisation().await;
        let ada = org.user(&world, "ada").await;
        Self { world, org, ada }
    }

    pub(crate) async fn user(&self, name: &str) -> Person {
        self.org.user(&self.world, name).await
    }

    pub(crate) async fn program(&self, name: &str) -> Person {
        self.org.principal(&self.world, name, PrincipalKind::ServicePrincipal, None).await
    }

    /// Two accounts of one person.
    pub(crate) async fn accounts(&self, names: [&str; 2]) -> [Person; 2] {
        let person = Some(Uuid::new_v4());
        let [first, second] = names;
        let user = PrincipalKind::User;
        [
            self.org.principal(&self.world, first, user, person).await,
            self.org.principal(&self.world, second, user, person).await,
        ]
    }

    /// Somebody who owns the subscription and nothing else.
    pub(crate) async fn owner(&self) -> Person {
        let owner = self.user("owner").await;
        self.org.assign(&owner, Organisation::OWNER, SUBSCRIPTION).await.unwrap();
        owner
    }

    pub(crate) async fn disable(&self, person: &Person) {
        let principal_id = person.id.clone();
        let request = DisablePrincipalRequest { principal_id, ..Default::default() };
        self.org.admin.client.directory().disable_principal(request).await.unwrap();
    }

    /// Somebody as they are stored.
    pub(crate) async fn stored(&self, id: &str) -> Principal {
        let request = GetPrincipalRequest { principal_id: id.to_owned() };
        let answer = self.org.admin.client.directory().get_principal(request).await.unwrap();
        answer.into_inner().principal.unwrap()
    }
}

/// A page token with one character changed.
pub(crate) fn forged(page_token: &str) -> String {
    let mut forged = page_token.to_owned();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.insert(forged.len() / 2, last);
    forged
}
