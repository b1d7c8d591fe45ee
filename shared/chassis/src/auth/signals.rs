//! What a token says of a sign-in beside how and when: of the device, the country, the risk. There
//! are no standard claims for these, and elsewhere claims of such names are what people say of
//! themselves, so nothing is read that the issuer's entry does not name.

use pim_domain::condition::Signals;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::CredentialInvalid;
use crate::limits::SIGNAL_CHARS_MAX;

/// Which claim says what; absent: none does.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SignalClaims {
    /// A boolean.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_compliant: Option<String>,
    /// A boolean.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_managed: Option<String>,
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<String>,
}

impl SignalClaims {
    /// Those of the development issuer: each by its own name.
    pub(super) fn development() -> Self {
        let named = |name: &str| Some(name.to_owned());
        Self {
            device_compliant: named("device_compliant"),
            device_managed: named("device_managed"),
            country: named("country"),
            risk: named("risk"),
        }
    }

    /// Whether it names no claim.
    pub(super) fn is_empty(&self) -> bool {
        let Self { device_compliant, device_managed, country, risk } = self;
        [device_compliant, device_managed, country, risk].into_iter().all(Option::is_none)
    }

    /// What the claims say. One of another type makes the token invalid: absent, it would pass
    /// where a condition forbids what it says.
    pub(super) fn read(
        &self,
        claims: &Map<String, Value>,
        acr: Option<String>,
    ) -> Result<Signals, CredentialInvalid> {
        Ok(Signals {
            acr,
            device_compliant: boolean(claims, self.device_compliant.as_deref())?,
            device_managed: boolean(claims, self.device_managed.as_deref())?,
            country: text(claims, self.country.as_deref())?,
            risk: text(claims, self.risk.as_deref())?,
            address: None,
        })
    }
}

fn claim<'a>(
    claims: &'a Map<String, Value>,
    name: Option<&'a str>,
) -> Option<(&'a str, &'a Value)> {
    let name = name?;
    Some((name, claims.get(name)?))
}

fn boolean(
    claims: &Map<String, Value>,
    name: Option<&str>,
) -> Result<Option<bool>, CredentialInvalid> {
    let Some((name, value)) = claim(claims, name) else { return Ok(None) };
    let problem = || CredentialInvalid::because(format!("claim {name} is not a boolean"));
    value.as_bool().map(Some).ok_or_else(problem)
}

fn text(
    claims: &Map<String, Value>,
    name: Option<&str>,
) -> Result<Option<String>, CredentialInvalid> {
    let Some((name, value)) = claim(claims, name) else { return Ok(None) };
    let most = SIGNAL_CHARS_MAX;
    let problem =
        || CredentialInvalid::because(format!("claim {name} is not a text of at most {most}"));
    let text = value.as_str().filter(|text| text.chars().count() <= most).ok_or_else(problem)?;
    Ok(Some(text.to_owned()))
}

/// The claims by which the development issuer says so.
pub(super) fn write(signals: &Signals, claims: &mut Value) {
    let Signals { acr: _, device_compliant, device_managed, country, risk, address: _ } = signals;
    let said = [
        ("device_compliant", device_compliant.map(Value::from)),
        ("device_managed", device_managed.map(Value::from)),
        ("country", country.as_ref().map(|it| json!(it))),
        ("risk", risk.as_ref().map(|it| json!(it))),
    ];
    for (name, value) in said.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        claims[name] = value;
    }
}
