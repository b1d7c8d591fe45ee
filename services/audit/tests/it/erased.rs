//! `EraseJustification`: what somebody wrote is gone wherever it was, and the log proves what it
//! proved.

use pim_client::Client;
use pim_domain::justification::{Commitment, ERASED};
use pim_proto::{
    activation::v1::{ActivateRoleRequest, Activation},
    approval::v1::ApproveRequest,
    audit::v1::{EraseJustificationRequest, Event, EventFilter, ExportEventsRequest, ExportFormat},
};
use pim_tests::{Organisation, Person, World, assert_invalid, assert_refused, new_id};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use tonic::{Code, Status};

use crate::story::{Tail, begin, get, listed};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const ASKED: &str = "because of Eve's illness";
const DECIDED: &str = "Eve's doctor told me";

fn of(code: &str) -> EventFilter {
    EventFilter { code: code.to_owned(), ..EventFilter::default() }
}

async fn erase(caller: &Client, event: &str) -> Result<Event, Status> {
    let request = EraseJustificationRequest { event_id: event.to_owned(), ..Default::default() };
    Ok(caller.audit().erase_justification(request).await?.into_inner().event.unwrap())
}

/// The tables that have a text, as it is or in hexadecimal digits, in any row.
async fn tables_with(world: &World, text: &str) -> Vec<String> {
    let mut connection = world.database.connect().await;
    let names = "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE' order by table_name";
    let names = connection.fetch_all(names).await.unwrap();
    assert!(names.len() > 20);
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut found = Vec::new();
    for name in names {
        let name: String = name.get(0);
        let rows = format!("select t::text from {name} t");
        let rows = connection.fetch_all(AssertSqlSafe(rows)).await.unwrap();
        let has = |row: &str| row.contains(text) || row.contains(&digits);
        if rows.iter().any(|row| has(&row.get::<String, _>(0).replace("''", "'"))) {
            found.push(name);
        }
    }
    found
}

async fn exported(caller: &Client, format: ExportFormat) -> String {
    let request = ExportEventsRequest { format: format.into(), ..Default::default() };
    let mut stream = caller.audit().export_events(request).await.unwrap().into_inner();
    let mut data = Vec::new();
    while let Some(piece) = stream.message().await.unwrap() {
        data.extend(piece.data);
    }
    String::from_utf8(data).unwrap()
}

/// Alice has asked, and carol has agreed; each wrote why.
struct Story {
    world: World,
    organisation: Organisation,
    alice: Person,
    carol: Person,
    wish: ActivateRoleRequest,
    activation: String,
}

impl Story {
    async fn new() -> Self {
        let (world, organisation, alice) = begin().await;
        let carol = organisation.user(&world, "carol").await;
        organisation.require_approval(ROLE, &[&carol]).await;
        organisation.make_eligible(&alice, ROLE, "/").await;
        let wish = ActivateRoleRequest {
            justification: ASKED.to_owned(),
            request_id: new_id(),
            ..Person::wish(ROLE, "/")
        };
        let activation = alice.activate(wish.clone()).await.unwrap().id;
        Self { world, organisation, alice, carol, wish, activation }
    }

    async fn decide(&self) {
        let approval = &self.carol.inbox().await[0];
        let request = ApproveRequest {
            approval_id: approval.id.clone(),
            etag: approval.etag.clone(),
            justification: DECIDED.to_owned(),
            ..ApproveRequest::default()
        };
        self.carol.client.approvals().approve(request).await.unwrap();
    }

    fn admin(&self) -> &Client {
        &self.organisation.admin.client
    }

    async fn event(&self, code: &str) -> Event {
        listed(self.admin(), of(code)).await.unwrap().remove(0)
    }

    async fn again(&self) -> Activation {
        self.alice.activate(self.wish.clone()).await.unwrap()
    }

    /// Nothing of what was signed is missing or altered, and it leads to what is stored.
    async fn assert_sound(&self) {
        self.world.sign_log().await;
        for how in ["fsck", "replay"] {
            let examined = self.world.examine(&[how]).await;
            assert_eq!(examined.code, 0, "{examined:?}");
        }
    }
}

