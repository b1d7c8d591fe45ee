//! Change requests: a holder asks, administrators decide, and what comes of it.

use chrono::TimeDelta;
use pim_proto::assignment::v1::{
    ChangeRequest, ChangeRequestKind, ChangeRequestState, Eligibility, GrantState,
    change_request::Grant,
};
use pim_tests::{assert_refused, metadata, rules, timestamp};
use tonic::Code;

use crate::{
    grants::{KINDS, Kind, all_of, get, removal, remove},
    ground::{Ground, ROLE},
    moves::{approve, ask, asking, cancel, deny, extend, extension, no, request, withdrawal, yes},
};

pub(crate) const EXTENSION: ChangeRequestKind = ChangeRequestKind::Extension;
pub(crate) const RENEWAL: ChangeRequestKind = ChangeRequestKind::Renewal;

impl Ground {
    /// Something of Ada's that ends in a day, and that she asked for more of it.
    pub(crate) async fn asked(&self, kind: Kind) -> (Eligibility, ChangeRequest) {
        let made = self.for_days(kind, 1).await;
        let asked = ask(&self.ada.client, asking(EXTENSION, kind, &made.id)).await.unwrap();
        (made, asked)
    }

    /// Refused for the time at which it is asked.
    async fn assert_untimely(&self, what: ChangeRequestKind, kind: Kind, id: &str) {
        let answer = ask(&self.ada.client, asking(what, kind, id)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), ["WINDOW"]);
    }
}

fn micro() -> TimeDelta {
    TimeDelta::microseconds(1)
}

#[tokio::test]
async fn a_request_says_all_of_itself() {
    let ground = Ground::new().await;
    let now = ground.world.now();
    for kind in KINDS {
        let made = ground.for_days(kind, 1).await;
        let wish = pim_proto::assignment::v1::CreateChangeRequestRequest {
            end_time: Some(timestamp(now + TimeDelta::days(30))),
            ticket: Some(pim_proto::r#type::v1::Ticket {
                number: "CHG-1".to_owned(),
                system: "desk".to_owned(),
            }),
            ..asking(EXTENSION, kind, &made.id)
        };
        let asked = ask(&ground.ada.client, wish.clone()).await.unwrap();
        let expected = ChangeRequest {
            id: asked.id.clone(),
            kind: EXTENSION.into(),
            grant: Some(match kind {
                Kind::Eligibility => Grant::EligibilityId(made.id.clone()),
                Kind::Assignment => Grant::AssignmentId(made.id.clone()),
            }),
            principal_id: ground.ada.id.clone(),
            role_id: ROLE.to_owned(),
            scope: "/".to_owned(),
            state: ChangeRequestState::Pending.into(),
            end_time: wish.end_time,
            justification: wish.justification,
            ticket: wish.ticket,
            expire_time: Some(timestamp(now + TimeDelta::days(14))),
            decider_id: String::new(),
            decision_justification: String::new(),
            outcome_id: String::new(),
            create_time: Some(timestamp(now)),
            update_time: Some(timestamp(now)),
            etag: asked.etag.clone(),
        };
        assert_eq!(asked, expected);
        for client in [&ground.ada.client, &ground.org.admin.client] {
            assert_eq!(request(client, &asked.id).await.unwrap(), asked);
        }
    }
}

#[tokio::test]
async fn an_extension_is_asked_for_shortly_before_the_end_and_a_renewal_after() {
    let ground = Ground::new().await;
    let ada = &ground.ada.client;
    for kind in KINDS {
        let made = ground.for_days(kind, 20).await;
        ground.world.advance(TimeDelta::days(6) - micro());
        ground.assert_untimely(EXTENSION, kind, &made.id).await;
        ground.assert_untimely(RENEWAL, kind, &made.id).await;
        ground.world.advance(micro());
        let asked = ask(ada, asking(EXTENSION, kind, &made.id)).await.unwrap();
        ground.assert_untimely(RENEWAL, kind, &made.id).await;
        cancel(ada, withdrawal(&asked.id)).await.unwrap();
        ground.world.advance(TimeDelta::days(14));
        ground.assert_untimely(EXTENSION, kind, &made.id).await;
        let asked = ask(ada, asking(RENEWAL, kind, &made.id)).await.unwrap();
        cancel(ada, withdrawal(&asked.id)).await.unwrap();
        ground.world.advance(TimeDelta::days(30));
        let asked = ask(ada, asking(RENEWAL, kind, &made.id)).await.unwrap();
        cancel(ada, withdrawal(&asked.id)).await.unwrap();
        ground.world.advance(micro());
        ground.assert_untimely(RENEWAL, kind, &made.id).await;
    }
}

