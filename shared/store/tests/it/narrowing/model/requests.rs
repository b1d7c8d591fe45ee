//! What holders ask about their grants in the small world.

use pim_domain::{
    change::Change,
    change_request::{self, Ask, ChangeKind, ChangeRequest, Decision, State},
    justification::Justification,
};

use super::{AnyChange, CATALOG, Kept, Model, nth};
use pim_domain::fixture::stamp;

impl Model {
    /// Its holder asks for what the time permits; what time has ended makes room first.
    pub(super) fn request(&mut self, which: usize) {
        let Some(grant) = nth(&self.grants, which).cloned() else { return };
        let now = stamp(self.now);
        let is_over = grant.window.end.is_some_and(|end| end <= self.now);
        let waits = |one: &&ChangeRequest| one.grant == grant.id && one.state == State::Pending;
        let mut pending = self.requests.iter().find(waits).cloned();
        let late = pending.as_ref().and_then(|one| one.time_out(CATALOG, &now).ok());
        if let Some(late) = late {
            pending = None;
            self.keep(Ok(late));
        }
        let holder = self.principal(grant.principal).clone();
        let wish = Ask {
            kind: if is_over { ChangeKind::Renewal } else { ChangeKind::Extension },
            grant_kind: grant.kind,
            grant: grant.id,
            end: None,
            justification: "the project goes on".into(),
            ticket: None,
        };
        let facts = change_request::Facts { grant, catalog: CATALOG, pending };
        self.keep(change_request::ask(&facts, &holder, wish, &now));
    }

    /// Somebody withdraws it, or its time-out is recorded.
    pub(super) fn close_request(&mut self, which: usize) {
        let Some(request) = nth(&self.requests, which) else { return };
        let (by, justification, now) =
            (request.principal, Justification::default(), stamp(self.now));
        let change = request
            .time_out(CATALOG, &now)
            .or_else(|_| request.cancel(CATALOG, Decision { by, justification }, &now));
        self.keep(change);
    }
}

impl Kept for ChangeRequest {
    fn all(model: &mut Model) -> &mut Vec<Self> {
        &mut model.requests
    }

    fn any(change: Change<Self>) -> AnyChange {
        AnyChange::Request(change)
    }
}
