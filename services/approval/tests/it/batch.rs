//! `BatchDecide`: each item as the single call, and none at the cost of another.

use chrono::TimeDelta;
use pim_client::status_of_item;
use pim_proto::{
    activation::v1::ActivationState,
    approval::v1::{
        Approval, ApprovalState, BatchDecideRequest, BatchDecideResponse, Verdict,
        batch_decide_request::Item, batch_decide_response::result::Outcome,
    },
    audit::v1::EventFilter,
};
use pim_tests::{
    Person, assert_invalid, assert_refused, assert_same_refusal, fields, metadata, new_id, reason,
    rules,
};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, UNIT, approve, yes};

const OTHER_UNIT: &str = "/administrativeUnits/1";

fn item(approval: &Approval, verdict: Verdict) -> Item {
    Item {
        approval_id: approval.id.clone(),
        etag: approval.etag.clone(),
        verdict: verdict.into(),
        justification: "known work".to_owned(),
        duration: None,
    }
}

fn batch(items: impl IntoIterator<Item = Item>) -> BatchDecideRequest {
    BatchDecideRequest { items: items.into_iter().collect(), ..Default::default() }
}

async fn send(person: &Person, request: BatchDecideRequest) -> Result<BatchDecideResponse, Status> {
    Ok(person.client.approvals().batch_decide(request).await?.into_inner())
}

async fn outcomes(person: &Person, request: BatchDecideRequest) -> Vec<Result<Approval, Status>> {
    let response = send(person, request).await.unwrap();
    assert!(!response.revision.is_empty());
    let results = response.results.into_iter();
    results
        .map(|result| match result.outcome.unwrap() {
            Outcome::Approval(approval) => Ok(approval),
            Outcome::Status(status) => Err(status_of_item(&status)),
        })
        .collect()
}

/// What became of each item, in short.
fn said(outcomes: &[Result<Approval, Status>]) -> Vec<String> {
    let short = |outcome: &Result<Approval, Status>| match outcome {
        Ok(approval) => approval.state().as_str_name().replace("APPROVAL_STATE_", ""),
        Err(status) => reason(status),
    };
    outcomes.iter().map(short).collect()
}

/// Ada's requests at three scopes, which Bea alone decides on.
async fn three() -> (Ground, [Approval; 3]) {
    let ground = Ground::new().await;
    ground.org.require_approval(ROLE, &[&ground.bea]).await;
    let mut approvals = Vec::new();
    for scope in ["/", UNIT, OTHER_UNIT] {
        approvals.push(ground.asked_at(scope).await.1);
    }
    (ground, approvals.try_into().unwrap())
}

#[tokio::test]
async fn several_are_decided_in_one_call() {
    let (ground, [first, second, third]) = three().await;
    let items = [
        item(&first, Verdict::Approve),
        item(&second, Verdict::Deny),
        item(&third, Verdict::Approve),
    ];
    let decided = outcomes(&ground.bea, batch(items)).await;
    assert_eq!(said(&decided), ["APPROVED", "DENIED", "APPROVED"]);
    let expected = [ActivationState::Active, ActivationState::Ended, ActivationState::Active];
    for ((outcome, approval), state) in decided.iter().zip([&first, &second, &third]).zip(expected)
    {
        let decided = outcome.as_ref().unwrap();
        assert_eq!((&decided.id, decided.activation_state()), (&approval.id, state));
        assert_eq!(&ground.stored(approval).await, decided);
    }
    assert!(ground.ada.holds(ROLE, "/").await);
    assert_eq!(ground.bea.inbox().await, []);
}