#[tokio::test]
async fn nothing_is_asked_about_what_is_permanent_or_an_administrator_has_ended() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let wish = crate::grants::wish(&ground.ada, ROLE, crate::ground::UNIT);
        let permanent = crate::grants::create(admin, kind, wish).await.unwrap();
        ground.assert_untimely(EXTENSION, kind, &permanent.id).await;
        ground.assert_untimely(RENEWAL, kind, &permanent.id).await;
        let made = ground.for_days(kind, 1).await;
        remove(admin, kind, removal(&made.id)).await.unwrap();
        for what in [EXTENSION, RENEWAL] {
            let answer = ask(&ground.ada.client, asking(what, kind, &made.id)).await;
            let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
            assert_eq!(metadata(&status, "state"), "REMOVED");
        }
    }
}

#[tokio::test]
async fn one_waits_at_a_time() {
    let ground = Ground::new().await;
    let ada = &ground.ada.client;
    for kind in KINDS {
        let (made, first) = ground.asked(kind).await;
        let answer = ask(ada, asking(EXTENSION, kind, &made.id)).await;
        let status = assert_refused(answer, Code::AlreadyExists, "DUPLICATE");
        assert_eq!(metadata(&status, "id"), first.id);
        assert_eq!(metadata(&status, "thing"), "change_request");
        // What has timed out makes room, though nobody has recorded it.
        ground.world.advance(TimeDelta::days(14));
        let second = ask(ada, asking(RENEWAL, kind, &made.id)).await.unwrap();
        let late = request(ada, &first.id).await.unwrap();
        assert_eq!((late.state(), late.etag.as_str()), (ChangeRequestState::TimedOut, "v2"));
        assert_eq!(second.state(), ChangeRequestState::Pending);
    }
}

#[tokio::test]
async fn a_yes_extends_at_once() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin;
    for kind in KINDS {
        let (made, asked) = ground.asked(kind).await;
        let end = ground.world.now() + TimeDelta::days(30);
        ground.world.advance(TimeDelta::hours(1));
        let done = approve(&admin.client, yes(&asked, Some(end))).await.unwrap();
        let expected = ChangeRequest {
            state: ChangeRequestState::Approved.into(),
            decider_id: admin.id.clone(),
            decision_justification: "seen".to_owned(),
            outcome_id: made.id.clone(),
            update_time: Some(timestamp(ground.world.now())),
            etag: done.etag.clone(),
            ..asked
        };
        assert_eq!(done, expected);
        assert_eq!(request(&ground.ada.client, &done.id).await.unwrap(), done);
        let extended = get(&admin.client, kind, &made.id).await.unwrap();
        assert_eq!(extended.end_time, Some(timestamp(end)));
        assert_eq!(extended.etag, "v2");
    }
}

#[tokio::test]
async fn a_yes_renews_at_once() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin;
    for kind in KINDS {
        let old = ground.ended(kind).await;
        let end = ground.world.now() + TimeDelta::days(30);
        let mut wish = asking(RENEWAL, kind, &old.id);
        wish.end_time = Some(timestamp(end));
        let asked = ask(&ground.ada.client, wish).await.unwrap();
        ground.world.advance(TimeDelta::hours(1));
        let done = approve(&admin.client, yes(&asked, None)).await.unwrap();
        assert_ne!(done.outcome_id, old.id);
        let new = get(&admin.client, kind, &done.outcome_id).await.unwrap();
        assert_eq!(new.renewed_from_id, old.id);
        assert_eq!(new.start_time, Some(timestamp(ground.world.now())));
        assert_eq!(new.end_time, Some(timestamp(end)), "the end that was wished for");
        assert_eq!(new.justification, "the project goes on");
        assert_eq!(new.state(), GrantState::InForce);
        remove(&admin.client, kind, removal(&new.id)).await.unwrap();
    }
}

