//! `IssueRoleToken` and `GetRoleTokenKeys`: what readers of tokens see who have the keys and nothing
//! else.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{
    Algorithm, DecodingKey, TokenData, Validation, decode, decode_header, jwk::JwkSet,
};
use pim_access::{BY_SQL, SERVICE};
use pim_client::Client;
use pim_proto::access::v1::{
    GetRoleTokenKeysRequest, GetRoleTokenKeysResponse, IssueRoleTokenRequest,
    IssueRoleTokenResponse,
};
use pim_tests::{
    Copied, Organisation, Person, World, assert_invalid, assert_refused, duration, metadata,
    timestamp,
};
use serde_json::Value;
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::ask::{CONTRIBUTOR, ROOT, SUBSCRIPTION, USER_ADMINISTRATOR, assign, begin, hours, tick};

const READER: &str = "https://reader.example";
const GROUP: &str = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11/resourceGroups/web";

fn wish() -> IssueRoleTokenRequest {
    IssueRoleTokenRequest { audience: READER.to_owned(), ..IssueRoleTokenRequest::default() }
}

fn seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

async fn issue(
    client: &Client,
    wish: IssueRoleTokenRequest,
) -> Result<Response<IssueRoleTokenResponse>, Status> {
    client.access().issue_role_token(wish).await
}

async fn issued(person: &Person, wish: IssueRoleTokenRequest) -> IssueRoleTokenResponse {
    issue(&person.client, wish).await.unwrap().into_inner()
}

async fn keys(client: &Client) -> Result<GetRoleTokenKeysResponse, Status> {
    let answer = client.access().get_role_token_keys(GetRoleTokenKeysRequest {}).await?;
    Ok(answer.into_inner())
}

/// What a reader checks who calls itself `audience`.
fn validation(audience: &str, keys: &GetRoleTokenKeysResponse) -> Validation {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.set_audience(&[audience]);
    validation.set_issuer(&[&keys.issuer]);
    validation
}

fn read(
    token: &str,
    keys: &GetRoleTokenKeysResponse,
    validation: &Validation,
) -> Result<TokenData<Value>, jsonwebtoken::errors::Error> {
    let kid = decode_header(token)?.kid.unwrap();
    let set: JwkSet = serde_json::from_str(&keys.jwks).unwrap();
    decode(token, &DecodingKey::from_jwk(set.find(&kid).unwrap())?, validation)
}

/// What a token says, its times aside: the clock of these tests is not the reader's.
async fn said(person: &Person, answer: &IssueRoleTokenResponse) -> Value {
    let keys = keys(&person.client).await.unwrap();
    let mut validation = validation(READER, &keys);
    (validation.validate_exp, validation.validate_nbf) = (false, false);
    let claims = read(&answer.token, &keys, &validation).unwrap().claims;
    let end = DateTime::from_timestamp(claims["exp"].as_i64().unwrap(), 0).unwrap();
    assert_eq!(answer.expire_time, Some(timestamp(end)));
    claims
}

