// SPDX-License-Identifier: GPL-2.0-or-later

//! A cluster whose operator follows the reference to the letter: the section on `[locate]` sets up `PostgreSQL`.

use std::path::Path;

use engine_process::Postgres;

use super::lab::{Lab, clustering};
use super::mock_only::SECOND;

const REFERENCE: &str = include_str!("../../../docs/configuration.md");

/// The only host in the reference that isn't the test's own.
const HOST: &str = "host=db.example.net";

/// The blocks of code of a language in the steps, without their indentation.
fn blocks(language: &str) -> Vec<String> {
    let (_, section) = REFERENCE.split_once("\n## [locate]\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let fence = format!("   ```{language}\n");
    let blocks = section.split(&fence).skip(1);
    blocks
        .map(|text| {
            let (code, _) = text.split_once("   ```\n").unwrap();
            code.lines()
                .map(|line| line.trim_start().to_owned() + "\n")
                .collect()
        })
        .collect()
}

/// Creates user, database and table.
fn create(server: &Postgres) {
    let scripts = blocks("sh");
    let [script] = &scripts[..] else {
        panic!("{scripts:?}");
    };
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf");
    server.script(script, &files);
}

/// The account, the settings that name it, and the command that tries it.
fn texts() -> [String; 3] {
    <[String; 3]>::try_from(blocks("text")).unwrap()
}

/// The account, and the settings that name it.
fn files(server: &Postgres) -> [String; 2] {
    let [account, locate, _] = texts();
    assert!(account.contains(HOST), "{account}");
    let host = format!("host={}", server.host().display());
    let locate = locate.strip_prefix("[locate]\n").unwrap().to_owned();
    [account.replace(HOST, &host), clustering(SECOND, &locate)]
}

/// The line of `clustering where` about the database.
fn said_of_database(lab: &Lab) -> String {
    let [.., command] = texts();
    let answer = lab.nodes[0].command(command.trim_end());
    let mut lines = answer.lines();
    let line = lines.find(|line| line.contains("the database names the node"));
    line.unwrap_or_else(|| panic!("{answer}"))
        .trim_end()
        .to_owned()
}

const UNHANDLED: &str =
    "no database module has this account; accounts are read when the engine starts";

#[test]
fn a_database_that_is_set_up_by_the_reference_has_the_rooms_after_a_restart() {
    let server = Postgres::start();
    create(&server);
    let [account, settings] = files(&server);
    let mut lab = Lab::new();
    lab.start("node1", &[("clustering.conf", clustering(SECOND, ""))]);
    let node = &lab.nodes[0];
    assert_eq!(node.status("database"), "none");
    node.configure("pgsqldb.conf", &account);
    node.configure("clustering.conf", &settings);
    node.reload_all();
    // Too early: the account isn't read yet.
    assert_eq!(node.status("database"), "unknown");
    let line = said_of_database(&lab);
    assert!(line.ends_with(UNHANDLED), "{line}");
    let node = &lab.nodes[0];
    assert_eq!(node.locate("conf/1"), "node2");
    node.wait_for(&format!(
        "Resources are placed without the database ([locate] account): {UNHANDLED}"
    ));
    assert_eq!(node.status("database"), "down");

    lab.restart(0);
    assert_eq!(lab.nodes[0].status("database"), "unknown");
    let line = said_of_database(&lab);
    assert!(line.ends_with(": no node holds it now"), "{line}");
    let node = &lab.nodes[0];
    assert_eq!(node.status("database"), "unknown", "nothing is counted");
    assert_eq!(node.locate("conf/1"), "node2");
    assert_eq!(
        (
            node.status("claimed").as_str(),
            node.status("database").as_str()
        ),
        ("1", "up")
    );
    let table = "SELECT resource, node FROM cluster_resources";
    server.script(
        &format!("test \"$(psql -U yate -d yate -Atc '{table}')\" = 'conf/1|node2'"),
        Path::new("/"),
    );
    let rooms = node.command("clustering rooms");
    let row: Vec<_> = rooms.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[2]), ("node2", "conf/1"), "{rooms}");
    // Another node has claimed it, which this one doesn't know.
    server.script(
        "psql -U yate -d yate -c \"INSERT INTO cluster_resources VALUES ('conf/2', 'node1', 4102444800)\"",
        Path::new("/"),
    );
    let answer = node.command("clustering where cluster/*/conf/2");
    assert!(answer.contains(": 'node1' holds it now"), "{answer}");
    assert_eq!(node.status("claimed"), "1", "nothing is counted");
}

#[test]
fn an_account_of_the_reference_outlives_a_database_that_was_down_when_the_engine_started() {
    let mut server = Postgres::start();
    create(&server);
    let [account, settings] = files(&server);
    server.down();
    let mut lab = Lab::new();
    let settings = settings.replace("account=rooms", "account=rooms\nretry=1\ntimeout=5000");
    lab.start(
        "node1",
        &[("pgsqldb.conf", account), ("clustering.conf", settings)],
    );
    let node = &lab.nodes[0];
    assert_eq!(node.locate("conf/1"), "node2");
    node.wait_for("Resources are placed without the database ([locate] account): the query failed");
    server.up();
    let claims = || {
        node.locate("conf/1");
        node.status("claimed") == "1"
    };
    engine_process::eventually(claims, || node.log());
    assert_eq!(node.status("database"), "up");
}
