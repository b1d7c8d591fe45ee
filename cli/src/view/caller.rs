//! Who calls, and what they may do to the system itself.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::{
    access::v1::{CallerKind, Conferral, GetCallerResponse},
    r#type::v1::Realm,
};
use serde::Serialize;

use super::{Shown, access::HoldingView, enum_name, exact, or_id};
use crate::{
    names::Names,
    output::fields,
    time::{instant, iso},
};

/// Who calls.
#[derive(Debug, Serialize)]
pub(crate) struct CallerView {
    kind: String,
    issuer: String,
    subject: String,
    display_name: Option<String>,
    tenant_id: Option<String>,
    principal_id: Option<String>,
    person_id: Option<String>,
    sign_in: SignInView,
    token_expire_time: Option<DateTime<Utc>>,
    conferrals: Vec<ConferralView>,
    methods: Vec<String>,
    as_of_time: Option<DateTime<Utc>>,
    max_clock_error: Option<String>,
    revision: String,
}

#[derive(Debug, Serialize)]
struct SignInView {
    mfa: bool,
    amr: Vec<String>,
    acr: Option<String>,
    acrs: Vec<String>,
    auth_time: Option<DateTime<Utc>>,
}

/// What one holding confers.
#[derive(Debug, Serialize)]
struct ConferralView {
    holding: Option<HoldingView>,
    realms: Vec<String>,
    actions: Vec<String>,
    valid_until: Option<DateTime<Utc>>,
}

/// Realms as they are printed.
pub(crate) fn realm_names(realms: Vec<i32>) -> Vec<String> {
    let name = |value: i32| {
        let name = Realm::try_from(value).ok().map(|realm| realm.as_str_name());
        enum_name("REALM_", value, name)
    };
    realms.into_iter().map(name).collect()
}

/// `a/b/c` and `a/b/d` on a line as `b: c, d`; a package in front of `b` is left out.
pub(crate) fn grouped(paths: &[String]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for path in paths {
        let (head, last) = path.rsplit_once('/').unwrap_or(("", path));
        let thing = head.rsplit(['/', '.']).next().unwrap_or(head);
        match groups.iter_mut().find(|(one, _)| *one == thing) {
            Some((_, verbs)) => verbs.push(last),
            None => groups.push((thing, vec![last])),
        }
    }
    let lines = groups.into_iter().map(|(thing, verbs)| format!("{thing}: {}", verbs.join(", ")));
    lines.collect::<Vec<_>>().join("\n")
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl CallerView {
    /// What is known of the caller.
    pub(crate) fn new(caller: GetCallerResponse, names: &Names) -> Self {
        let kind = CallerKind::try_from(caller.kind).ok().map(|kind| kind.as_str_name());
        let sign_in = caller.sign_in.unwrap_or_default();
        let conferral = |one: Conferral| ConferralView {
            holding: one.holding.map(|holding| HoldingView::new(holding, names)),
            realms: realm_names(one.realms),
            actions: one.actions,
            valid_until: instant(one.valid_until),
        };
        Self {
            kind: enum_name("CALLER_KIND_", caller.kind, kind),
            issuer: caller.issuer,
            subject: caller.subject,
            display_name: some(caller.display_name),
            tenant_id: some(caller.tenant_id),
            principal_id: some(caller.principal_id),
            person_id: some(caller.person_id),
            sign_in: SignInView {
                mfa: sign_in.mfa,
                amr: sign_in.amr,
                acr: some(sign_in.acr),
                acrs: sign_in.acrs,
                auth_time: instant(sign_in.auth_time),
            },
            token_expire_time: instant(caller.token_expire_time),
            conferrals: caller.conferrals.into_iter().map(conferral).collect(),
            methods: caller.methods,
            as_of_time: instant(caller.as_of_time),
            max_clock_error: iso(caller.max_clock_error),
            revision: caller.revision,
        }
    }
}

impl SignInView {
    fn text(&self) -> String {
        let mfa = if self.mfa { "with" } else { "without" };
        let at = self.auth_time.map(|time| format!("at {}", exact(Some(time))));
        let list = |name: &str, values: &[String]| {
            (!values.is_empty()).then(|| format!("{name} {}", values.join(", ")))
        };
        let lines = [
            Some(format!("{mfa} multi-factor authentication")),
            at,
            list("methods", &self.amr),
            list("class", self.acr.as_slice()),
            list("contexts", &self.acrs),
        ];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

impl ConferralView {
    fn text(&self) -> String {
        let by = self.holding.as_ref().map(HoldingView::by).unwrap_or_default();
        let until = self.valid_until.map(|end| format!(", until {}", exact(Some(end))));
        let until = until.unwrap_or_default();
        format!("{by}{until}\nin {}\n{}", self.realms.join(", "), grouped(&self.actions))
    }
}

impl Shown for CallerView {
    fn table(&self) -> Table {
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        let may: Vec<String> = self.conferrals.iter().map(ConferralView::text).collect();
        fields(vec![
            ("kind", self.kind.clone()),
            ("name", known(&self.display_name)),
            ("principal", known(&self.principal_id)),
            ("person", known(&self.person_id)),
            ("tenant", known(&self.tenant_id)),
            ("issuer", self.issuer.clone()),
            ("subject", self.subject.clone()),
            ("signed in", self.sign_in.text()),
            ("token until", exact(self.token_expire_time)),
            ("may", may.join("\n\n")),
            ("may call", grouped(&self.methods)),
            ("as of", exact(self.as_of_time)),
        ])
    }
}

impl HoldingView {
    /// It, as what confers something on the caller.
    fn by(&self) -> String {
        let role = or_id(self.role_name.as_deref(), &self.role_id);
        let group = self.group_id.as_deref();
        let group = group.map(|id| or_id(self.group_name.as_deref(), id));
        let through = group.map(|group| format!(" through {group}")).unwrap_or_default();
        format!("{role} at {}{through}, by {} {}", self.scope, self.kind, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_done_is_grouped_by_its_thing() {
        let paths =
            ["pim/role/create", "pim/role/delete", "/pim.access.v1.AccessService/GetCaller"];
        assert_eq!(
            grouped(&paths.map(str::to_owned)),
            "role: create, delete\nAccessService: GetCaller"
        );
    }

    #[test]
    fn an_operator_is_shown_without_what_only_principals_have() {
        let caller = GetCallerResponse {
            kind: CallerKind::Operator.into(),
            subject: "root".to_owned(),
            methods: vec!["/pim.scheduler.v1.SchedulerService/ListDue".to_owned()],
            ..GetCallerResponse::default()
        };
        let shown = CallerView::new(caller, &Names::default()).table().trim_fmt();
        assert!(shown.contains("OPERATOR"), "{shown}");
        assert!(shown.contains("SchedulerService: ListDue"), "{shown}");
        assert!(shown.contains("without multi-factor authentication"), "{shown}");
        assert!(!shown.contains("principal"), "{shown}");
    }
}
