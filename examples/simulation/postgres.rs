// SPDX-License-Identifier: GPL-2.0-or-later

//! A cluster of 1,000 nodes on a real `PostgreSQL`, at the pace of the clock: each has a connection of its own and makes
//! the core's own queries. What it weighs is the server, by the CPU time of its processes, and the bytes that go to and fro.

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clustering::cluster::Cluster;
use clustering::membership::read_interval;
use clustering::messages::{Kind, Reply};
use clustering::nodes::admin::AdminState;
use clustering::task::{Query, Task};
use clustering::time::{MessageTimes, SteadyTime, WallTime};
use clustering::verdict::{Action, Verdict};
use engine_process::Postgres;

use crate::node::{self, News, SECOND, quantile};

/// The tables of the cluster.
const TABLES: &str = include_str!("../../conf/clustering.pgsql.sql");
const NODES: usize = 1_000;
/// Threads among which the nodes are divided: what one has to do must not delay all others.
const THREADS: usize = 2;
/// The nodes have found each other by this second.
const SETTLED: u64 = 60;
/// The first node places resources from this second on, and reads the loads of all; the others one after the other, within
/// the time from one such reading to the next.
const PLACES: u64 = 30;
/// Seconds of quiet that are measured.
const QUIET: u64 = 60;
/// Seconds that a drain and a join have to spread.
const SPREAD: u64 = 20;
/// The nodes that hear of a drain, and that are drained.
const TOLD: usize = 0;
const DRAINED: usize = 2;

/// The most of a core that the server may take, and of bytes a second that a node may cause.
const CPU_AIM: f64 = 0.05;
const BYTES_AIM: f64 = 1024.0;

/// The bytes that have gone to the server and come from it.
static BYTES: AtomicU64 = AtomicU64::new(0);

/// A node, and its connection to the database.
struct Member {
    number: usize,
    cluster: Cluster,
    database: Client,
    due: Duration,
    places: Duration,
    is_placing: bool,
}

/// What the nodes of a thread have seen, each with its time.
#[derive(Default)]
struct Seen {
    queries: Vec<(Duration, Duration)>,
    news: Vec<(Duration, usize, News)>,
    errors: usize,
    /// The longest that a tick came late.
    late: Duration,
}

/// The bytes, the CPU time and the clock at some moment.
#[derive(Clone, Copy)]
struct Moment {
    at: Duration,
    cpu: Duration,
    bytes: u64,
}

/// Runs the cluster and says whether the server was spared.
pub fn run() -> bool {
    let mut server = Postgres::start();
    server.sql(&format!(
        "ALTER SYSTEM SET max_connections = {}",
        NODES + 100
    ));
    server.down();
    server.up();
    server.sql(TABLES);
    let mut members: Vec<_> = (0..NODES)
        .map(|number| member(server.host(), number))
        .collect();
    // The ticks of the nodes are spread over the second.
    for member in &mut members {
        member.due = Duration::from_secs(1) * count(member.number) / count(NODES);
    }
    let mut joining = member(server.host(), NODES);
    let joins = SETTLED + QUIET + SPREAD;
    joining.due = Duration::from_secs(joins);
    let drains = Duration::from_secs(SETTLED + QUIET);
    let end = Duration::from_secs(joins + SPREAD);
    members.push(joining);
    let mut shares: Vec<Vec<Member>> = (0..THREADS).map(|_| Vec::new()).collect();
    for member in members {
        shares[member.number % THREADS].push(member);
    }

    let begin = Instant::now();
    let moment = |bytes| Moment {
        at: begin.elapsed(),
        cpu: cpu(server.host()),
        bytes,
    };
    let cold = moment(0);
    let (moments, seen) = thread::scope(|scope| {
        let lives = shares
            .into_iter()
            .map(|share| scope.spawn(move || live(share, begin, drains, end)));
        let lives: Vec<_> = lives.collect();
        let mut moments = vec![cold];
        for second in [SETTLED, SETTLED + QUIET] {
            let at = Duration::from_secs(second);
            thread::sleep(at.saturating_sub(begin.elapsed()));
            moments.push(moment(BYTES.load(Relaxed)));
        }
        let seen: Vec<_> = lives
            .into_iter()
            .map(|life| life.join().expect("a node lives"))
            .collect();
        (moments, seen)
    });
    show(&moments, &seen, drains, Duration::from_secs(joins))
}

