//! Role tokens, and the keys by which they are verified.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::access::v1::{GetRoleTokenKeysResponse, IssueRoleTokenResponse};
use serde::Serialize;
use serde_json::Value;

use super::{Shown, exact};
use crate::{
    output::fields,
    time::{instant, iso},
};

/// A role token.
#[derive(Debug, Serialize)]
pub(crate) struct TokenView {
    token: String,
    expire_time: Option<DateTime<Utc>>,
    key_id: String,
    as_of_time: Option<DateTime<Utc>>,
    max_clock_error: Option<String>,
    revision: String,
}

/// The keys.
#[derive(Debug, Serialize)]
pub(crate) struct KeysView {
    issuer: String,
    key_id: String,
    max_age: Option<String>,
    /// A JWK set, or the text where it is none.
    jwks: Value,
}

impl TokenView {
    /// The token alone.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// What is good to know of it.
    pub(crate) fn remark(&self) -> String {
        format!("good until {}, signed by {}", exact(self.expire_time), self.key_id)
    }
}

impl From<IssueRoleTokenResponse> for TokenView {
    fn from(response: IssueRoleTokenResponse) -> Self {
        Self {
            token: response.token,
            expire_time: instant(response.expire_time),
            key_id: response.key_id,
            as_of_time: instant(response.as_of_time),
            max_clock_error: iso(response.max_clock_error),
            revision: response.revision,
        }
    }
}

impl From<GetRoleTokenKeysResponse> for KeysView {
    fn from(response: GetRoleTokenKeysResponse) -> Self {
        let jwks = serde_json::from_str(&response.jwks).unwrap_or(Value::String(response.jwks));
        Self {
            issuer: response.issuer,
            key_id: response.key_id,
            max_age: iso(response.max_age),
            jwks,
        }
    }
}

impl Shown for KeysView {
    fn table(&self) -> Table {
        let keys = self.jwks["keys"].as_array().into_iter().flatten();
        let ids = keys.filter_map(|key| key["kid"].as_str());
        let others: Vec<&str> = ids.filter(|id| *id != self.key_id).collect();
        fields(vec![
            ("issuer", self.issuer.clone()),
            ("signs", self.key_id.clone()),
            ("published", others.join("\n")),
            ("keep for", self.max_age.clone().unwrap_or_default()),
        ])
    }
}
