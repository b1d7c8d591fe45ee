//! The circumstances of an activation as Cedar's request.

use std::{str::FromStr as _, sync::LazyLock};

use cedar_policy::{
    Context, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression as Value,
};
use chrono::{Datelike as _, Timelike as _};
use pim_domain::condition::Circumstances;

type Pairs = Vec<(String, Value)>;

/// The types of entities that a request names.
struct Types {
    principal: EntityTypeName,
    action: EntityTypeName,
    role: EntityTypeName,
}

static TYPES: LazyLock<Option<Types>> = LazyLock::new(|| {
    let named = |name| EntityTypeName::from_str(name).ok();
    Some(Types { principal: named("Principal")?, action: named("Action")?, role: named("Role")? })
});

/// What is asked. It is not held against the schema again: a test does that once for all.
pub(crate) fn of(circumstances: &Circumstances) -> Result<Request, String> {
    let types = TYPES.as_ref().ok_or("the types of entities do not read")?;
    let entity = |kind: &EntityTypeName, id: &str| {
        EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
    };
    let principal = entity(&types.principal, &circumstances.principal.to_string());
    let role = entity(&types.role, &circumstances.role.to_string());
    let context = Context::from_pairs(context(circumstances)?).map_err(|it| it.to_string())?;
    Request::new(principal, entity(&types.action, "activate"), role, context, None)
        .map_err(|error| error.to_string())
}

fn context(circumstances: &Circumstances) -> Result<Pairs, String> {
    let Circumstances { signals, ticket, time, .. } = circumstances;
    let text = |text: &String| Value::new_string(text.clone());
    let record = |pairs: Pairs| Value::new_record(pairs).map_err(|error| error.to_string());
    let contexts = circumstances.contexts.iter().map(text);
    let mut device = Pairs::new();
    add(&mut device, "compliant", signals.device_compliant.map(Value::new_bool));
    add(&mut device, "managed", signals.device_managed.map(Value::new_bool));
    let ticket = ticket.as_ref().map(|ticket| {
        let mut pairs = Pairs::new();
        add(&mut pairs, "number", Some(text(&ticket.number)));
        add(&mut pairs, "system", Some(text(&ticket.system)));
        record(pairs)
    });
    // An address of IPv4 that came over IPv6 is the one that people write.
    let address = signals.address.map(|address| address.to_canonical().to_string());
    let seconds = |span: chrono::TimeDelta| Value::new_long(span.num_seconds());
    let mut pairs = Pairs::new();
    add(&mut pairs, "mfa", Some(Value::new_bool(circumstances.mfa)));
    add(&mut pairs, "acr", signals.acr.as_ref().map(text));
    add(&mut pairs, "acrs", Some(Value::new_set(contexts)));
    add(&mut pairs, "auth_age", circumstances.auth_age.map(seconds));
    add(&mut pairs, "device", Some(record(device)?));
    add(&mut pairs, "country", signals.country.as_ref().map(text));
    add(&mut pairs, "risk", signals.risk.as_ref().map(text));
    add(&mut pairs, "ip", address.map(Value::new_ip));
    add(&mut pairs, "hour", Some(Value::new_long(time.hour().into())));
    let weekday = time.weekday().number_from_monday();
    add(&mut pairs, "weekday", Some(Value::new_long(weekday.into())));
    add(&mut pairs, "ticket", ticket.transpose()?);
    add(&mut pairs, "duration", Some(seconds(circumstances.duration)));
    Ok(pairs)
}

fn add(pairs: &mut Pairs, name: &str, value: Option<Value>) {
    pairs.extend(value.map(|value| (name.to_owned(), value)));
}
