// SPDX-License-Identifier: GPL-2.0-or-later
//! A contestant: two nodes with one configuration, and the phones around them.

use std::env;
use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine_bridge::module_path;
use engine_process::{Guard, Process};

use crate::installation::{Installation, MODULE};
use crate::network::{Network, SIP};
use crate::traffic::{Heard, Load, Phones};

/// The tables of a cluster, as an operator makes them.
const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/clustering.sqlite.sql");

/// How the nodes of a contestant are set up.
pub struct Kind {
    /// Its name in the tables.
    pub name: &'static str,
    /// The module, if there is one.
    module: Option<PathBuf>,
    /// Its settings besides the usual ones; `NET` is the network.
    settings: String,
    /// Settings that the first node alone has.
    first: String,
    /// The first node rings the phone itself.
    is_single: bool,
}

fn kind(name: &'static str, module: Option<PathBuf>, settings: &str) -> Kind {
    Kind {
        name,
        module,
        settings: settings.to_owned(),
        first: String::new(),
        is_single: false,
    }
}

/// Nodes of which the first one probes the other so many times a second, as if it were so many nodes.
pub fn probing(probes: u32) -> Kind {
    let section = |number| format!("[node far{number}]\ncallto=sip/sip:cluster/@NET.2:{SIP}\n");
    let sections: String = (0..probes).map(section).collect();
    Kind {
        first: format!("[health]\ninterval=1\n{sections}"),
        ..kind("probing", Some(module_path()), "")
    }
}

/// All contestants that can be measured here.
pub fn kinds() -> Vec<Kind> {
    let named = |name| env::var_os(name).filter(|file| !file.is_empty());
    let other = |name, file: Option<PathBuf>| file.map(|file| kind(name, Some(file), ""));
    let ours = || Some(module_path());
    let single = Kind {
        is_single: true,
        ..kind("single", None, "")
    };
    let mut kinds = vec![single, kind("plain", None, "")];
    kinds.extend(other("stock", named("STOCK").map(PathBuf::from)));
    kinds.extend(other("released", named("RELEASED").map(PathBuf::from)));
    kinds.extend([
        kind("ours", ours(), ""),
        kind(
            "signed",
            ours(),
            "[security]\nsecret=a secret of a benchmark, not to be used elsewhere\n",
        ),
        kind(
            "members",
            ours(),
            "[cluster]\naccount=members\n[node node1]\n[node node2]\n",
        ),
    ]);
    kinds
}

/// Two nodes that run, and phones.
pub struct Contestant {
    /// How it is set up.
    pub kind: Kind,
    nodes: [Process; 2],
    phones: Phones,
    network: Network,
}

impl Contestant {
    /// Starts the nodes.
    pub fn start(
        kind: Kind,
        installation: &Installation,
        guard: &Arc<Guard>,
        directory: &Path,
    ) -> Self {
        let network = Network::claim();
        let place = directory.join(kind.name);
        // One after the other: the engine's random numbers begin with the microsecond of its start.
        let nodes = ["node1", "node2"].map(|name| {
            let place = place.join(name);
            let modules = place.join("modules");
            fs::create_dir_all(&place).expect("there is room for a directory");
            for (file, text) in kind.files(&network, name) {
                fs::write(place.join(file), text).expect("there is room for a file");
            }
            let module = kind.module.clone().unwrap_or_else(module_path);
            installation.link_modules(&modules, &["server/regfile", "server/sqlitedb"], &module);
            if kind.module.is_none() {
                fs::remove_file(modules.join(MODULE)).expect("it was linked");
            }
            // As a daemon logs, not all that there is.
            let mut engine = installation.engine(&modules);
            engine.arg("-qqq");
            let process = Process::start(&mut engine, name, &place, guard);
            process.unwrap_or_else(|error| panic!("{}: {error}", kind.name))
        });
        Self {
            kind,
            nodes,
            phones: Phones::new(&network),
            network,
        }
    }

    /// The CPU time that each node has taken since its start.
    pub fn cpu(&self) -> [Duration; 2] {
        [&self.nodes[0], &self.nodes[1]].map(|node| cpu(node.id()))
    }

    /// Calls through the cluster.
    pub fn calls(&self, load: Load) -> Heard {
        self.phones.call(self.network.sip("node1"), load)
    }

    /// Registrations at the second node.
    pub fn registrations(&self, load: Load) -> Heard {
        self.phones.register(self.network.sip("node2"), load)
    }
}

impl Kind {
    /// The files of a node's configuration.
    fn files(&self, network: &Network, node: &str) -> Vec<(&'static str, String)> {
        let (net, address) = (network.prefix(), network.node(node));
        let first = if node == "node1" { &*self.first } else { "" };
        let phone = format!("sip/sip:\\1@{}", Phones::callee(network));
        let target = match (&self.module, node) {
            (Some(_), "node1") => format!("cluster/node2/{phone}"),
            (None, "node1") if !self.is_single => format!("sip/sip:\\1@{net}.2:{SIP}"),
            _ => phone,
        };
        vec![
            (
                "clustering.conf",
                format!(
                    "{first}{}\n[general]\nregexp=^node\\([0-9]\\)$\ncallto=sip/sip:cluster/@{net}.\\1:{SIP}\n\
                     [security]\ntrusted={net}.0/29\n",
                    self.settings
                )
                .replace("NET", &net),
            ),
            (
                "ysipchan.conf",
                format!(
                    "[general]\naddr={address}\nport={SIP}\nrtp_localip={address}\nudp_force_bind=no\ngenerate=yes\n\
                     [registrar]\nauth_required=no\nexpires_min=1\n"
                ),
            ),
            (
                "regexroute.conf",
                format!("[default]\n^\\(user[0-9]*\\)$={target}\n"),
            ),
            ("regfile.conf", "[general]\nautocreate=yes\n".to_owned()),
            (
                "sqlitedb.conf",
                format!(
                    "[members]\ndatabase=${{configpath}}/../members.db\ninitialize=@{TABLES}\n"
                ),
            ),
            (
                "rmanager.conf",
                format!("[general]\naddr={address}\nport=5038\n"),
            ),
            ("yate.conf", "[general]\n".to_owned()),
        ]
    }
}

/// The CPU time of a process, threads that have ended included. `/proc` has it too, but in hundredths of a second.
#[expect(unsafe_code, reason = "the C library alone has it to the nanosecond")]
fn cpu(process: u32) -> Duration {
    let process = libc::pid_t::try_from(process).expect("it is a process");
    let mut clock = MaybeUninit::uninit();
    // SAFETY: the argument is a place for a clock's number.
    let found = unsafe { libc::clock_getcpuclockid(process, clock.as_mut_ptr()) };
    assert_eq!(found, 0, "the process is our child");
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `clock` was written, as the function above gave 0; `time` is a place for a time.
    let read = unsafe { libc::clock_gettime(clock.assume_init(), time.as_mut_ptr()) };
    assert_eq!(read, 0, "the process still runs");
    // SAFETY: `time` was written, as the function gave 0.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).expect("it is no less than 0");
    let nanoseconds = u32::try_from(time.tv_nsec).expect("it is part of a second");
    Duration::new(seconds, nanoseconds)
}
