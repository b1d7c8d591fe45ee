//! An approver may grant less time than was asked for.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, ExtendActivationRequest,
        activate_role_request, extend_activation_request,
    },
    approval::v1::{Approval, ApprovalState, ApproveRequest, approval::Length},
    assignment::v1::Rules,
};
use pim_tests::{Person, assert_invalid, assert_refused, duration, metadata, timestamp};
use tonic::Code;

use crate::ground::{Ground, ROLE, approve, deny, no, yes};

/// A yes to at most so many minutes.
fn yes_to(approval: &Approval, most: i64) -> ApproveRequest {
    ApproveRequest { duration: Some(duration(TimeDelta::minutes(most))), ..yes(approval) }
}

impl Ground {
    async fn activation(&self, activation: &Activation) -> Activation {
        self.ada.activation(&activation.id).await.unwrap()
    }

    /// What an activation that has just begun lasts.
    fn lasts(&self, activation: &Activation) -> TimeDelta {
        assert_eq!(activation.state(), ActivationState::Active, "{activation:?}");
        assert_eq!(activation.start_time, Some(timestamp(self.world.now())));
        let [start, end] = [activation.start_time, activation.end_time].map(Option::unwrap);
        TimeDelta::seconds(end.seconds - start.seconds)
    }
}

#[tokio::test]
async fn a_shorter_length_is_granted_and_decided_on_from_then_on() {
    let minutes = |minutes| Some(duration(TimeDelta::minutes(minutes)));
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let shortened = approve(&ground.bea, yes_to(&approval, 30)).await.unwrap();
    assert_eq!(shortened.state(), ApprovalState::Pending);
    assert_eq!(shortened.shortened_duration, minutes(30));
    let asked = Some(Length::Duration(duration(TimeDelta::hours(1))));
    assert_eq!(shortened.length, asked, "what was asked for stays");
    assert_ne!(shortened.etag, approval.etag);
    assert_eq!(ground.stored(&approval).await, shortened);
    let answer = approve(&ground.carl, yes(&approval)).await;
    let status = assert_refused(answer, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(metadata(&status, "etag"), shortened.etag);
    let answer = deny(&ground.carl, no(&approval)).await;
    assert_refused(answer, Code::Aborted, "ETAG_MISMATCH");
    let approved = approve(&ground.carl, yes(&shortened)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved, "the first yes stands");
    assert_eq!((approved.shortened_duration, &approved.etag), (minutes(30), &shortened.etag));
    let active = ground.activation(&activation).await;
    assert_eq!(ground.lasts(&active), TimeDelta::minutes(30));
    assert_eq!((active.shortened_duration, active.truncated), (minutes(30), false));
    ground.world.advance(TimeDelta::minutes(30));
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn the_last_approver_may_shorten_too_and_each_only_further() {
    let minutes = |minutes| Some(duration(TimeDelta::minutes(minutes)));
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let first = approve(&ground.bea, yes_to(&approval, 40)).await.unwrap();
    let longer = yes_to(&first, 41);
    assert_invalid(approve(&ground.carl, longer).await, "duration");
    let approved = approve(&ground.carl, yes_to(&first, 20)).await.unwrap();
    assert_eq!(approved.shortened_duration, minutes(20));
    assert_ne!(approved.etag, first.etag);
    let active = ground.activation(&activation).await;
    assert_eq!(ground.lasts(&active), TimeDelta::minutes(20));
    ground.ada.deactivate(&activation.id).await.unwrap();
    let (activation, approval) = ground.asked().await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    approve(&ground.carl, yes_to(&approval, 20)).await.unwrap();
    let active = ground.activation(&activation).await;
    assert_eq!(ground.lasts(&active), TimeDelta::minutes(20), "an earlier yes stands");
}

#[tokio::test]
async fn no_more_than_was_asked_for_and_no_less_than_the_minimum() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let hour = TimeDelta::hours(1);
    let micro = TimeDelta::microseconds(1);
    for wrong in
        [hour + micro, TimeDelta::hours(9), TimeDelta::minutes(5) - micro, TimeDelta::zero(), -hour]
    {
        let request = ApproveRequest { duration: Some(duration(wrong)), ..yes(&approval) };
        assert_invalid(approve(&ground.bea, request).await, "duration");
    }
    assert_eq!(ground.stored(&approval).await, approval);
    for good in [TimeDelta::minutes(5), hour] {
        let request = ApproveRequest {
            duration: Some(duration(good)),
            validate_only: true,
            ..yes(&approval)
        };
        let would = approve(&ground.bea, request).await.unwrap();
        assert_eq!(would.shortened_duration, Some(duration(good)));
        assert_eq!(ground.stored(&approval).await, approval, "a dry run writes nothing");
    }
}

#[tokio::test]
async fn of_an_asked_end_what_is_left_of_it_can_be_shortened() {
    let ground = Ground::new().await;
    let end = ground.world.now() + TimeDelta::hours(2);
    let length = Some(activate_role_request::Length::EndTime(timestamp(end)));
    let wish = ActivateRoleRequest { length, ..Person::wish(ROLE, "/") };
    let activation = ground.ada.activate(wish).await.unwrap();
    let approval = ground.bea.inbox().await.remove(0);
    ground.world.advance(TimeDelta::minutes(90));
    assert_invalid(approve(&ground.bea, yes_to(&approval, 31)).await, "duration");
    let shortened = approve(&ground.bea, yes_to(&approval, 20)).await.unwrap();
    ground.world.advance(TimeDelta::minutes(5));
    approve(&ground.carl, yes(&shortened)).await.unwrap();
    let active = ground.activation(&activation).await;
    assert_eq!(ground.lasts(&active), TimeDelta::minutes(20), "from its start");
}

#[tokio::test]
async fn what_is_too_long_by_now_is_permitted_once_it_is_short_enough() {
    let minutes = |minutes| Some(duration(TimeDelta::minutes(minutes)));
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let set = Rules { activation_max: minutes(40), ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let shortened = approve(&ground.bea, yes_to(&approval, 40)).await.unwrap();
    let approved = approve(&ground.carl, yes(&shortened)).await.unwrap();
    assert_eq!(approved.activation_state(), ActivationState::Active);
    let active = ground.activation(&activation).await;
    assert_eq!(ground.lasts(&active), TimeDelta::minutes(40));
}

#[tokio::test]
async fn of_an_extension_what_is_more_can_be_shortened() {
    let minutes = |minutes| Some(duration(TimeDelta::minutes(minutes)));
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    for approver in [&ground.bea, &ground.carl] {
        approve(approver, yes(&approval)).await.unwrap();
    }
    let end = ground.world.now() + TimeDelta::hours(1);
    let request = ExtendActivationRequest {
        activation_id: activation.id.clone(),
        length: Some(extend_activation_request::Length::Duration(duration(TimeDelta::hours(1)))),
        justification: "it takes longer".to_owned(),
        ..ExtendActivationRequest::default()
    };
    ground.ada.client.activations().extend_activation(request).await.unwrap();
    ground.world.advance(TimeDelta::minutes(10));
    let approval = ground.bea.inbox().await.remove(0);
    assert_invalid(approve(&ground.bea, yes_to(&approval, 61)).await, "duration");
    // The whole is longer than the minimum already.
    let shortened = approve(&ground.bea, yes_to(&approval, 2)).await.unwrap();
    let approved = approve(&ground.carl, yes(&shortened)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert_eq!(approved.shortened_duration, minutes(2));
    let longer = ground.activation(&activation).await;
    assert_eq!(longer.end_time, Some(timestamp(end + TimeDelta::minutes(2))));
    assert_eq!((longer.truncated, &longer.extension), (false, &None));
}
