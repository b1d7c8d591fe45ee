//! The development issuer makes one key, keeps it to itself, and its tokens are accepted.

use std::{fs, os::unix::fs::PermissionsExt as _};

use chrono::TimeDelta;
use pim_chassis::auth::{
    DEVELOPMENT_OPERATORS, DEVELOPMENT_PRINCIPALS, DEVELOPMENT_SERVICES, DevelopmentIssuer, Grant,
    Identity,
};

use pim_domain::condition::Signals;

use crate::idp::{TENANT, at};

#[test]
fn its_tokens_are_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = DevelopmentIssuer::load_or_create(directory.path()).unwrap();
    let issuers = issuer.issuers().unwrap();
    let identify = |grant: &Grant| {
        let token = issuer.mint(grant, at(0), TimeDelta::minutes(5)).unwrap();
        assert!(issuers.verify(&token, at(300)).is_err(), "it outlives its lifetime");
        Identity::clone(&issuers.verify(&token, at(299)).unwrap())
    };

    let known = Signals {
        device_compliant: Some(true),
        device_managed: Some(false),
        country: Some("SE".to_owned()),
        risk: Some("low".to_owned()),
        ..Signals::default()
    };
    let alice = Grant::Principal {
        tenant: TENANT.parse().unwrap(),
        subject: "alice".to_owned(),
        amr: vec!["pwd".to_owned(), "mfa".to_owned()],
        acr: Some("urn:example:strong".to_owned()),
        acrs: Vec::new(),
        auth_time: Some(at(-30)),
        signals: known.clone(),
    };
    let Identity::Principal(principal) = identify(&alice) else { panic!("not a principal") };
    assert_eq!(principal.tenant.to_string(), TENANT);
    assert_eq!(principal.issuer, DEVELOPMENT_PRINCIPALS);
    assert_eq!(principal.claims.amr, ["pwd", "mfa"]);
    assert_eq!(principal.claims.acr.as_deref(), Some("urn:example:strong"));
    assert_eq!(principal.claims.auth_time, Some(at(-30)));
    let acr = principal.claims.acr.clone();
    assert_eq!(*principal.claims.signals, Signals { acr, ..known });

    let name = "scheduler".to_owned();
    let Identity::Service(service) = identify(&Grant::Service { name: name.clone() }) else {
        panic!("not a service")
    };
    assert_eq!((service.name, service.issuer), (name, DEVELOPMENT_SERVICES.to_owned()));

    let subject = "root".to_owned();
    let grant = Grant::Operator { subject: subject.clone() };
    let Identity::Operator(operator) = identify(&grant) else { panic!("not an operator") };
    assert_eq!((operator.subject, operator.issuer), (subject, DEVELOPMENT_OPERATORS.to_owned()));
    assert_eq!(operator.claims.expire_time, principal.claims.expire_time);
}

#[test]
fn an_unknown_service_is_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = DevelopmentIssuer::load_or_create(directory.path()).unwrap();
    let grant = Grant::Service { name: "root".to_owned() };
    let token = issuer.mint(&grant, at(0), TimeDelta::minutes(5)).unwrap();
    assert!(issuer.issuers().unwrap().verify(&token, at(1)).is_err());
}

#[test]
fn the_key_is_made_once_and_kept_private() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("state");
    let keys: Vec<String> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| DevelopmentIssuer::load_or_create(&directory).unwrap()))
            .collect();
        starts.into_iter().map(|start| start.join().unwrap().issuers_json().to_string()).collect()
    });
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "two processes made two keys");

    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 1, "a draft was left behind");
    let path = files[0].path();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = DevelopmentIssuer::load_or_create(&directory).unwrap_err();
    assert!(error.to_string().contains("0600"), "{error}");
}
