// SPDX-License-Identifier: GPL-2.0-or-later

//! A cluster on one host, with phones around it, for one test alone.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{self, ScopedJoinHandle};

use engine_bridge::module_path;
use engine_process::{Guard, Postgres};
use tempfile::TempDir;

use crate::certificate::Authority;
use crate::clock::Clock;
use crate::configuration::{self, Wishes};
use crate::engine::{Node, modules};
use crate::hosts::Hosts;
use crate::installation::Installation;
use crate::link::{Link, Transport};
use crate::log::Log;
use crate::network::{Network, SIP, TLS};
use crate::phone::Phone;
use crate::registrar::{Phones, Registrar};

/// The number of lines of each node's log that a failed test shows.
const LAST_LINES: usize = 150;
/// The first port of the near ends of phones' connections.
const NEAR_END: u16 = 40_000;
/// The address of a phone in a network of its own, behind a NAT.
const BEHIND_NAT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 5), SIP);

/// A lab that is not built yet. In its texts `NET` is the network: `node2` is at `NET.2`.
pub struct Plan {
    nodes: usize,
    wishes: Wishes,
    postgres: bool,
    /// The list of nodes is in a `PostgreSQL` server.
    members: bool,
    /// The number of nodes that are started; all where none is named.
    starting: Option<usize>,
    authority: Option<Authority>,
    /// The lines of the hosts that have names, where these are not the system's.
    hosts: Option<String>,
    /// The time of day is the test's.
    clock: bool,
    /// Modules of the engine beside the usual ones, and their files.
    modules: Vec<&'static str>,
    files: Vec<(&'static str, String)>,
    /// A node, or all where none is named, and the module that it has instead of the one under test.
    other: Option<(Option<&'static str>, PathBuf)>,
}

/// Nodes `node1`, `node2`, ... that run, and phones.
pub struct Lab {
    nodes: Vec<Node>,
    network: Arc<Network>,
    authority: Option<Authority>,
    hosts: Option<Hosts>,
    clock: Option<Clock>,
    // These go last: the nodes live in them.
    _registrar: Registrar,
    members: Option<Mutex<Postgres>>,
    _directory: TempDir,
}

impl Plan {
    /// Settings of the module beside the usual, or instead of them.
    pub fn clustering(mut self, settings: &str) -> Self {
        self.wishes.clustering.push_str(settings);
        self
    }

    /// `clustering.conf` says nothing of security, as for the stock module.
    pub fn stock(mut self) -> Self {
        self.wishes.stock = true;
        self
    }

    /// Hosts have these names, see [`Hosts::say`].
    pub fn hosts(mut self, lines: &str) -> Self {
        self.hosts = Some(lines.to_owned());
        self
    }

    /// The time of day is what the test says, see [`Clock::set_back`].
    pub fn clock(mut self) -> Self {
        self.clock = true;
        self
    }

    /// Nodes have one more module of the engine, with a file of its own.
    pub fn module(mut self, module: &'static str, file: &'static str, text: &str) -> Self {
        self.modules.push(module);
        self.files.push((file, text.to_owned()));
        self
    }

    /// Nodes run scripts, and take commands in the scripts' language: `javascript eval CODE`.
    pub fn javascript(self, scripts: &str) -> Self {
        let text = format!("[general]\nroutes=no\n[scripts]\n{scripts}");
        self.module("javascript", "javascript.conf", &text)
    }

    /// All nodes have a section of their own, and probe each other every second. Two probes in a row
    /// without an answer take a node down, one with an answer brings it up.
    pub fn probed(mut self) -> Self {
        for number in 1..=self.nodes {
            self = self.clustering(&format!("[node node{number}]\n"));
        }
        self.clustering("[health]\ninterval=1\ntimeout=1\nfall=2\nrise=1\n")
    }

    /// A line of the dial plan that all nodes have, in the syntax of `regexroute`.
    pub fn dial(mut self, line: &str) -> Self {
        self.wishes.dialplan.push_str(line);
        self.wishes.dialplan.push('\n');
        self
    }

    /// A setting of the SIP channel beside the usual ones, or instead of one.
    pub fn sip(mut self, setting: &str) -> Self {
        self.wishes.sip.push_str(setting);
        self.wishes.sip.push('\n');
        self
    }

    /// A listener of the SIP channel beside the usual ones.
    pub fn listener(mut self, name: &str, settings: &str) -> Self {
        let section = format!("[listener {name}]\nenable=yes\n{settings}\naddr=ADDRESS\n");
        self.wishes.listeners.push_str(&section);
        self
    }

    /// Nodes have certificates, and take encrypted connections.
    pub fn encrypted(self) -> Self {
        let mut plan = self.listener("tls", &format!("type=tls\nport={TLS}\nsslcontext=node"));
        plan.authority = Some(Authority::new());
        plan
    }

    /// Rooms stay where they are: nodes claim them in a database.
    pub fn sticky(self) -> Self {
        self.clustering("[locate]\naccount=claims\ntimeout=5000\n")
    }

    /// The query by which the registrar ends a registration, instead of the documented one.
    pub fn unregister(mut self, query: &str) -> Self {
        self.wishes.unregister = Some(query.to_owned());
        self
    }

    /// Users may have several phones each, which all ring.
    pub fn several_phones(mut self) -> Self {
        self.wishes.phones = Phones::Several;
        self
    }

    /// The registrar is a `PostgreSQL` server, not a file.
    pub fn postgres(mut self) -> Self {
        self.postgres = true;
        self
    }

    /// The list of nodes is in a `PostgreSQL` server, by the account `members`.
    pub fn members_in_postgres(mut self) -> Self {
        self.members = true;
        self
    }

    /// Only the first nodes are started.
    pub fn starting(mut self, nodes: usize) -> Self {
        self.starting = Some(nodes);
        self
    }

    /// A node has another module than the one under test.
    pub fn with_other_module(mut self, node: &'static str, module: PathBuf) -> Self {
        self.other = Some((Some(node), module));
        self
    }

    /// All nodes have another module than the one under test.
    pub fn with_other_modules(mut self, module: PathBuf) -> Self {
        self.other = Some((None, module));
        self
    }

    /// Starts all nodes.
    pub fn start(self) -> Lab {
        let installation = Arc::new(Installation::find());
        let registrar = if self.postgres {
            Registrar::postgres()
        } else {
            Registrar::Sqlite
        };
        let members = self.members.then(|| {
            let server = Postgres::start();
            server.sql(include_str!("../../conf/clustering.pgsql.sql"));
            server
        });
        let directory = TempDir::with_prefix("cluster-").expect("there is room for a directory");
        let guard = Guard::new(directory.path()).expect("there is a shell");
        let guard = Arc::new(guard);
        let network = Arc::new(Network::claim());
        let hosts = self.hosts.as_ref().map(|lines| {
            let hosts = Hosts::new(directory.path());
            hosts.say(&lines.replace("NET", &network.prefix()));
            hosts
        });
        let clock = self.clock.then(|| Clock::new(directory.path()));
        let node = |number| {
            let name = format!("node{number}");
            let mut files = configuration::files(&self.wishes, &registrar, &network, &name);
            let mut others = vec![registrar.module()];
            others.extend(&self.modules);
            files.extend(self.files.iter().cloned());
            if let Some(server) = &members {
                others.push("server/pgsqldb");
                files.push(("pgsqldb.conf", server.account("members")));
            }
            if let Some(authority) = &self.authority {
                others.push("openssl");
                let certificate = authority.certificate(network.node(&name));
                files.push(("node.pem", certificate));
                files.push(("openssl.conf", "[node]\ncertificate=node.pem\n".to_owned()));
            }
            let place = directory.path().join(&name);
            let other = self.other.as_ref();
            let other = other.filter(|(node, _)| node.is_none_or(|node| node == name));
            let module = other.map_or_else(module_path, |(_, module)| module.clone());
            installation.link_modules(&modules(&place), &others, &module);
            let node = (name.as_str(), network.node(&name));
            let mut made = Node::new(&installation, &guard, place, node, &files);
            let preloaded = hosts.iter().flat_map(Hosts::environment);
            for (name, value) in preloaded.chain(clock.iter().flat_map(Clock::environment)) {
                made.environment.push((name, value.to_owned()));
            }
            made
        };
        let lab = Lab {
            nodes: (1..=self.nodes).map(node).collect(),
            network,
            authority: self.authority,
            hosts,
            clock,
            _registrar: registrar,
            members: members.map(Mutex::new),
            _directory: directory,
        };
        // One after the other: the engine's random numbers begin with the microsecond of its start, and
        // two nodes that take the same branch for a call hear only themselves.
        let first = self.starting.unwrap_or(self.nodes);
        lab.nodes.iter().take(first).for_each(Node::start);
        lab
    }
}

impl Lab {
    /// A plan of so many nodes.
    pub fn of(nodes: usize) -> Plan {
        Plan {
            nodes,
            wishes: Wishes::default(),
            postgres: false,
            members: false,
            starting: None,
            authority: None,
            hosts: None,
            clock: false,
            modules: Vec::new(),
            files: Vec::new(),
            other: None,
        }
    }

    /// The node of a name.
    pub fn node(&self, name: &str) -> &Node {
        let node = self.nodes.iter().find(|node| node.name == name);
        node.unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Stops or pauses the server with the list of nodes, or lets it go on: `stop`, `start`, `pause`, `resume`.
    pub fn database(&self, action: &str) {
        let server = self.members.as_ref().expect("there is a server");
        let mut server = server.lock().unwrap();
        match action {
            "stop" => server.down(),
            "start" => server.up(),
            "pause" => server.pause(),
            _ => server.resume(),
        }
    }

    /// Runs SQL in the server with the list of nodes; the rows, with `|` between the columns.
    pub fn sql(&self, query: &str) -> String {
        let server = self.members.as_ref().expect("there is a server");
        server.lock().unwrap().sql(query)
    }

    /// The log of a node.
    pub fn log(&self, name: &str) -> Log {
        self.node(name).log()
    }

    /// The address at which a node listens for SIP.
    pub fn sip(&self, name: &str) -> SocketAddrV4 {
        self.network.sip(name)
    }

    /// The address at which a node listens for it.
    pub fn place(&self, transport: Transport, node: &str) -> SocketAddrV4 {
        transport.of(&self.network, node)
    }

    /// One more phone.
    pub fn phone(&self, user: &str) -> Phone {
        self.phone_at(user, self.network.phone())
    }

    fn phone_at(&self, user: &str, address: Ipv4Addr) -> Phone {
        let address = SocketAddrV4::new(address, SIP);
        Phone::new(user, address, Link::datagrams(address), &self.network)
    }

    /// One more phone, which has a connection to a node. It gives a port at which it doesn't listen.
    pub fn phone_over(&self, transport: Transport, user: &str, node: &str) -> Phone {
        let address = SocketAddrV4::new(self.network.phone(), SIP);
        let near = SocketAddrV4::new(*address.ip(), NEAR_END);
        let link = self.connection(transport, near, node);
        Phone::new(user, address, link, &self.network).at(node)
    }

    /// The same phone with a new connection to a node, beside the one that it has.
    pub fn phone_again(&self, phone: &Phone, node: &str) -> Phone {
        let near = phone.near_end();
        let near = SocketAddrV4::new(*near.ip(), near.port() + 1);
        let link = match phone.transport() {
            Transport::Udp => Link::datagrams(near),
            transport => self.connection(transport, near, node),
        };
        phone.with_link(link).at(node)
    }

    /// One more phone, which gives an address in a private network, as it would behind a NAT.
    pub fn phone_behind_nat(&self, user: &str) -> Phone {
        let near = SocketAddrV4::new(self.network.phone(), NEAR_END);
        Phone::new(user, BEHIND_NAT, Link::datagrams(near), &self.network)
    }

    fn connection(&self, transport: Transport, near: SocketAddrV4, node: &str) -> Link {
        let authority = self.authority.as_ref();
        let tls = authority.filter(|_| transport == Transport::Tls);
        let tls = tls.map(Authority::believers);
        Link::connect(near, transport.of(&self.network, node), tls)
    }

    /// Alice, who calls at `node1`, and bob, who is registered at `node2`.
    pub fn alice_and_bob(&self) -> (Phone, Phone) {
        let bob = self.phone("bob");
        bob.register_at("node2");
        (self.phone("alice").at("node1"), bob)
    }

    /// A phone at an address that no node knows.
    pub fn stranger(&self, user: &str) -> Phone {
        self.phone_at(user, self.network.stranger())
    }

    /// The hosts that have names.
    pub fn hosts(&self) -> &Hosts {
        self.hosts.as_ref().expect("the plan has hosts")
    }

    /// The time of day that the nodes have.
    pub fn clock(&self) -> &Clock {
        self.clock.as_ref().expect("the plan has a clock")
    }

    /// Has hosts have these names from now on; `NET` is the network.
    pub fn name_hosts(&self, lines: &str) {
        self.hosts()
            .say(&lines.replace("NET", &self.network.prefix()));
    }

    /// An address of the network.
    pub fn address(&self, last: u8) -> Ipv4Addr {
        let [a, b, c, _] = self.network.node("node1").octets();
        Ipv4Addr::new(a, b, c, last)
    }

    fn show_logs(&self) {
        for node in &self.nodes {
            eprintln!("--- the last of {} ---", node.name);
            let log = node.log().text();
            let lines: Vec<_> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
                eprintln!("{line}");
            }
        }
    }
}

impl Drop for Lab {
    /// Each node must end by itself, and well: that is part of every test.
    fn drop(&mut self) {
        if thread::panicking() {
            self.show_logs();
            return;
        }
        let ended: Vec<_> = thread::scope(|scope| {
            let stops: Vec<_> = self
                .nodes
                .iter()
                .map(|node| scope.spawn(|| node.stop()))
                .collect();
            stops.into_iter().map(ScopedJoinHandle::join).collect()
        });
        if ended.iter().any(|end| !matches!(end, Ok(Ok(())))) {
            self.show_logs();
            panic!("{ended:?}");
        }
    }
}

/// Makes tests of rules that hold whichever database the registrar is, in labs of a plan.
macro_rules! in_both {
    ($plan:expr; $($rule:ident)*) => {
        mod in_sqlite {
            use super::*;

            $(#[test]
            #[ignore = "needs a real engine: YATE_ROOT"]
            fn $rule() {
                super::$rule(&$plan.start());
            })*
        }

        mod in_postgres {
            use super::*;

            $(#[test]
            #[ignore = "needs a real engine that asks PostgreSQL: YATE_ROOT"]
            fn $rule() {
                super::$rule(&$plan.postgres().start());
            })*
        }
    };
}

pub(crate) use in_both;