fn member(host: &Path, number: usize) -> Member {
    // Probes are no matter of the database.
    let more = [
        ("health", "interval", "0"),
        ("locate", "account", "cluster"),
    ];
    let database = Client::connect(host);
    let between = Duration::from_micros(read_interval(NODES));
    Member {
        number,
        cluster: node::start(number, &more),
        database: database.unwrap_or_else(|error| panic!("node{number}: {error}")),
        due: Duration::ZERO,
        places: Duration::from_secs(PLACES) + between * count(number) / count(NODES),
        is_placing: false,
    }
}

/// Lets nodes live until the end.
fn live(mut members: Vec<Member>, begin: Instant, drains: Duration, end: Duration) -> Seen {
    let mut seen = Seen::default();
    let mut is_drained = false;
    loop {
        let next = members.iter_mut().min_by_key(|member| member.due);
        let next = next.expect("there are nodes");
        if next.due >= end {
            return seen;
        }
        thread::sleep(next.due.saturating_sub(begin.elapsed()));
        let late = begin.elapsed().saturating_sub(next.due);
        if next.due > Duration::from_secs(SETTLED) {
            seen.late = seen.late.max(late);
        }
        if next.number == TOLD && !is_drained && next.due >= drains {
            is_drained = true;
            let drained = node::name(DRAINED);
            next.cluster
                .set_admin(drained.as_bytes(), AdminState::Draining);
        }
        if !next.is_placing && next.due >= next.places {
            next.is_placing = true;
            let room = [(b"callto".to_vec(), b"conf/7".to_vec())];
            let times = MessageTimes::at(wall());
            let mut verdict = Verdict::default();
            next.cluster
                .decide(Kind::Locate, &room.as_slice(), true, times, &mut verdict);
            assert_eq!(verdict.action, Action::Ask);
        }
        next.cluster.tick(clock(begin));
        next.due += Duration::from_secs(1);
        next.work(begin, &mut seen);
    }
}

impl Member {
    fn work(&mut self, begin: Instant, seen: &mut Seen) {
        while let Some(task) = self.cluster.next_task() {
            match task {
                Task::Log { line, .. } => {
                    if let Some((of, news)) = node::news(&line) {
                        seen.news.push((begin.elapsed(), of, news));
                    }
                }
                Task::Query(Query { number, query, .. }) => {
                    let asked = begin.elapsed();
                    let rows = self.database.ask(&query);
                    seen.queries
                        .push((asked, begin.elapsed().saturating_sub(asked)));
                    seen.errors += usize::from(rows.is_err());
                    let error = rows.as_ref().err().map(ToString::to_string);
                    let reply = Reply {
                        handled: true,
                        error: error.as_ref().map(String::as_bytes),
                        ..Reply::default()
                    };
                    let rows = rows.unwrap_or_default();
                    let rows: Vec<_> = rows.iter().map(|row| &row[..]).collect();
                    let times = (clock(begin), wall());
                    self.cluster.queried(number, &reply, &rows, times);
                }
                Task::CountChannels => self.cluster.counted(self.number as u64),
                Task::Probe(_) | Task::Event(_) | Task::Save => {}
            }
        }
    }
}

fn count(nodes: usize) -> u32 {
    u32::try_from(nodes).expect("it is a number of nodes")
}

fn wall() -> WallTime {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    WallTime(wall.unwrap_or_default().as_secs() * SECOND)
}

fn clock(begin: Instant) -> SteadyTime {
    let time = u64::try_from(begin.elapsed().as_micros());
    SteadyTime(SECOND + time.expect("it is minutes"))
}

