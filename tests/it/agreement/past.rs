//! What was answered at an instant, and what is answered about it afterwards.

use chrono::{DateTime, Utc};
use pim_client::Client;
use pim_proto::access::v1::{
    BatchCheckAccessRequest, Holding, ListEffectiveRolesRequest, ListRoleHoldersRequest,
    batch_check_access_response::Result as Answer,
};
use pim_tests::timestamp;
use prost_types::Timestamp;

use super::{SCOPES, deeds, deeds::Cast, questions};

/// All that can be asked about everybody, as it was answered at an instant.
pub(super) struct Seen {
    at: DateTime<Utc>,
    answers: Answers,
}

#[derive(Debug, PartialEq)]
struct Answers {
    /// By user.
    checks: Vec<Vec<Answer>>,
    /// By user.
    lists: Vec<(Vec<Holding>, Option<Timestamp>)>,
    /// By role and scope.
    holders: Vec<(Vec<Holding>, Option<Timestamp>)>,
}

impl Seen {
    /// What is answered now, which is `at`.
    pub(super) async fn now(cast: &Cast, client: &Client, at: DateTime<Utc>) -> Self {
        Self { at, answers: answers(cast, client, None).await }
    }

    /// The log answers the same about that instant.
    pub(super) async fn again(&self, cast: &Cast, client: &Client) {
        let again = answers(cast, client, Some(timestamp(self.at))).await;
        assert_eq!(again.lists, self.answers.lists, "at {}", self.at);
        assert_eq!(again.holders, self.answers.holders, "at {}", self.at);
        assert_eq!(again.checks, self.answers.checks, "at {}", self.at);
    }
}

async fn answers(cast: &Cast, client: &Client, at: Option<Timestamp>) -> Answers {
    let access = client.access();
    let (mut checks, mut lists, mut holders) = (Vec::new(), Vec::new(), Vec::new());
    for user in &cast.users {
        let items = questions().into_iter().map(|question| cast.item(&user.id, question));
        let items = items.collect();
        let request = BatchCheckAccessRequest { items, at, ..BatchCheckAccessRequest::default() };
        checks.push(access.clone().batch_check_access(request).await.unwrap().into_inner().results);
        let principal_id = user.id.clone();
        let request = ListEffectiveRolesRequest {
            principal_id,
            page_size: 1_000,
            at,
            ..ListEffectiveRolesRequest::default()
        };
        let answer = access.clone().list_effective_roles(request).await.unwrap().into_inner();
        lists.push((answer.holdings, answer.valid_until));
    }
    for role in deeds::ROLES {
        for scope in SCOPES {
            let request = ListRoleHoldersRequest {
                role_id: role.to_owned(),
                scope: scope.to_owned(),
                page_size: 1_000,
                at,
                ..ListRoleHoldersRequest::default()
            };
            let answer = access.clone().list_role_holders(request).await.unwrap().into_inner();
            holders.push((answer.holdings, answer.valid_until));
        }
    }
    Answers { checks, lists, holders }
}