#[tokio::test]
async fn a_no_ends_it_and_says_why() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin;
    let (made, asked) = ground.asked(Kind::Eligibility).await;
    let mut silent = no(&asked);
    silent.justification = " ".to_owned();
    let answer = deny(&admin.client, silent).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["JUSTIFICATION"]);
    assert_eq!(request(&admin.client, &asked.id).await.unwrap(), asked);
    let denied = deny(&admin.client, no(&asked)).await.unwrap();
    assert_eq!(denied.state(), ChangeRequestState::Denied);
    assert_eq!((denied.decider_id.as_str(), denied.outcome_id.as_str()), (&*admin.id, ""));
    assert_eq!(denied.decision_justification, "not needed");
    assert_eq!(get(&admin.client, Kind::Eligibility, &made.id).await.unwrap(), made);
    for answer in
        [deny(&admin.client, no(&denied)).await, approve(&admin.client, yes(&denied, None)).await]
    {
        let status = assert_refused(answer, Code::FailedPrecondition, "ALREADY_RESOLVED");
        assert_eq!(metadata(&status, "state"), "DENIED");
    }
    let answer = cancel(&ground.ada.client, withdrawal(&asked.id)).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "DENIED");
    // And may be asked for again.
    ask(&ground.ada.client, asking(EXTENSION, Kind::Eligibility, &made.id)).await.unwrap();
}

#[tokio::test]
async fn a_decision_is_of_what_was_read_and_in_time() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let (_, asked) = ground.asked(Kind::Assignment).await;
    let stale = ChangeRequest { etag: "v9".to_owned(), ..asked.clone() };
    for answer in [approve(admin, yes(&stale, None)).await, deny(admin, no(&stale)).await] {
        let status = assert_refused(answer, Code::Aborted, "ETAG_MISMATCH");
        assert_eq!(metadata(&status, "etag"), asked.etag);
    }
    ground.world.advance(TimeDelta::days(14));
    for answer in [approve(admin, yes(&asked, None)).await, deny(admin, no(&asked)).await] {
        let status = assert_refused(answer, Code::FailedPrecondition, "ALREADY_RESOLVED");
        assert_eq!(metadata(&status, "state"), "TIMED_OUT");
    }
}

#[tokio::test]
async fn what_was_done_otherwise_meanwhile_cannot_be_approved() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let end = Some(ground.world.now() + TimeDelta::days(40));
        let (made, asked) = ground.asked(kind).await;
        remove(admin, kind, removal(&made.id)).await.unwrap();
        let answer = approve(admin, yes(&asked, end)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "REMOVED");

        let (made, asked) = ground.asked(kind).await;
        let longer = extension(&made.id, ground.world.now() + TimeDelta::days(30));
        extend(admin, kind, longer).await.unwrap();
        let answer = approve(admin, yes(&asked, end)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), ["WINDOW"]);
        let still = request(admin, &asked.id).await.unwrap();
        assert_eq!(still, asked, "it waits until it times out or is withdrawn");
        remove(admin, kind, removal(&made.id)).await.unwrap();
    }
}

#[tokio::test]
async fn a_yes_has_dates_that_go_with_the_request_and_the_policy() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let (made, asked) = ground.asked(Kind::Assignment).await;
    let end = ground.world.now() + TimeDelta::days(30);
    pim_tests::assert_invalid(approve(admin, yes(&asked, None)).await, "end_time");
    let mut begun = yes(&asked, Some(end));
    begun.start_time = Some(timestamp(ground.world.now()));
    pim_tests::assert_invalid(approve(admin, begun).await, "start_time");
    let set = pim_proto::assignment::v1::Rules {
        permanent_assignment: Some(false),
        assigned_max: Some(pim_tests::duration(TimeDelta::days(20))),
        assignment_require_mfa: Some(true),
        ..Default::default()
    };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let answer = approve(&ground.org.admin.weak, yes(&asked, Some(end))).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["EXPIRATION", "MFA"]);
    assert_eq!(all_of(admin, Kind::Assignment, &ground.ada).await, [made]);
    assert_eq!(request(admin, &asked.id).await.unwrap(), asked);
}
