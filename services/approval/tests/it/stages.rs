//! Who can say yes and when it is enough: stages in order, slots that persons take, fallback
//! approvers, and votes that have lost their standing.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{Activation, ActivationState, Ending},
    approval::v1::{Approval, ApprovalState, ListApprovalsRequest, SearchMyApprovalsRequest},
    assignment::v1::{ApprovalMode, ApprovalRule, ApprovalStage, PrincipalKind, Rules},
};
use pim_tests::{Person, assert_refused, stage, stages, timestamp};
use tonic::Code;
use uuid::Uuid;

use crate::ground::{Ground, ROLE, UNIT, approve, deny, get, no, yes};

fn all(people: &[&Person]) -> ApprovalStage {
    stage(ApprovalMode::AllOf, 0, people)
}

fn any(people: &[&Person]) -> ApprovalStage {
    stage(ApprovalMode::AnyOf, 0, people)
}

fn two_of(people: &[&Person]) -> ApprovalStage {
    stage(ApprovalMode::Quorum, 2, people)
}

impl Ground {
    /// What waits, for whomever, once Ada has asked for `ROLE` under this rule.
    pub(crate) async fn asked_under(&self, rule: ApprovalRule) -> (Activation, Approval) {
        let set = Rules { approval: Some(rule), ..Rules::default() };
        self.org.set_policy(ROLE, set).await.unwrap();
        let activation = self.ada.activate(Person::wish(ROLE, "/")).await.unwrap();
        let request = ListApprovalsRequest::default();
        let answer = self.org.admin.client.approvals().list_approvals(request).await.unwrap();
        let mut waiting = answer.into_inner().approvals;
        waiting.retain(|approval| approval.activation_id == activation.id);
        let [approval] = <[Approval; 1]>::try_from(waiting).unwrap();
        (activation, approval)
    }

    async fn active(&self, activation: &Activation) -> bool {
        let shown = self.ada.activation(&activation.id).await.unwrap();
        shown.state() == ActivationState::Active
    }

    /// As an administrator sees it, who sees it whoever its approvers are.
    async fn shown(&self, approval: &Approval) -> Approval {
        get(&self.org.admin, &approval.id).await.unwrap()
    }
}

/// It waits for `person`, as they see it.
async fn assert_waits(person: &Person, approval: &Approval) {
    let inbox = person.inbox().await;
    assert!(inbox.iter().any(|one| one.id == approval.id), "{inbox:?}");
}

/// It does not wait for `person`, who decides nothing.
async fn assert_not_asked(person: &Person, approval: &Approval) {
    assert_eq!(person.inbox().await, []);
    for answer in [approve(person, yes(approval)).await, deny(person, no(approval)).await] {
        assert_refused(answer, Code::PermissionDenied, "NOT_AN_APPROVER");
    }
}

