//! What crashes leave behind, and that the next start puts it right.

use std::fs;
use std::path::Path;

use pim_embedded::Cluster;
use rustix::process::Signal;

use crate::support::{Holder, folder, query, signal, until};

#[test]
fn a_killed_program_takes_its_cluster_with_it() {
    let folder = folder();
    let mut holder = Holder::start(folder.path().to_str().unwrap());
    query(&holder.socket_dir, "create table kept as select 42 as n");
    holder.kill();
    until("the socket directory to go", || !holder.socket_dir.exists());
    let log = fs::read_to_string(folder.path().join("postgres.log")).unwrap();
    assert!(log.contains("database system is shut down"), "{log}");

    let cluster = Cluster::open(folder.path()).unwrap();
    assert_eq!(query(cluster.socket_dir(), "select n from kept"), ["42"]);
    let log = fs::read_to_string(folder.path().join("postgres.log")).unwrap();
    assert!(!log.contains("not properly shut down"), "{log}");
}

#[test]
fn a_killed_program_leaves_nothing_of_a_throwaway_cluster() {
    let mut holder = Holder::start("throwaway");
    assert!(holder.socket_dir.join("data").exists());
    holder.kill();
    until("the directory to go", || !holder.socket_dir.exists());
}

#[test]
fn the_next_start_need_not_wait_for_the_last_end() {
    let folder = folder();
    let mut holder = Holder::start(folder.path().to_str().unwrap());
    query(&holder.socket_dir, "create table kept as select 42 as n");
    holder.kill();
    // Its postmaster is still shutting down.
    let cluster = Cluster::open(folder.path()).unwrap();
    assert_eq!(query(cluster.socket_dir(), "select n from kept"), ["42"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_postmaster_without_a_guard_is_stopped_with_its_program() {
    let folder = folder();
    let mut holder = Holder::start(folder.path().to_str().unwrap());
    signal(parent(holder.postmaster), Signal::KILL);
    let pid_file = folder.path().join("postgres/postmaster.pid");
    assert_eq!(query(&holder.socket_dir, "select 1"), ["1"]);
    holder.kill();
    until("the postmaster to go", || !pid_file.exists());
    until("the socket directory to go", || !holder.socket_dir.exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminals_signals_do_not_end_the_guard() {
    let mut holder = Holder::start("throwaway");
    let guard = parent(holder.postmaster);
    for pid in children(guard).into_iter().filter(|pid| *pid != holder.postmaster).chain([guard]) {
        for number in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
            signal(pid, number);
        }
    }
    assert_eq!(query(&holder.socket_dir, "select 1"), ["1"]);
    holder.kill();
    until("the directory to go", || !holder.socket_dir.exists());
}

#[test]
#[cfg(target_os = "linux")]
fn an_orphaned_postmaster_is_stopped_by_the_next_start() {
    let folder = folder();
    let mut holder = Holder::start(folder.path().to_str().unwrap());
    query(&holder.socket_dir, "create table kept as select 42 as n");
    let guard = parent(holder.postmaster);
    let watcher = children(guard).into_iter().find(|pid| *pid != holder.postmaster).unwrap();
    signal(guard, Signal::KILL);
    signal(watcher, Signal::KILL);
    holder.kill();
    assert_eq!(query(&holder.socket_dir, "select n from kept"), ["42"], "it is an orphan");

    let cluster = Cluster::open(folder.path()).unwrap();
    assert_ne!(cluster.pid(), holder.postmaster);
    assert_eq!(query(cluster.socket_dir(), "select n from kept"), ["42"]);
    until("the orphan to go", || !postmaster(holder.postmaster));
    fs::remove_dir_all(&holder.socket_dir).unwrap();
}

#[test]
fn a_killed_postmaster_is_replaced() {
    let folder = folder();
    let cluster = Cluster::open(folder.path()).unwrap();
    query(cluster.socket_dir(), "create table kept as select 42 as n");
    signal(cluster.pid(), Signal::KILL);
    drop(cluster);
    let cluster = Cluster::open(folder.path()).unwrap();
    assert_eq!(query(cluster.socket_dir(), "select n from kept"), ["42"]);
}

#[test]
fn a_killed_postmaster_may_leave_a_busy_child() {
    let folder = folder();
    let cluster = Cluster::open(folder.path()).unwrap();
    let socket_dir = cluster.socket_dir().to_owned();
    // It never waits, so it notices nothing for a second or two. Its answer has no reader.
    let busy = "select count(*) from generate_series(1, 8000000)";
    let busy = std::thread::spawn(move || query(&socket_dir, busy));
    let count = "select count(*) from pg_stat_activity where query like '%(1, 8000000)' \
                 and state = 'active'";
    until("the query to run", || query(cluster.socket_dir(), count) == ["1"]);
    signal(cluster.pid(), Signal::KILL);
    drop(cluster);
    let cluster = Cluster::open(folder.path()).unwrap();
    assert_eq!(query(cluster.socket_dir(), "select 1"), ["1"]);
    drop(busy.join());
}

#[test]
fn a_stale_pid_file_is_no_obstacle() {
    let folder = folder();
    Cluster::open(folder.path()).unwrap().stop().unwrap();
    let pid_file = folder.path().join("postgres/postmaster.pid");
    // The number of a live process of the same account, then one that no process has.
    let other = Cluster::throwaway().unwrap();
    for pid in [other.pid(), 0x7fff_fff0] {
        let data = folder.path().join("postgres");
        let stale = format!("{pid}\n{}\n1\n5432\n/tmp/gone\n\n1 1\nready   \n", data.display());
        fs::write(&pid_file, stale).unwrap();
        let cluster = Cluster::open(folder.path()).unwrap();
        assert_ne!(cluster.pid(), pid);
        assert_eq!(query(cluster.socket_dir(), "select 1"), ["1"]);
        cluster.stop().unwrap();
    }
}

#[test]
fn data_half_made_is_made_again() {
    let folder = folder();
    let half = folder.path().join(".new-killed/data/base");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("1"), "half").unwrap();
    let cluster = Cluster::open(folder.path()).unwrap();
    assert!(!folder.path().join(".new-killed").exists());
    assert_eq!(query(cluster.socket_dir(), "select 1"), ["1"]);
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["pim.lock", "postgres", "postgres.log"]);
}

/// Is this process a postmaster still? A dead one may be kept as a zombie by its new parent.
fn postmaster(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.ends_with(Path::new("postgres")))
}

fn parent(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}
