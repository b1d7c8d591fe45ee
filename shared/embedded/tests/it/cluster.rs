//! A cluster's ordinary life, and the refusals.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use pim_embedded::{Cluster, EmbeddedError, find_or_install};

use crate::support::{Holder, folder, query};

#[test]
fn what_is_written_is_there_at_the_next_start() {
    let folder = folder();
    let data = folder.path().join("data");

    let cluster = Cluster::open(&data).unwrap();
    query(cluster.socket_dir(), "create table kept (n int)");
    query(cluster.socket_dir(), "insert into kept values (41), (42)");
    let (first_pid, socket_dir) = (cluster.pid(), cluster.socket_dir().to_owned());
    cluster.stop().unwrap();
    assert!(!data.join("postgres/postmaster.pid").exists());
    assert!(!socket_dir.exists());

    let cluster = Cluster::open(&data).unwrap();
    assert_ne!(cluster.pid(), first_pid);
    assert_eq!(query(cluster.socket_dir(), "select n from kept order by n"), ["41", "42"]);
    for (setting, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("max_connections", "200"),
        ("TimeZone", "UTC"),
        ("server_encoding", "UTF8"),
    ] {
        assert_eq!(query(cluster.socket_dir(), &format!("show {setting}")), [value], "{setting}");
    }
    drop(cluster);
    assert!(!data.join("postgres/postmaster.pid").exists());
}

#[test]
fn a_throwaway_cluster_leaves_nothing() {
    let cluster = Cluster::throwaway().unwrap();
    let dir = cluster.socket_dir().to_owned();
    query(&dir, "create extension btree_gist");
    assert_eq!(query(&dir, "show fsync"), ["off"]);
    assert_eq!(query(&dir, "select lower('\u{c4}')"), ["\u{e4}"]);
    cluster.stop().unwrap();
    assert!(!dir.exists());
}

#[test]
fn the_socket_is_for_the_account_alone() {
    let cluster = Cluster::throwaway().unwrap();
    let socket_dir = fs::metadata(cluster.socket_dir()).unwrap();
    assert_eq!(socket_dir.mode() & 0o777, 0o700);
    let data = fs::metadata(cluster.socket_dir().join("data")).unwrap();
    assert_eq!(socket_dir.uid(), data.uid());
    let path = cluster.socket_dir().join(".s.PGSQL.5432");
    assert!(path.as_os_str().len() < 104, "{}", path.display());
}

#[test]
fn the_url_escapes_what_urls_cannot_hold() {
    let cluster = Cluster::throwaway().unwrap();
    let host = cluster.socket_dir().to_str().unwrap().replace('/', "%2F");
    assert_eq!(
        cluster.database_url("a b/\u{e4}"),
        format!("postgres://pim@localhost/a%20b%2F%C3%A4?host={host}")
    );
}

#[test]
fn a_folder_in_use_names_its_owner() {
    let folder = folder();
    let holder = Holder::start(folder.path().to_str().unwrap());
    let refusal = Cluster::open(folder.path()).unwrap_err();
    let EmbeddedError::InUse { data, pid } = &refusal else { panic!("{refusal}") };
    assert_eq!((data.as_path(), *pid), (folder.path(), Some(holder.process.id())));
    assert_eq!(query(&holder.socket_dir, "select 1"), ["1"], "the owner is left in peace");
}

#[test]
fn one_program_cannot_open_a_folder_twice() {
    let folder = folder();
    let _cluster = Cluster::open(folder.path()).unwrap();
    let refusal = Cluster::open(folder.path()).unwrap_err().to_string();
    assert!(refusal.contains(&format!("in use by process {}", std::process::id())), "{refusal}");
}

#[test]
fn a_failed_start_shows_the_log() {
    let folder = folder();
    Cluster::open(folder.path()).unwrap().stop().unwrap();
    let conf = folder.path().join("postgres/postgresql.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, format!("{text}\nno_such_setting = 1\n")).unwrap();

    let refusal = Cluster::open(folder.path()).unwrap_err();
    assert!(matches!(refusal, EmbeddedError::Start { .. }));
    assert!(refusal.to_string().contains("no_such_setting"), "{refusal}");

    fs::write(&conf, text).unwrap();
    Cluster::open(folder.path()).unwrap().stop().unwrap();
}

#[test]
fn data_of_a_version_that_is_not_here_is_refused() {
    let folder = folder();
    Cluster::open(folder.path()).unwrap().stop().unwrap();
    fs::write(folder.path().join("postgres/PG_VERSION"), "14\n").unwrap();
    let refusal = Cluster::open(folder.path()).unwrap_err();
    assert!(matches!(refusal, EmbeddedError::MajorMissing { major: 14, .. }), "{refusal}");
}

#[test]
fn a_directory_of_something_else_is_refused() {
    let folder = folder();
    fs::create_dir(folder.path().join("postgres")).unwrap();
    let refusal = Cluster::open(folder.path()).unwrap_err();
    assert!(matches!(refusal, EmbeddedError::NotACluster { .. }), "{refusal}");
}

#[test]
fn root_is_told_which_directory_bars_the_way() {
    let folder = folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let opened = Cluster::open(&closed.join("deep/data"));
    if rustix::process::geteuid().is_root() {
        let refusal = opened.unwrap_err();
        let EmbeddedError::Unreachable { blocking, .. } = &refusal else { panic!("{refusal}") };
        assert_eq!(*blocking, closed);
    } else {
        // An ordinary user runs Postgres as itself, and enters what it owns.
        opened.unwrap().stop().unwrap();
    }
}

#[test]
fn programs_are_found_or_installed() {
    let binaries = find_or_install().unwrap();
    assert!(binaries.major() >= 15);
    assert!(binaries.dir().join("initdb").is_file());
}