#[tokio::test]
async fn a_stage_waits_until_those_before_it_are_complete() {
    let ground = Ground::new().await;
    let dora = ground.user("dora").await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    let rule = stages(vec![all(&[bea]), all(&[carl]), all(&[&dora])]);
    let (activation, approval) = ground.asked_under(rule).await;
    assert_eq!(get(carl, &approval.id).await.unwrap(), approval, "they may see it");
    for later in [carl, &dora] {
        assert_not_asked(later, &approval).await;
    }
    assert_waits(bea, &approval).await;
    assert_eq!(approve(bea, yes(&approval)).await.unwrap().state(), ApprovalState::Pending);
    assert_not_asked(&dora, &approval).await;
    assert_eq!(bea.inbox().await, []);
    assert_waits(carl, &approval).await;
    assert_eq!(approve(carl, yes(&approval)).await.unwrap().state(), ApprovalState::Pending);
    assert!(!ground.active(&activation).await);
    let approved = approve(&dora, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert!(ground.active(&activation).await);
}

#[tokio::test]
async fn one_no_in_a_later_stage_ends_it() {
    let ground = Ground::new().await;
    let rule = stages(vec![all(&[&ground.bea]), all(&[&ground.carl])]);
    let (_, approval) = ground.asked_under(rule).await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    let denied = deny(&ground.carl, no(&approval)).await.unwrap();
    assert_eq!(denied.state(), ApprovalState::Denied);
    assert_eq!(denied.activation_state(), ActivationState::Ended);
}

#[tokio::test]
async fn one_is_enough_where_any_is() {
    let ground = Ground::new().await;
    let rule = stages(vec![any(&[&ground.bea, &ground.carl])]);
    let (activation, approval) = ground.asked_under(rule.clone()).await;
    let approved = approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert!(ground.active(&activation).await);
    assert_eq!(ground.bea.inbox().await, []);
    ground.ada.deactivate(&activation.id).await.unwrap();
    let (_, approval) = ground.asked_under(rule).await;
    let denied = deny(&ground.bea, no(&approval)).await.unwrap();
    assert_eq!(denied.state(), ApprovalState::Denied, "and one no ends it here too");
}

#[tokio::test]
async fn a_quorum_takes_as_many_as_it_says_whoever_they_are() {
    let ground = Ground::new().await;
    let dora = ground.user("dora").await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    for [one, other] in [[bea, carl], [&dora, bea], [carl, &dora]] {
        let rule = stages(vec![two_of(&[bea, carl, &dora])]);
        let (activation, approval) = ground.asked_under(rule).await;
        let pending = approve(one, yes(&approval)).await.unwrap();
        assert_eq!(pending.state(), ApprovalState::Pending);
        // The same person again is no second one.
        assert_eq!(approve(one, yes(&approval)).await.unwrap(), pending);
        let approved = approve(other, yes(&approval)).await.unwrap();
        assert_eq!(approved.state(), ApprovalState::Approved);
        ground.ada.deactivate(&activation.id).await.unwrap();
    }
}

#[tokio::test]
async fn one_person_counts_once_in_all_stages_and_is_seated_where_it_helps() {
    let ground = Ground::new().await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    // Bea has said yes once: it completes either stage, and Carl can only complete the first.
    for [first, second] in [[bea, carl], [carl, bea]] {
        let rule = stages(vec![any(&[bea, carl]), all(&[bea])]);
        let (activation, approval) = ground.asked_under(rule).await;
        let pending = approve(first, yes(&approval)).await.unwrap();
        assert_eq!(pending.state(), ApprovalState::Pending);
        assert_waits(second, &approval).await;
        assert_eq!(first.inbox().await, []);
        let approved = approve(second, yes(&approval)).await.unwrap();
        assert_eq!(approved.state(), ApprovalState::Approved);
        ground.ada.deactivate(&activation.id).await.unwrap();
    }
}

#[tokio::test]
async fn two_accounts_of_one_person_count_once_over_stages() {
    let ground = Ground::new().await;
    let person = Some(Uuid::new_v4());
    let (user, world) = (PrincipalKind::User, &ground.world);
    let eve = ground.org.principal(world, "eve", user, person).await;
    let other_eve = ground.org.principal(world, "eve-admin", user, person).await;
    let rule = stages(vec![any(&[&eve, &ground.bea]), any(&[&other_eve, &ground.carl])]);
    let (activation, approval) = ground.asked_under(rule).await;
    let first = approve(&eve, yes(&approval)).await.unwrap();
    assert_eq!(other_eve.inbox().await, []);
    assert_eq!(approve(&other_eve, yes(&approval)).await.unwrap(), first, "she has said so");
    let answer = deny(&other_eve, no(&approval)).await;
    assert_refused(answer, Code::AlreadyExists, "ALREADY_DECIDED");
    assert!(!ground.active(&activation).await);
    let approved = approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
}

#[tokio::test]
async fn a_yes_beyond_need_is_kept_and_counts_should_another_be_lost() {
    let ground = Ground::new().await;
    let dora = ground.user("dora").await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    let rule = stages(vec![any(&[bea, carl]), all(&[&dora])]);
    let (activation, approval) = ground.asked_under(rule).await;
    approve(bea, yes(&approval)).await.unwrap();
    assert_waits(carl, &approval).await;
    let kept = approve(carl, yes(&approval)).await.unwrap();
    assert_eq!((kept.state(), kept.decisions.len()), (ApprovalState::Pending, 2));
    ground.disable(bea).await;
    let approved = approve(&dora, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert!(ground.active(&activation).await);
}

#[tokio::test]
async fn a_fallback_approver_takes_only_what_nobody_living_can() {
    let ground = Ground::new().await;
    let dora = ground.user("dora").await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    let rule = ApprovalRule {
        fallback_approver_ids: vec![dora.id.clone()],
        ..stages(vec![all(&[bea, carl])])
    };
    let (activation, approval) = ground.asked_under(rule).await;
    assert_not_asked(&dora, &approval).await;
    approve(bea, yes(&approval)).await.unwrap();
    assert_not_asked(&dora, &approval).await;
    ground.disable(carl).await;
    assert_waits(&dora, &approval).await;
    let approved = approve(&dora, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert!(ground.active(&activation).await);
}

#[tokio::test]
async fn a_fallback_approver_takes_the_slot_of_the_requester() {
    let ground = Ground::new().await;
    let dora = ground.user("dora").await;
    let rule = ApprovalRule {
        fallback_approver_ids: vec![dora.id.clone()],
        ..stages(vec![all(&[&ground.ada])])
    };
    let (activation, approval) = ground.asked_under(rule).await;
    assert_eq!(ground.ada.inbox().await, []);
    let answer = approve(&ground.ada, yes(&approval)).await;
    assert_refused(answer, Code::PermissionDenied, "SELF_APPROVAL");
    approve(&dora, yes(&approval)).await.unwrap();
    assert!(ground.active(&activation).await);
}

#[tokio::test]
async fn a_vote_that_lost_its_standing_is_dropped_at_the_end_and_may_be_given_again() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    approve(bea, yes(&approval)).await.unwrap();
    ground.disable(bea).await;
    ground.world.advance(TimeDelta::minutes(1));
    let pending = approve(carl, yes(&approval)).await.unwrap();
    assert_eq!(pending.state(), ApprovalState::Pending);
    let now = Some(timestamp(ground.world.now()));
    let said: Vec<_> =
        pending.decisions.iter().map(|one| (&*one.approver_id, one.drop_time)).collect();
    assert_eq!(said, [(&*bea.id, now), (&*carl.id, None)]);
    assert_eq!(pending.etag, approval.etag, "what is decided on is the same");
    assert_eq!(ground.shown(&approval).await, pending);
    assert!(!ground.active(&activation).await);
    ground.enable(bea).await;
    assert_waits(bea, &approval).await;
    assert_eq!(carl.inbox().await, []);
    ground.world.advance(TimeDelta::minutes(1));
    let approved = approve(bea, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    let said: Vec<_> =
        approved.decisions.iter().map(|one| (&*one.approver_id, one.drop_time)).collect();
    assert_eq!(said, [(&*bea.id, now), (&*carl.id, None), (&*bea.id, None)]);
    assert_eq!(ground.shown(&approval).await, approved);
    assert!(ground.active(&activation).await);
}

#[tokio::test]
async fn whose_vote_was_dropped_may_say_no_the_next_time() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    ground.disable(&ground.bea).await;
    approve(&ground.carl, yes(&approval)).await.unwrap();
    ground.enable(&ground.bea).await;
    let denied = deny(&ground.bea, no(&approval)).await.unwrap();
    assert_eq!((denied.state(), denied.decisions.len()), (ApprovalState::Denied, 3));
}

#[tokio::test]
async fn a_vote_is_judged_when_it_comes_to_count_and_not_in_between() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    ground.disable(&ground.bea).await;
    ground.enable(&ground.bea).await;
    let approved = approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert!(ground.active(&activation).await);
    ground.ada.deactivate(&activation.id).await.unwrap();
    // With a third vote to come nothing is complete yet, so nothing is dropped.
    let dora = ground.user("dora").await;
    let rule = stages(vec![all(&[&ground.bea, &ground.carl, &dora])]);
    let (activation, approval) = ground.asked_under(rule).await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    ground.disable(&ground.bea).await;
    let pending = approve(&ground.carl, yes(&approval)).await.unwrap();
    assert!(pending.decisions.iter().all(|one| one.drop_time.is_none()), "{pending:?}");
    ground.enable(&ground.bea).await;
    let approved = approve(&dora, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert!(ground.active(&activation).await);
}

#[tokio::test]
async fn a_stage_reopens_when_who_completed_it_has_gone() {
    let ground = Ground::new().await;
    let dora = ground.user("dora").await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    let rule = stages(vec![any(&[bea, carl]), all(&[&dora])]);
    let (activation, approval) = ground.asked_under(rule).await;
    approve(bea, yes(&approval)).await.unwrap();
    assert_waits(&dora, &approval).await;
    ground.disable(bea).await;
    assert_not_asked(&dora, &approval).await;
    assert_waits(carl, &approval).await;
    approve(carl, yes(&approval)).await.unwrap();
    let approved = approve(&dora, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert!(ground.active(&activation).await);
}

#[tokio::test]
async fn the_votes_must_also_meet_what_the_newest_policy_asks_for() {
    let ground = Ground::new().await;
    let dora = ground.user("dora").await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    // Fewer than were asked for change nothing for what is under way.
    let (activation, approval) = ground.asked().await;
    ground.org.require_approval(ROLE, &[bea]).await;
    let pending = approve(bea, yes(&approval)).await.unwrap();
    assert_eq!(pending.state(), ApprovalState::Pending);
    approve(carl, yes(&approval)).await.unwrap();
    assert!(ground.active(&activation).await);
    ground.ada.deactivate(&activation.id).await.unwrap();
    // Others than were asked for do.
    let (activation, approval) = ground.asked().await;
    ground.org.require_approval(ROLE, &[&dora]).await;
    let approved = approve(bea, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert_eq!(approved.activation_state(), ActivationState::Ended);
    let ended = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!((ended.ending(), &*ended.void_rules[0]), (Ending::Void, "APPROVABLE"));
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn what_has_not_reached_its_stage_does_not_hide_what_waits() {
    let ground = Ground::new().await;
    let (bea, carl) = (&ground.bea, &ground.carl);
    let early = stages(vec![all(&[bea]), all(&[carl])]);
    ground.asked_under(early).await;
    // Below the root another rule applies as well, which asks Carl first.
    let rule = Rules { approval: Some(stages(vec![all(&[carl])])), ..Rules::default() };
    ground.org.set_policy_at(ROLE, UNIT, rule, &[]).await.unwrap();
    let later = ground.ada.activate(Person::wish(ROLE, UNIT)).await.unwrap();
    let request = SearchMyApprovalsRequest { page_size: 1, ..Default::default() };
    let page = carl.client.approvals().search_my_approvals(request).await.unwrap().into_inner();
    let shown: Vec<_> = page.approvals.iter().map(|one| &*one.activation_id).collect();
    assert_eq!((shown, page.next_page_token.as_str()), (vec![&*later.id], ""));
}
