//! The log and the data.

use pim_proto::{
    activation::v1::ActivateRoleRequest,
    assignment::v1::{
        CreatePrincipalRequest, GetPrincipalRequest, ListGroupsRequest, ListPrincipalsRequest,
        ListRolesRequest, PrincipalKind,
    },
    audit::v1::{EventFilter, GetEventRequest, ListEventsRequest},
    r#type::v1::Ticket,
};
use pim_tests::{Organisation, Person, World, assert_invalid, assert_refused};
use tonic::Code;

use super::{wire::Wire, written};
use crate::descriptor::methods;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

#[tokio::test]
async fn t_50_there_is_no_call_by_which_the_log_is_cut_filtered_or_sent_elsewhere() {
    let audit = methods().into_iter().filter(|method| method.path.contains(".AuditService/"));
    let changing = audit.filter(|method| !method.reads()).map(|method| method.name);
    // What is erased is the words beside the log, by an entry of it.
    assert_eq!(changing.collect::<Vec<_>>(), ["ExportEvents", "EraseJustification"]);

    let world = World::start().await;
    let organisation = world.organisation().await;
    let before = organisation.log(EventFilter::default()).await;
    let wire = Wire::of(&world, &organisation.admin);
    let event = GetEventRequest { event_id: before[0].id.clone() };
    let wished = ["DeleteEvent", "DeleteEvents", "PurgeEvents", "UpdateEvent", "SetLogSink"];
    for method in wished {
        let path = format!("/pim.audit.v1.AuditService/{method}");
        let refused = wire.call::<_, ()>(&path, event.clone()).await;
        assert_refused(refused, Code::PermissionDenied, "NOT_PERMITTED");
    }
    let after = organisation.log(EventFilter::default()).await;
    assert_eq!(after[..before.len()], before);
}

#[tokio::test]
async fn t_56a_a_text_that_hides_something_is_refused_wherever_it_stands() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let before = written(&organisation).await;
    let because = |justification: &str| ActivateRoleRequest {
        justification: justification.to_owned(),
        ..Person::wish(ROLE, "/")
    };
    let marks = format!("e{}", "\u{301}".repeat(1_000_000));
    assert_refused(
        alice.activate(because(&marks)).await,
        Code::ResourceExhausted,
        "MESSAGE_TOO_LARGE",
    );
    let long = [
        "x".repeat(1_001),
        "\u{1f600}".repeat(1_000) + "x",
        format!("e{}", "\u{301}".repeat(1_001)),
        "\u{1d160}".repeat(1_000),
    ];
    let hiding = ["a\0b", "a\u{1}b", "a\r\nb", "a\u{1b}[31mb", "a\u{7f}b", "a\u{85}b"];
    let bidi = ["a\u{202e}b", "a\u{202a}b", "a\u{2066}b", "a\u{2069}b"];
    let short = hiding.into_iter().chain(bidi);
    for text in long.iter().map(String::as_str).chain(short.clone()) {
        assert_invalid(alice.activate(because(text)).await, "justification");
    }
    for text in short {
        let ticket = Some(Ticket { number: text.to_owned(), system: "desk".to_owned() });
        let wish = ActivateRoleRequest { ticket, ..because("to mend the mail") };
        assert_invalid(alice.activate(wish).await, "ticket.number");
        let request = CreatePrincipalRequest {
            kind: PrincipalKind::User.into(),
            issuer: Person::issuer().to_owned(),
            subject: "bob".to_owned(),
            display_name: text.to_owned(),
            ..CreatePrincipalRequest::default()
        };
        let refused = organisation.admin.client.directory().create_principal(request).await;
        assert_invalid(refused, "display_name");
    }
    assert_eq!(written(&organisation).await, before);
    // What is only unusual is kept byte for byte; in JSON it is no escape.
    let unusual = "\\u0000 <b>'\";--\n\tna\u{ef}ve \u{65}\u{301}";
    let made = alice.activate(because(unusual)).await.unwrap();
    assert_eq!(made.justification, unusual);
    assert_eq!(alice.activation(&made.id).await.unwrap().justification, unusual);
}

const INJECTIONS: [&str; 6] = [
    "' or '1'='1",
    "'; drop table event; --",
    "\\' or 1=1 --",
    "%",
    "_",
    "x') union select id from principal --",
];

#[tokio::test]
async fn t_56c_a_filter_is_a_value_and_no_part_of_a_query() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    organisation.group("crew").await;
    let before = organisation.log(EventFilter::default()).await;
    let admin = &organisation.admin.client;
    for text in INJECTIONS {
        let roles = ListRolesRequest {
            display_name_contains: text.to_owned(),
            ..ListRolesRequest::default()
        };
        let roles = admin.roles().list_roles(roles).await.unwrap().into_inner().roles;
        let people = ListPrincipalsRequest {
            text_contains: text.to_owned(),
            ..ListPrincipalsRequest::default()
        };
        let people = admin.directory().list_principals(people).await.unwrap().into_inner();
        let groups =
            ListGroupsRequest { text_contains: text.to_owned(), ..ListGroupsRequest::default() };
        let groups = admin.directory().list_groups(groups).await.unwrap().into_inner().groups;
        let found = (roles.len(), people.principals.len(), groups.len());
        assert_eq!(found, (0, 0, 0), "{text}");
        let by = EventFilter { actor_id: text.to_owned(), ..EventFilter::default() };
        assert_eq!(organisation.log(by).await, [], "{text}");
        // Where ids, scopes and codes are named, a text is none.
        let id = GetPrincipalRequest { principal_id: text.to_owned() };
        assert_invalid(admin.directory().get_principal(id).await, "principal_id");
        let filters = [
            (EventFilter { scope: text.to_owned(), ..Default::default() }, "filter.scope"),
            (EventFilter { code: text.to_owned(), ..Default::default() }, "filter.code"),
        ];
        for (filter, field) in filters {
            let request =
                ListEventsRequest { filter: Some(filter), ..ListEventsRequest::default() };
            assert_invalid(admin.audit().list_events(request).await, field);
        }
    }
    assert_eq!(organisation.log(EventFilter::default()).await, before);
}