#[tokio::test]
async fn what_was_written_is_gone_from_every_table_and_every_answer() {
    let story = Story::new().await;
    let admin = story.admin();
    assert_eq!(story.carol.inbox().await[0].justification, ASKED);
    story.decide().await;
    story.assert_sound().await;
    for text in [ASKED, DECIDED] {
        assert_eq!(tables_with(&story.world, text).await, ["words"], "{text}");
    }
    let requested = story.event("pim.activation.requested").await;
    assert_eq!(requested.justification, ASKED);
    assert!(requested.changes.iter().any(|change| change.new_value.contains(ASKED)));
    assert_eq!(story.again().await.justification, ASKED);

    let shown = erase(admin, &requested.id).await.unwrap();
    assert_eq!(shown.justification, ERASED);
    assert!(!format!("{shown:?}").contains(ASKED));
    let told = story.event("pim.justification.erased").await;
    assert_eq!((&told.thing_id, &*told.thing_kind), (&requested.id, "event"));
    let approved = story.event("pim.approval.approved").await;
    assert_eq!(approved.justification, DECIDED);
    erase(admin, &approved.id).await.unwrap();

    for text in [ASKED, DECIDED] {
        assert_eq!(tables_with(&story.world, text).await, Vec::<String>::new(), "{text}");
    }
    assert_eq!(get(admin, &requested.id).await.unwrap(), shown);
    assert_eq!(story.alice.activation(&story.activation).await.unwrap().justification, ERASED);
    assert_eq!(story.again().await.justification, ERASED);
    for format in [ExportFormat::JsonLines, ExportFormat::CloudEvents, ExportFormat::Csv] {
        let file = exported(admin, format).await;
        assert!(!file.contains(ASKED) && !file.contains(DECIDED), "{format:?}");
    }
    // What goes on with the activation does not bring it back.
    story.alice.deactivate(&story.activation).await.unwrap();
    assert_eq!(tables_with(&story.world, ASKED).await, Vec::<String>::new());
    story.assert_sound().await;
}

#[tokio::test]
async fn who_waits_for_a_decision_is_shown_that_it_was_erased() {
    let story = Story::new().await;
    let (mut tail, _) = Tail::from_now(story.admin()).await;
    let requested = story.event("pim.activation.requested").await;
    erase(story.admin(), &requested.id).await.unwrap();
    assert_eq!(story.carol.inbox().await[0].justification, ERASED);
    let (heard, _) = tail.until(|event| event.code == "pim.justification.erased").await;
    assert_eq!(heard.len(), 1);
    // It can be decided all the same.
    story.decide().await;
    let activation = story.alice.activation(&story.activation).await.unwrap();
    assert_eq!(activation.justification, ERASED);
}

#[tokio::test]
async fn an_exporter_has_the_hashed_bytes_and_what_they_commit_to() {
    let story = Story::new().await;
    let file = exported(story.admin(), ExportFormat::JsonLines).await;
    assert!(exported(story.admin(), ExportFormat::CloudEvents).await.contains(ASKED));
    let lines = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = lines.into_iter().find(|line| line["justifications"][0]["text"] == ASKED).unwrap();
    let body: Value = serde_json::from_str(line["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["id"], &body["tenant"]), (&line["id"], &line["tenant_id"]));
    let said = &line["justifications"][0];
    assert_eq!(body["about"]["justification"]["commitment"], said["commitment"]);
    let digits = said["salt"].as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let salt: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
    let commitment = Commitment::to(&salt.try_into().unwrap(), ASKED);
    assert_eq!(said["commitment"], commitment.to_string());
}

#[tokio::test]
async fn it_is_done_once_and_only_by_who_may() {
    let story = Story::new().await;
    let requested = story.event("pim.activation.requested").await;
    let reader = story.organisation.user(&story.world, "rita").await;
    let global_reader = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
    story.organisation.assign(&reader, global_reader, "/").await.unwrap();
    // Who may only below the root may not: an entry is the whole tenant's.
    let below = story.organisation.user(&story.world, "bea").await;
    let unit = "/administrativeUnits/sales";
    story.organisation.assign(&below, Organisation::GLOBAL_ADMINISTRATOR, unit).await.unwrap();
    for nobody in [&story.alice, &reader, &below] {
        let refused = erase(&nobody.client, &requested.id).await;
        assert_refused(refused, Code::PermissionDenied, "NOT_PERMITTED");
    }
    assert_refused(erase(story.admin(), &new_id()).await, Code::NotFound, "NOT_FOUND");
    assert_invalid(erase(story.admin(), "x").await, "event_id");

    let mut audit = story.admin().audit();
    let wish = EraseJustificationRequest {
        event_id: requested.id.clone(),
        justification: "she asked for it".to_owned(),
        request_id: new_id(),
        validate_only: true,
    };
    let dry = audit.erase_justification(wish.clone()).await.unwrap().into_inner().event.unwrap();
    assert_eq!(dry.justification, ERASED);
    assert_eq!(get(story.admin(), &requested.id).await.unwrap().justification, ASKED);
    let wish = EraseJustificationRequest { validate_only: false, ..wish };
    for _ in 0..2 {
        audit.erase_justification(wish.clone()).await.unwrap();
    }
    erase(story.admin(), &requested.id).await.unwrap();
    let told = listed(story.admin(), of("pim.justification.erased")).await.unwrap();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.justification, "she asked for it");
    assert_eq!(told.actor.as_ref().unwrap().id, story.organisation.admin.id);
}