#[expect(clippy::cast_precision_loss, reason = "figures to be shown")]
fn show(moments: &[Moment], seen: &[Seen], drains: Duration, joins: Duration) -> bool {
    let [cold, settled, quiet] = moments else {
        return false;
    };
    let nodes = NODES as f64;
    let seconds = quiet.at.saturating_sub(settled.at).as_secs_f64();
    let share = quiet.cpu.saturating_sub(settled.cpu).as_secs_f64() / seconds;
    let bytes = (quiet.bytes - settled.bytes) as f64 / seconds / nodes;
    let queries = seen.iter().flat_map(|seen| &seen.queries);
    let (mut count, mut times) = (0.0, Vec::new());
    for (at, took) in queries {
        if (settled.at..quiet.at).contains(at) {
            count += 1.0;
            times.push(took.as_secs_f64() * 1e3);
        }
    }
    let spread = |of: usize, what: News, begin: Duration| -> Vec<f64> {
        let news = seen.iter().flat_map(|seen| &seen.news);
        let news = news.filter(|(at, number, news)| *number == of && *news == what && *at >= begin);
        news.map(|(at, ..)| at.saturating_sub(begin).as_secs_f64())
            .collect()
    };
    let drained = spread(DRAINED, News::Draining, drains);
    let joined = spread(NODES, News::Joined, joins);
    let late = seen.iter().map(|seen| seen.late).max().unwrap_or_default();
    let errors: usize = seen.iter().map(|seen| seen.errors).sum();
    let start = settled.cpu.saturating_sub(cold.cpu).as_secs_f64();

    println!("{NODES} nodes on PostgreSQL, {seconds:.0} s of quiet");
    println!(
        "  server, of one core   {:>8.2} %  (aim: {:.0} %)",
        share * 100.0,
        CPU_AIM * 100.0
    );
    println!("  bytes a node          {bytes:>8.0} /s (aim: {BYTES_AIM:.0})");
    println!(
        "  queries               {:>8.0} /s, {:.0} us of CPU each",
        count / seconds,
        share * seconds / count * 1e6
    );
    println!(
        "  a query's answer      {:>8.2} ms, p99 {:.2} ms",
        quantile(&times, 0.5),
        quantile(&times, 0.99)
    );
    println!(
        "  all start at once     {start:>8.2} s of CPU, {} KB a node",
        settled.bytes / 1024 / NODES as u64
    );
    for (what, times) in [("a drain", &drained), ("a join", &joined)] {
        println!(
            "  {what:<8} is known to  {:>8} nodes, half after {:.1} s, all after {:.1} s",
            times.len(),
            quantile(times, 0.5),
            quantile(times, 1.0)
        );
    }
    println!(
        "  errors {errors}; a tick was late by up to {} ms",
        late.as_millis()
    );
    // One knows of the drain because it was told, and nobody hears that it has joined itself.
    let all_know = drained.len() >= NODES && joined.len() >= NODES;
    share <= CPU_AIM && bytes <= BYTES_AIM && errors == 0 && all_know
}

/// The CPU time of the server: of its main process, of the others, and of those that have ended.
fn cpu(host: &Path) -> Duration {
    let file = fs::read_to_string(host.join("data/postmaster.pid")).expect("the server runs");
    let main = file.lines().next().expect("it names the process");
    let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children"));
    let children = children.expect("the process runs");
    let own = |process: &str| -> Option<u64> {
        let times = fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
        times.split(' ').next()?.parse().ok()
    };
    let running = children.split_whitespace().chain([main]);
    let running = running.filter_map(own).sum();
    let stat = fs::read_to_string(format!("/proc/{main}/stat")).expect("the process runs");
    let fields = stat.rsplit(')').next().unwrap_or_default();
    // utime and stime of children that were waited for, in hundredths of a second.
    let ended = fields.split_whitespace().skip(13).take(2);
    let ended: u64 = ended.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_nanos(running) + Duration::from_millis(ended * 10)
}

/// A connection to the server, with as much of its protocol as a query as text needs; its bytes are counted. Libraries
/// prepare statements, which the engine doesn't, and don't say how many bytes they have sent.
struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    fn connect(host: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(host.join(".s.PGSQL.5432"))?;
        let mut client = Self {
            stream: BufReader::with_capacity(512, stream),
        };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        body.extend_from_slice(b"user\0postgres\0database\0postgres\0\0");
        client.send(&[], &body)?;
        client.answer()?;
        Ok(client)
    }

    /// The first column of the rows of a query.
    fn ask(&mut self, query: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.send(b"Q", &[query, b"\0"].concat())?;
        self.answer()
    }

    fn send(&mut self, kind: &[u8], body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
        let message = [kind, &length.to_be_bytes(), body].concat();
        BYTES.fetch_add(message.len() as u64, Relaxed);
        self.stream.get_mut().write_all(&message)
    }

    /// Reads until the server is ready for the next query.
    fn answer(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut rows = Vec::new();
        let mut error = None;
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head)?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            BYTES.fetch_add(u64::from(length) + 1, Relaxed);
            let mut body = vec![0; (length as usize).saturating_sub(4)];
            self.stream.read_exact(&mut body)?;
            match head[0] {
                // The number of columns, and the length of the first one, are before it.
                b'D' => rows.push(body.get(6..).unwrap_or_default().to_vec()),
                b'E' => error = Some(String::from_utf8_lossy(&body).into_owned()),
                b'Z' => break,
                _ => {}
            }
        }
        error.map_or(Ok(rows), |error| Err(io::Error::other(error)))
    }
}
