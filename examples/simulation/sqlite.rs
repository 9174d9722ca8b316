// SPDX-License-Identifier: GPL-2.0-or-later

//! Several nodes on one host with one `SQLite` file, each in a process of its own: how long one waits for the others, at the pace of
//! the clock, and where all ask without a pause.

use std::env;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clustering::messages::Reply;
use clustering::task::{Query, Task};
use clustering::time::{SteadyTime, WallTime};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::node::{self, SECOND, quantile};

/// The argument of a process that is one node.
pub const WORD: &str = "sqlite-process";
/// The tables of the cluster.
const TABLES: &str = include_str!("../../conf/clustering.sqlite.sql");
const PROCESSES: usize = 8;
/// The time that it lasts.
const LASTS: Duration = Duration::from_secs(30);
/// The longest that a statement may take, in milliseconds: the timeout that the tables' file sets.
const AIM: f64 = 400.0;

/// Runs the processes at both paces, and says whether none waited too long.
pub fn run() -> bool {
    println!("{PROCESSES} processes, one SQLite file, poll=1: ms that a statement takes");
    println!(
        "{:<22}{:>10}{:>9}{:>9}{:>9}{:>9}",
        "", "statements", "p50", "p99", "longest", "failed"
    );
    let calm = round("each second", "1");
    // More processes than the machine has cores wait for those, too, so this says less.
    round("without a pause", "0");
    calm.longest <= AIM && calm.failures == 0
}

#[derive(Default)]
struct Waits {
    times: Vec<f64>,
    longest: f64,
    failures: usize,
}

fn round(title: &str, pause: &str) -> Waits {
    let directory = TempDir::with_prefix("simulation-").expect("there is room in /tmp");
    let program = env::current_exe().expect("it runs");
    let processes: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let mut process = Command::new(&program);
            process.arg(WORD).arg(number.to_string()).arg(pause);
            process.arg(directory.path()).stdout(Stdio::piped());
            process.spawn().expect("there is room for a process")
        })
        .collect();
    let mut waits = Waits::default();
    for process in processes {
        let output = process.wait_with_output().expect("it is our child");
        assert!(output.status.success(), "a process failed");
        let text = String::from_utf8_lossy(&output.stdout);
        for line in text.lines() {
            match line.parse() {
                Ok(time) => waits.times.push(time),
                Err(_) => waits.failures += 1,
            }
        }
    }
    waits.longest = quantile(&waits.times, 1.0);
    println!(
        "{title:<22}{:>10}{:>9.2}{:>9.2}{:>9.2}{:>9}",
        waits.times.len(),
        quantile(&waits.times, 0.5),
        quantile(&waits.times, 0.99),
        waits.longest,
        waits.failures
    );
    waits
}

/// A process that is one node: its arguments are the number, the seconds between two ticks and the directory. It prints a line
/// for each statement, its milliseconds, and one more where it failed.
pub fn process(arguments: &[&str]) -> bool {
    let [number, pause, directory] = arguments else {
        return false;
    };
    let (Ok(number), Ok(pause)) = (number.parse(), pause.parse()) else {
        return false;
    };
    let pause = Duration::from_secs(pause);
    let database = Connection::open(Path::new(directory).join("cluster.sqlite"));
    let database = database.expect("there is room for a file");
    // Nodes that start at one time may have to wait for the tables.
    while database.execute_batch(TABLES).is_err() {
        thread::sleep(Duration::from_millis(50));
    }
    let node = node::start(
        number,
        &[("cluster", "poll", "1"), ("health", "interval", "0")],
    );
    let mut output = String::new();
    let mut now = SECOND;
    let begin = Instant::now();
    while begin.elapsed() < LASTS {
        node.tick(SteadyTime(now));
        while let Some(task) = node.next_task() {
            let Task::Query(Query { number, query, .. }) = task else {
                continue;
            };
            let asked = Instant::now();
            let rows = ask(&database, &query);
            let _ = writeln!(output, "{:.3}", asked.elapsed().as_secs_f64() * 1e3);
            let error = rows.as_ref().err().map(ToString::to_string);
            if let Some(error) = &error {
                let _ = writeln!(output, "{error}");
            }
            let reply = Reply {
                handled: true,
                error: error.as_ref().map(String::as_bytes),
                ..Reply::default()
            };
            let rows = rows.unwrap_or_default();
            let rows: Vec<_> = rows.iter().map(|row| &row[..]).collect();
            let wall = SystemTime::now().duration_since(UNIX_EPOCH);
            let wall = WallTime(wall.unwrap_or_default().as_secs() * SECOND);
            node.queried(number, &reply, &rows, (SteadyTime(now), wall));
        }
        thread::sleep(pause);
        now += SECOND;
    }
    print!("{output}");
    true
}

/// The first column of the rows of a query.
fn ask(database: &Connection, query: &[u8]) -> rusqlite::Result<Vec<Vec<u8>>> {
    let query = std::str::from_utf8(query).expect("it is ASCII");
    let mut statement = database.prepare(query)?;
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0))?;
    rows.map(|row| Ok(row?.unwrap_or_default().into_bytes()))
        .collect()
}
