//! Who may depend on whom.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use super::assert_clean;

/// What a crate may depend on.
struct Row {
    name: &'static str,
    /// Crates of ours.
    may: &'static [&'static str],
    /// Crates of ours that its tests may use beside those.
    tests_may: &'static [&'static str],
    /// Families of other crates that it may not use: `tonic` is also `tonic-types`.
    never: &'static [&'static str],
}

/// Those that read conditions or judge by them. Not the rules, which are handed what decides: the
/// language is 90 crates, and everything else would wait for them.
const DECIDING: &[&str] =
    &["pim-chassis", "pim-client", "pim-conditions", "pim-domain", "pim-proto", "pim-store"];
const SERVICE: &[&str] = &["pim-chassis", "pim-client", "pim-domain", "pim-proto", "pim-store"];
const CHASSIS: &[&str] = &["pim-client", "pim-domain", "pim-proto", "pim-store"];
const ALL: &[&str] = &[
    "pim",
    "pim-access",
    "pim-activation",
    "pim-approval",
    "pim-assignment",
    "pim-audit",
    "pim-chassis",
    "pim-client",
    "pim-conditions",
    "pim-domain",
    "pim-embedded",
    "pim-proto",
    "pim-scheduler",
    "pim-store",
];
const WORLD: &[&str] = &["pim-tests"];
const PURE: &[&str] = &["prost", "sqlx", "tokio", "tonic", "tower", "tracing"];
const PURE_AND_SMALL: &[&str] = &["cedar", "prost", "sqlx", "tokio", "tonic", "tower", "tracing"];

/// An arrow that is not here does not exist. The rules know neither wire nor database, the wire
/// and the database do not know each other, and a service reaches another only by gRPC.
const PICTURE: [Row; 15] = [
    row("pim-domain", &[], &[], PURE_AND_SMALL),
    row("pim-conditions", &["pim-domain"], &[], PURE),
    row("pim-proto", &["pim-domain"], &[], &["sqlx", "tokio"]),
    row("pim-store", &["pim-domain"], WORLD, &["prost", "tonic"]),
    row("pim-client", &["pim-proto"], &[], &["sqlx"]),
    row("pim-chassis", CHASSIS, &[], &["sqlx"]),
    row("pim-embedded", &[], &[], &["prost", "sqlx", "tonic"]),
    row("pim-assignment", DECIDING, WORLD, &["sqlx"]),
    row("pim-activation", DECIDING, WORLD, &["sqlx"]),
    row("pim-approval", SERVICE, WORLD, &["sqlx"]),
    row("pim-audit", SERVICE, WORLD, &["sqlx"]),
    row("pim-scheduler", SERVICE, WORLD, &["sqlx"]),
    row("pim-access", SERVICE, WORLD, &["sqlx"]),
    row("pim", ALL, WORLD, &["sqlx"]),
    row("pim-tests", ALL, &[], &[]),
];

const fn row(
    name: &'static str,
    may: &'static [&'static str],
    tests_may: &'static [&'static str],
    never: &'static [&'static str],
) -> Row {
    Row { name, may, tests_may, never }
}

/// One dependency, as its manifest declares it.
struct Dependency {
    name: String,
    for_tests: bool,
}

impl Row {
    /// What is wrong with that dependency of this crate.
    fn judge(&self, dependency: &Dependency) -> Option<String> {
        let Dependency { name, for_tests } = dependency;
        let name = name.as_str();
        let in_family = |family: &&&str| {
            name.strip_prefix(**family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        if name == "pim" || name.starts_with("pim-") {
            let allowed = name == self.name
                || self.may.contains(&name)
                || (*for_tests && self.tests_may.contains(&name));
            (!allowed).then(|| format!("{} may not depend on {name}", self.name))
        } else if *for_tests {
            None
        } else {
            let family = self.never.iter().find(in_family)?;
            Some(format!("{} may not use {name} ({family} has no place in it)", self.name))
        }
    }
}

/// Each crate's manifest and dependencies, by its name.
fn workspace() -> BTreeMap<String, (String, Vec<Dependency>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(super::files::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let dependencies = dependencies.map(|dependency| Dependency {
                name: text(&dependency["name"]),
                for_tests: dependency["kind"] == "dev",
            });
            let manifest = text(&package["manifest_path"]);
            (text(&package["name"]), (manifest, dependencies.collect()))
        })
        .collect()
}

/// The line of the manifest that names the crate, for whoever has to mend it.
fn line_of(manifest: &str, name: &str) -> usize {
    let text = std::fs::read_to_string(manifest).unwrap();
    text.lines().position(|line| line.starts_with(name)).map_or(1, |index| index + 1)
}

#[test]
fn the_crates_depend_on_each_other_as_drawn() {
    let workspace = workspace();
    let root = format!("{}/", super::files::root().display());
    let mut findings = Vec::new();
    for row in &PICTURE {
        let Some((manifest, dependencies)) = workspace.get(row.name) else {
            findings.push(format!("Cargo.toml:1: there is no crate {}", row.name));
            continue;
        };
        for dependency in dependencies {
            if let Some(problem) = row.judge(dependency) {
                let path = manifest.strip_prefix(&root).unwrap_or(manifest);
                findings.push(super::at(path, line_of(manifest, &dependency.name), &problem));
            }
        }
    }
    for name in workspace.keys().filter(|name| PICTURE.iter().all(|row| row.name != **name)) {
        findings.push(format!("Cargo.toml:1: the picture does not say what {name} may depend on"));
    }
    assert_clean(&findings);
}

#[test]
fn a_wrong_dependency_is_found() {
    let judge = |crate_name: &str, name: &str, for_tests| {
        let row = PICTURE.iter().find(|row| row.name == crate_name).unwrap();
        row.judge(&Dependency { name: name.to_owned(), for_tests })
    };
    let (ordinary, for_tests) = (false, true);
    assert!(judge("pim-domain", "pim-proto", ordinary).is_some());
    assert!(judge("pim-domain", "tokio-util", ordinary).is_some());
    assert!(judge("pim-domain", "cedar-policy", ordinary).is_some());
    assert!(judge("pim-domain", "proptest", for_tests).is_none());
    assert!(judge("pim-audit", "pim-access", for_tests).is_some());
    assert!(judge("pim-store", "pim-tests", ordinary).is_some());
    assert!(judge("pim-store", "pim-tests", for_tests).is_none());
    assert!(judge("pim-store", "tokio", ordinary).is_none());
}