fn roles(claims: &Value) -> BTreeSet<(&str, &str)> {
    let roles = claims["roles"].as_array().unwrap().iter();
    roles.map(|one| (one["role_id"].as_str().unwrap(), one["scope"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_token_is_verified_by_the_published_keys_by_whom_it_is_for() {
    let world = World::start_in_real_time().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let answer = issued(&alice, wish()).await;
    let keys = keys(&alice.client).await.unwrap();
    assert_eq!((&keys.key_id, keys.max_age), (&answer.key_id, Some(duration(seconds(300)))));

    let header = decode_header(&answer.token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("pim-role+jwt"), Algorithm::ES256));
    assert_eq!(header.kid.as_ref(), Some(&answer.key_id));
    let good = validation(READER, &keys);
    let claims = read(&answer.token, &keys, &good).unwrap().claims;
    assert_eq!(claims["sub"], alice.id);
    assert_eq!(claims["tid"], organisation.tenant.to_string());
    assert_eq!(roles(&claims), BTreeSet::from([(CONTRIBUTOR, SUBSCRIPTION)]));
    let whole_life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(whole_life, 300);

    let of_another = validation("https://another.example", &keys);
    read(&answer.token, &keys, &of_another).unwrap_err();
    let mut changed = answer.token.clone();
    let place = changed.find('.').unwrap() + 10;
    let other = if changed.as_bytes()[place] == b'A' { "B" } else { "A" };
    changed.replace_range(place..=place, other);
    read(&changed, &keys, &good).unwrap_err();
    let again = issued(&alice, wish()).await.token;
    assert_ne!(read(&again, &keys, &good).unwrap().claims["jti"], claims["jti"]);
}

#[tokio::test]
async fn a_role_token_is_no_credential_here() {
    let (world, _organisation, alice) = begin().await;
    let token =
        issued(&alice, IssueRoleTokenRequest { audience: "pim".to_owned(), ..wish() }).await;
    let refused = keys(&world.client_with(Some(&token.token))).await;
    assert_refused(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
}

#[tokio::test]
async fn a_token_ends_no_later_than_the_first_thing_that_it_says() {
    let (world, organisation, alice) = begin().await;
    let end = world.now() + seconds(1_000) - tick();
    assign(&organisation, &alice, (CONTRIBUTOR, SUBSCRIPTION), None, end).await;
    organisation.assign(&alice, USER_ADMINISTRATOR, ROOT).await.unwrap();
    world.advance(seconds(900));
    let token = issued(&alice, wish()).await;
    assert_eq!(token.expire_time, Some(timestamp(end + tick() - seconds(1))));
    let short = IssueRoleTokenRequest { lifetime: Some(duration(seconds(5))), ..wish() };
    let token = issued(&alice, short).await;
    assert_eq!(token.expire_time, Some(timestamp(world.now() + seconds(5))));

    world.advance(seconds(98));
    let token = issued(&alice, wish()).await;
    assert_eq!(token.expire_time, Some(timestamp(world.now() + seconds(1))));
    for wait in [tick(), seconds(2) - tick() * 3] {
        world.advance(wait);
        let refused = issue(&alice.client, wish()).await;
        assert_refused(refused, Code::Unavailable, "TRY_AGAIN");
    }
    world.advance(tick());
    let claims = said(&alice, &issued(&alice, wish()).await).await;
    assert_eq!(roles(&claims), BTreeSet::from([(USER_ADMINISTRATOR, ROOT)]));
    assert_eq!(claims["exp"].as_i64().unwrap(), (world.now() + seconds(300)).timestamp());
}

#[tokio::test]
async fn what_was_revoked_is_in_no_token_after_that() {
    let (mut world, organisation, alice) = begin().await;
    let peers = world.url.clone();
    for (service, remembers) in [(SERVICE, true), (BY_SQL, false)] {
        world.call_alone(service, &peers).await;
        let there = alice.again(&world);
        let mut sources = BTreeSet::new();
        for _ in 0..20 {
            let granted = organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
            let with = issue(&there.client, wish()).await.unwrap();
            let source = with.metadata().get("pim-source").unwrap().to_str().unwrap();
            sources.insert(source.to_owned());
            let with = said(&there, &with.into_inner()).await;
            assert_eq!(roles(&with), BTreeSet::from([(CONTRIBUTOR, SUBSCRIPTION)]));
            organisation.admin.remove(&granted).await.unwrap();
            let without = said(&there, &issued(&there, wish()).await).await;
            assert_eq!(roles(&without), BTreeSet::new());
        }
        assert_eq!(sources.contains("memory"), remembers, "{sources:?}");
    }
}

#[tokio::test]
async fn a_token_for_a_scope_has_what_holds_there_and_says_so() {
    let (_world, organisation, alice) = begin().await;
    let team = organisation.group("team").await;
    organisation.admin.add_member(&alice.id, &team).await.unwrap();
    organisation.admin.assign_to(&team.id, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    organisation.assign(&alice, Organisation::OWNER, GROUP).await.unwrap();
    let at = async |scope: &str| {
        said(
            &alice,
            &issued(&alice, IssueRoleTokenRequest { scope: scope.to_owned(), ..wish() }).await,
        )
        .await
    };
    let here = at(SUBSCRIPTION).await;
    assert_eq!(here["held_at"], SUBSCRIPTION);
    assert_eq!(roles(&here), BTreeSet::from([(CONTRIBUTOR, SUBSCRIPTION)]));
    assert_eq!(here["roles"][0]["group_id"], team.id);
    let below = at(GROUP).await;
    let both = [(CONTRIBUTOR, SUBSCRIPTION), (Organisation::OWNER, GROUP)];
    assert_eq!(roles(&below), BTreeSet::from(both));
    let all = at("").await;
    assert_eq!((roles(&all).len(), all.get("held_at")), (3, None), "the membership is one as well");
}

#[tokio::test]
async fn more_than_a_token_has_room_for_is_refused_and_not_cut() {
    let (world, organisation, alice) = begin().await;
    let like = organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let person: Uuid = alice.id.parse().unwrap();
    let copied = |number: u128, length: usize| Copied {
        id: Uuid::from_u128(number),
        principal: person,
        role: CONTRIBUTOR.parse().unwrap(),
        scope: format!("/subscriptions/{}/{number}", "x".repeat(length)).parse().unwrap(),
    };
    world.copy_assignment(&like, (1..=200).map(|number| copied(number, 1))).await;
    let refused = issue(&alice.client, wish()).await;
    let refused = assert_refused(refused, Code::FailedPrecondition, "TOKEN_TOO_LARGE");
    assert!(refused.message().contains("201") && refused.message().contains("200"));
    assert_eq!(
        (metadata(&refused, "held"), metadata(&refused, "limit")),
        ("201".into(), "200".into())
    );
    let narrow = IssueRoleTokenRequest { scope: SUBSCRIPTION.to_owned(), ..wish() };
    assert_eq!(roles(&said(&alice, &issued(&alice, narrow).await).await).len(), 1);
    organisation.admin.remove(&like).await.unwrap();
    assert_eq!(roles(&said(&alice, &issued(&alice, wish()).await).await).len(), 200);
    // Fewer, at very long scopes.
    let bob = organisation.user(&world, "bob").await;
    let like = organisation.assign(&bob, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let long = (1_001..1_060)
        .map(|number| Copied { principal: bob.id.parse().unwrap(), ..copied(number, 1_000) });
    world.copy_assignment(&like, long).await;
    let url = world.url.clone();
    let mut world = world;
    world.call_alone(BY_SQL, &url).await;
    let refused = issue(&bob.again(&world).client, wish()).await;
    let refused = assert_refused(refused, Code::FailedPrecondition, "TOKEN_TOO_LARGE");
    assert!(refused.message().contains("65536"), "{}", refused.message());
}

#[tokio::test]
async fn a_malformed_wish_is_answered_with_the_field() {
    let (_world, _organisation, alice) = begin().await;
    let refused = async |wish, field| assert_invalid(issue(&alice.client, wish).await, field);
    for audience in ["", "  ", "two\nlines", "a\0b", "a\u{202e}b", &"x".repeat(257)] {
        let audience = audience.to_owned();
        refused(IssueRoleTokenRequest { audience, ..wish() }, "audience").await;
    }
    for scope in ["subscriptions/1", "/subscriptions/../1", "/planets/mars"] {
        let scope = scope.to_owned();
        refused(IssueRoleTokenRequest { scope, ..wish() }, "scope").await;
    }
    let too_short = seconds(5) - tick();
    let too_long = seconds(300) + tick();
    for lifetime in [seconds(-1), seconds(0), tick(), too_short, too_long, hours(24)] {
        let lifetime = Some(duration(lifetime));
        refused(IssueRoleTokenRequest { lifetime, ..wish() }, "lifetime").await;
    }
}

#[tokio::test]
async fn without_a_key_the_service_says_so() {
    let (mut world, _organisation, alice) = begin().await;
    world.system.role_tokens = None;
    let url = world.url.clone();
    world.call_alone(SERVICE, &url).await;
    let client = alice.again(&world).client;
    let refused = issue(&client, wish()).await;
    assert_refused(refused, Code::FailedPrecondition, "NOT_CONFIGURED");
    assert_refused(keys(&client).await, Code::FailedPrecondition, "NOT_CONFIGURED");
    // What is malformed is told in any case.
    assert_invalid(issue(&client, IssueRoleTokenRequest::default()).await, "audience");
}