#[tokio::test]
async fn what_is_refused_keeps_nothing_else_from_being_decided() {
    let (ground, [first, second, third]) = three().await;
    let no_etag = Item { etag: String::new(), ..item(&third, Verdict::Approve) };
    let old_etag = Item { etag: "a1".to_owned(), ..item(&third, Verdict::Approve) };
    let blank = Item { justification: " ".to_owned(), ..item(&third, Verdict::Deny) };
    let unknown = Item { approval_id: new_id(), ..item(&third, Verdict::Approve) };
    let items = [
        item(&first, Verdict::Approve),
        item(&first, Verdict::Deny),
        no_etag,
        old_etag,
        blank,
        unknown,
        item(&second, Verdict::Approve),
    ];
    let decided = outcomes(&ground.bea, batch(items)).await;
    let expected = [
        "APPROVED",
        "ALREADY_DECIDED",
        "INVALID_FIELD",
        "ETAG_MISMATCH",
        "POLICY_DENIED",
        "NOT_AN_APPROVER",
        "APPROVED",
    ];
    assert_eq!(said(&decided), expected);
    let [_, before, malformed, changed, blank, unknown, _] = <[_; 7]>::try_from(decided).unwrap();
    let before = assert_refused(before, Code::AlreadyExists, "ALREADY_DECIDED");
    assert_eq!(metadata(&before, "approval_id"), first.id);
    let malformed = assert_refused(malformed, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(fields(&malformed), ["items[2].etag"]);
    let changed = assert_refused(changed, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(metadata(&changed, "etag"), third.etag);
    assert_eq!(rules(&blank.unwrap_err()), ["JUSTIFICATION"]);
    assert_eq!(ground.stored(&third).await, third);
    // To the last detail as the single call.
    let missing = Approval { id: new_id(), ..third };
    let single = approve(&ground.bea, yes(&missing)).await;
    assert_same_refusal(&unknown.unwrap_err(), &single.unwrap_err());
    let code = "pim.call.refused".to_owned();
    let events = ground.org.log(EventFilter { code, ..EventFilter::default() }).await;
    let mut left: Vec<_> = events.iter().map(|event| &*event.reason).collect();
    left.sort_unstable();
    let refused =
        ["ALREADY_DECIDED", "ETAG_MISMATCH", "NOT_AN_APPROVER", "NOT_AN_APPROVER", "POLICY_DENIED"];
    assert_eq!(left, refused);
}

#[tokio::test]
async fn nobody_decides_in_a_batch_what_they_may_not_decide_alone() {
    let (ground, [first, second, _]) = three().await;
    let items = || [item(&first, Verdict::Approve), item(&second, Verdict::Deny)];
    let own = outcomes(&ground.ada, batch(items())).await;
    assert_eq!(said(&own), ["SELF_APPROVAL"; 2]);
    let strange = outcomes(&ground.carl, batch(items())).await;
    assert_eq!(said(&strange), ["NOT_AN_APPROVER"; 2]);
    assert_eq!(ground.stored(&first).await, first);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answers() {
    let (ground, [first, second, _]) = three().await;
    let blank = Item { justification: String::new(), ..item(&second, Verdict::Approve) };
    let items = [item(&first, Verdict::Approve), blank];
    let request = BatchDecideRequest { request_id: new_id(), ..batch(items) };
    let once = outcomes(&ground.bea, request.clone()).await;
    assert_eq!(said(&once), ["APPROVED", "POLICY_DENIED"]);
    ground.world.advance(TimeDelta::minutes(1));
    let mut mended = request;
    mended.items[1].justification = "known work".to_owned();
    let twice = outcomes(&ground.bea, mended.clone()).await;
    assert_eq!(said(&twice), ["APPROVED", "APPROVED"], "a refusal leaves no claim on its id");
    assert_eq!(twice[0].as_ref().unwrap(), once[0].as_ref().unwrap());
    mended.items[0].justification = "why not".to_owned();
    let other = outcomes(&ground.bea, mended).await;
    assert_eq!(said(&other), ["REQUEST_ID_REUSED", "APPROVED"]);
}

#[tokio::test]
async fn a_dry_run_judges_each_item_and_decides_nothing() {
    let (ground, [first, second, third]) = three().await;
    let items = [
        item(&first, Verdict::Approve),
        Item { justification: String::new(), ..item(&second, Verdict::Deny) },
        item(&third, Verdict::Deny),
    ];
    let request_id = new_id();
    let dry = BatchDecideRequest { request_id, validate_only: true, ..batch(items) };
    let judged = outcomes(&ground.bea, dry.clone()).await;
    assert_eq!(said(&judged), ["APPROVED", "POLICY_DENIED", "DENIED"]);
    for approval in [&first, &second, &third] {
        assert_eq!(&ground.stored(approval).await, approval);
    }
    let code = "pim.call.refused".to_owned();
    let left = ground.org.log(EventFilter { code, ..EventFilter::default() }).await;
    assert_eq!(left, []);
    let real = BatchDecideRequest { validate_only: false, ..dry };
    assert_eq!(said(&outcomes(&ground.bea, real).await), said(&judged));
}

#[tokio::test]
async fn five_hundred_items_are_taken_and_no_more() {
    let (ground, [first, ..]) = three().await;
    let no_etag = Item { etag: String::new(), ..item(&first, Verdict::Approve) };
    let mut items = vec![no_etag; 499];
    items.push(item(&first, Verdict::Approve));
    let full = outcomes(&ground.bea, batch(items.clone())).await;
    let refused = full.iter().filter(|one| one.is_err()).count();
    assert_eq!((full.len(), refused), (500, 499));
    assert_eq!(full[499].as_ref().unwrap().state(), ApprovalState::Approved);
    items.push(item(&first, Verdict::Approve));
    assert_invalid(send(&ground.bea, batch(items)).await, "items");
    assert_invalid(send(&ground.bea, batch([])).await, "items");
}
