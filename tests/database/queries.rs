// SPDX-License-Identifier: GPL-2.0-or-later

//! Real SQL through the engine's `database` message, on `SQLite` and on `PostgreSQL`, and databases that are
//! down, slow or talk nonsense. In a real engine its own modules answer.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine_bridge::{
    Engine, Message, Outcome, Setup, engine, engine_library, module_path, real_engine,
};
use engine_process::Postgres;

/// The accounts that have gone bad, each in its own way.
const BAD: &str = "[slow]\ndelay=100\nanswer=n|1\n\
    [refusing]\nerror=ERROR:  no\n\
    [gone]\nerror=failure\n\
    [boastful]\nrows=1\n\
    [chatty]\nrows=many\nanswer=x,y|1|2,3,4\n";

static SERVER: LazyLock<Mutex<Postgres>> = LazyLock::new(|| Mutex::new(Postgres::start()));

/// The server, which one test at a time has.
fn server() -> MutexGuard<'static, Postgres> {
    SERVER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory of a real engine's modules.
fn modules() -> PathBuf {
    let root = PathBuf::from(env::var_os("YATE_ROOT").expect("a real engine has a root"));
    let places = [root.join("lib/yate"), root.join("modules")];
    let mut places = places.into_iter().filter(|place| place.exists());
    places.next().expect("the engine has modules")
}

/// An engine with an account `lite` for `SQLite` and one `post` for the server.
fn asked(server: &Postgres) -> &'static Engine {
    let modules = if real_engine() {
        let place = modules().join("server");
        vec![place.join("sqlitedb.yate"), place.join("pgsqldb.yate")]
    } else {
        Vec::new()
    };
    let post = server.account("post");
    let lite = "[lite]\ndatabase=${configpath}/lite.db\n";
    let files = [("sqlitedb", lite), ("pgsqldb", &post), ("toydb", BAD)];
    engine(&Setup {
        files: files.map(|(name, text)| (name.into(), text.into())).into(),
        modules,
        ..Setup::default()
    })
}

fn ask(engine: &Engine, account: &str, query: &str) -> Outcome {
    let message = Message::new("database").with("account", account);
    engine.dispatch(&message.with("query", query))
}

/// A table as text: rows end with `;`, columns with `,`, and NULL is `-`.
fn table(outcome: &Outcome) -> String {
    let cell = |cell: &Option<Vec<u8>>| {
        let bytes = cell.as_deref().unwrap_or(b"-");
        String::from_utf8_lossy(bytes).into_owned() + ","
    };
    let row = |row: &Vec<_>| row.iter().map(cell).collect::<String>() + ";";
    outcome.table.iter().map(row).collect()
}

fn text<'a>(outcome: &'a Outcome, name: &str) -> &'a str {
    std::str::from_utf8(outcome.get(name).unwrap_or_default()).expect("it is ASCII")
}

#[test]
fn both_databases_keep_what_they_are_told() {
    let server = server();
    let engine = asked(&server);
    for (account, driver) in [("lite", "sqlitedb"), ("post", "pgsqldb")] {
        let made = ask(engine, account, "CREATE TABLE kept(n INT, s TEXT)");
        assert!(made.handled, "{account}: {made:?}");
        assert_eq!(made.get("error"), None, "{account}");
        let robert = "INSERT INTO kept VALUES(1, 'it''s; DROP TABLE kept'), (2, NULL)";
        assert_eq!(text(&ask(engine, account, robert), "affected"), "2");
        let all = ask(
            engine,
            account,
            "SELECT s, n AS number FROM kept ORDER BY n",
        );
        assert_eq!(table(&all), "s,number,;it's; DROP TABLE kept,1,;-,2,;");
        assert_eq!((text(&all, "rows"), text(&all, "dbtype")), ("2", driver));
        assert!(!ask(engine, "nobody", "SELECT 1").handled);
    }
    assert_eq!(server.sql("SELECT n, s FROM kept WHERE n = 2"), "2|");
}

#[test]
fn a_server_that_is_down_fails_its_queries_until_it_is_back() {
    let mut server = server();
    let engine = asked(&server);
    let answers = || table(&ask(engine, "post", "SELECT 7 AS n"));
    assert_eq!(answers(), "n,;7,;");
    server.down();
    // The connection is found broken first, and can't be made anew then.
    let broken = ask(engine, "post", "SELECT 7 AS n");
    assert!(broken.handled && !text(&broken, "error").is_empty());
    let down = ask(engine, "post", "SELECT 7 AS n");
    assert!(down.handled);
    assert_eq!((text(&down, "error"), down.get("rows")), ("failure", None));
    server.up();
    assert_eq!(answers(), "n,;7,;");
}

#[test]
fn the_facts_of_databases_hold() {
    let build = module_path().with_file_name("");
    let real = real_engine();
    let facts = build.join(if real { "facts" } else { "mock-facts" });
    // Those for a real engine are no part of its module's build.
    assert!(facts.exists(), "`scripts/test` builds {}", facts.display());
    let server = server();
    let library = engine_library();
    let mut command = Command::new(facts);
    command.env("FACTS_POSTGRES", server.host());
    command.env(
        "LD_LIBRARY_PATH",
        library.parent().unwrap_or(Path::new("/")),
    );
    if real {
        command.env("FACTS_MODULES", modules());
    }
    let output = command.output().expect("the facts run");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

/// A real engine has no bad databases.
mod mock_only {
    use super::*;

    #[test]
    fn a_bad_database_is_slow_refuses_or_talks_nonsense() {
        assert!(!real_engine(), "it takes the mock: --skip mock_only");
        let engine = asked(&server());
        let begin = Instant::now();
        assert_eq!(table(&ask(engine, "slow", "SELECT 1")), "n,;1,;");
        assert!(begin.elapsed() >= Duration::from_millis(100));
        let refusing = ask(engine, "refusing", "SELECT 1");
        assert_eq!(
            (text(&refusing, "error"), text(&refusing, "rows")),
            ("ERROR:  no", "0")
        );
        let gone = ask(engine, "gone", "SELECT 1");
        assert_eq!((text(&gone, "error"), gone.get("rows")), ("failure", None));
        let boastful = ask(engine, "boastful", "SELECT 1");
        assert_eq!(
            (text(&boastful, "rows"), table(&boastful)),
            ("1", String::new())
        );
        let chatty = ask(engine, "chatty", "SELECT 1");
        assert_eq!(text(&chatty, "rows"), "many");
        assert_eq!(table(&chatty), "x,y,;1,-,;2,3,;");
    }
}
