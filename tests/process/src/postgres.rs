// SPDX-License-Identifier: GPL-2.0-or-later

//! A `PostgreSQL` of a test's own. Its data is in a directory that goes with it, and it listens on a unix
//! socket in there alone. It is never root's: where the test is, it is the user `postgres`, or `nobody`.
//!
//! A shell stands guard, so that nothing stays behind of a test that is killed: at the end of its
//! input it stops the server and removes the directory.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Arguments: the directory of the programs, that of the server. A line `make`, `start`, `stop`, `pause` or `resume`
/// has it done, and each is answered by a line.
const GUARD: &str = r#"
trap : HUP INT PIPE TERM
bin=$1 directory=$2
control() {
    "$bin/pg_ctl" -D "$directory/data" -l "$directory/log" -w "$@" >>"$directory/log" 2>&1
}
signal() {
    read -r server <"$directory/data/postmaster.pid" &&
        kill "-$1" "$server" $(cat "/proc/$server/task/$server/children")
}
while read -r word; do
    case $word in
    make)
        "$bin/initdb" -D "$directory/data" --no-sync --auth=trust --username=postgres \
            --encoding=UTF8 --no-locale >>"$directory/log" 2>&1
        ;;
    start) control -o "-F -c listen_addresses= -c unix_socket_directories='$directory'" start ;;
    stop) control -m immediate stop ;;
    pause) signal STOP ;;
    resume) signal CONT ;;
    esac
    echo "$?"
done
signal CONT 2>>"$directory/log"
control -m immediate stop
rm -rf -- "$directory"
"#;

/// A server, which runs until it is dropped.
pub struct Postgres {
    directory: TempDir,
    programs: PathBuf,
    guard: Child,
}

impl Postgres {
    /// Makes an empty database and starts its server.
    ///
    /// # Panics
    /// When there is no `PostgreSQL`, or it doesn't start.
    #[must_use]
    pub fn start() -> Self {
        let programs = programs();
        let directory = TempDir::with_prefix("postgres-").expect("there is room in /tmp");
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]);
        guard.args([&programs, directory.path()]);
        guard.stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some((user, group)) = owner(directory.path()) {
            guard.uid(user).gid(group);
        }
        let guard = guard.current_dir("/").spawn().expect("there is a shell");
        let mut server = Self {
            directory,
            programs,
            guard,
        };
        server.tell("make");
        server.up();
        server
    }

    /// Starts a server that is down.
    ///
    /// # Panics
    /// When it doesn't start.
    pub fn up(&mut self) {
        self.tell("start");
    }

    /// Stops the server as a crash would: connections break, and what was committed is kept.
    ///
    /// # Panics
    /// When it doesn't stop.
    pub fn down(&mut self) {
        self.tell("stop");
    }

    /// Stops all processes of the server where they are, so that connections stay and nothing is answered.
    ///
    /// # Panics
    /// When it doesn't run.
    pub fn pause(&mut self) {
        self.tell("pause");
    }

    /// Lets the processes go on.
    ///
    /// # Panics
    /// When it doesn't run.
    pub fn resume(&mut self) {
        self.tell("resume");
    }

    fn tell(&mut self, word: &str) {
        let input = self.guard.stdin.as_mut().expect("it is piped");
        writeln!(input, "{word}").expect("the guard listens");
        // It never answers more than one line, so none is lost with the reader.
        let output = self.guard.stdout.as_mut().expect("it is piped");
        let mut answer = String::new();
        BufReader::new(output)
            .read_line(&mut answer)
            .expect("the guard answers");
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        assert_eq!(answer, "0\n", "PostgreSQL does not {word}:\n{log}");
    }

    /// The directory of the server's socket, which is its host's name.
    #[must_use]
    pub fn host(&self) -> &Path {
        self.directory.path()
    }

    /// A section of pgsqldb.conf with an account for the server.
    #[must_use]
    pub fn account(&self, name: &str) -> String {
        let host = self.host().display();
        format!("[{name}]\nhost={host}\ndatabase=postgres\nuser=postgres\n")
    }

    /// Runs a script of commands such as `psql` in a directory, as somebody would who works at the server's host; any
    /// password is good.
    ///
    /// # Panics
    /// When it fails.
    pub fn script(&self, script: &str, directory: &Path) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let programs = [self.programs.clone()].into_iter();
        let path = std::env::join_paths(programs.chain(std::env::split_paths(&path)));
        let output = Command::new("sh")
            .args(["-ec", script])
            .current_dir(directory)
            .env("PATH", path.expect("it was a path before"))
            .env("PGHOST", self.host())
            .output()
            .expect("there is a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {said}");
    }

    /// Runs SQL without an engine; the rows, with `|` between the columns.
    ///
    /// # Panics
    /// When the server refuses it.
    #[expect(clippy::must_use_candidate, reason = "what is written has no rows")]
    pub fn sql(&self, query: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"])
            .args(["-U", "postgres", "-d", "postgres", "-c", query, "-h"])
            .arg(self.host())
            .output()
            .expect("psql runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{query}: {said}");
        let rows = String::from_utf8(output.stdout).expect("the database is in UTF-8");
        rows.trim_end().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It fails only where the guard is gone.
        let _ = self.guard.wait();
    }
}

/// The directory of the newest server's programs; Debian keeps them off the PATH.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|place| place.join("initdb").exists())
        .max_by_key(|place| {
            let version = place.parent().and_then(Path::file_name);
            version.and_then(|name| name.to_str()?.parse::<u32>().ok())
        });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        debian.or_else(|| std::env::split_paths(&path).find(|place| place.join("initdb").exists()));
    found.expect("PostgreSQL's server is installed: `scripts/setup lint` does it")
}

/// Gives the directory to the user of the server; `None` is the test's own user.
fn owner(directory: &Path) -> Option<(u32, u32)> {
    let root = fs::metadata("/proc/self").expect("/proc is there").uid() == 0;
    if !root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("there are users");
    let id = |name: &str| {
        let mut lines = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let fields = lines.find(|fields| fields[0] == name)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    let (user, group) = id("postgres")
        .or_else(|| id("nobody"))
        .expect("there is somebody else");
    chown(directory, Some(user), Some(group)).expect("root may give");
    Some((user, group))
}
