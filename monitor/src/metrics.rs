// SPDX-License-Identifier: GPL-2.0-or-later

//! The cluster as metrics for Prometheus. Those of one engine have the names that `clustering metrics` gives them, and
//! `engine` as a label.

use std::fmt;
use std::sync::Arc;

use clustering::operator::counters::Counter;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::cluster::{Admin, Answer, Cluster, Database, Engine, Node, Seen, State};

/// The content type of the text.
pub use prometheus_text::CONTENT_TYPE;

/// The cluster in the text format of Prometheus.
#[must_use]
pub fn render(cluster: &Arc<Cluster>) -> String {
    let mut registry = Registry::with_prefix("yate_clustering");
    registry.register_collector(Box::new(Numbers(Arc::clone(cluster))));
    let mut text = String::new();
    // Writing to a string doesn't fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Numbers(Arc<Cluster>);

/// A metric that each engine which answers has.
type OfEngine = (&'static str, &'static str, fn(&Answer) -> Option<u64>);

const OF_ENGINES: [OfEngine; 7] = [
    (
        "enabled",
        "Whether the current settings enable the module",
        |answer| Some(answer.enabled.into()),
    ),
    (
        "settings_refused",
        "Whether the last load refused its file, so that older settings are in force",
        |answer| Some((answer.file == "refused").into()),
    ),
    (
        "database_up",
        "Whether the database of claimed resources answers; absent until it was asked",
        |answer| is_up(answer.database),
    ),
    (
        "members_up",
        "Whether the database with the list of nodes answers",
        |answer| is_up(answer.members),
    ),
    (
        "name_taken",
        "Whether another engine has this node's name",
        |answer| answer.members.map(|_| answer.taken.into()),
    ),
    (
        "empty",
        "Whether this node, which is drained or disabled, has nothing left",
        |answer| answer.empty.map(u64::from),
    ),
    (
        "connections",
        "How many registrations are known by their connection",
        |answer| Some(answer.connections),
    ),
];

/// A metric that each node has.
type OfNode = (&'static str, &'static str, fn(&Node) -> Option<u64>);

const OF_NODES: [OfNode; 11] = [
    (
        "node_up",
        "Whether no node finds it down, or nothing is known of its health",
        |node| Some((node.state != State::Down).into()),
    ),
    ("node_known", "Whether the node's health is known", |node| {
        Some((node.state != State::Unknown).into())
    }),
    (
        "node_busy",
        "Whether the node answers and takes nothing new",
        |node| Some((node.state == State::Busy).into()),
    ),
    (
        "node_draining",
        "Whether nothing new is placed on the node",
        |node| Some((node.admin == Admin::Draining).into()),
    ),
    (
        "node_disabled",
        "Whether nothing is sent to the node",
        |node| Some((node.admin == Admin::Disabled).into()),
    ),
    (
        "node_weight",
        "The node's share of what is placed, compared with the others",
        |node| Some(node.weight.into()),
    ),
    (
        "node_drift",
        "In how many settings the node differs from others",
        |node| Some(node.drift.len() as u64),
    ),
    (
        "node_channels",
        "The channels of the node's engine",
        |node| node.channels,
    ),
    ("node_rooms", "The rooms that the node holds", |node| {
        node.rooms
    }),
    (
        "node_registrations",
        "The registrations that the node holds",
        |node| node.registrations,
    ),
    (
        "node_seen_timestamp_seconds",
        "When the node last wrote its heartbeat",
        |node| node.seen,
    ),
];

fn is_up(database: Option<Database>) -> Option<u64> {
    match database {
        Some(Database::Up) => Some(1),
        Some(Database::Down) => Some(0),
        _ => None,
    }
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut page = Page(encoder);
        let Self(cluster) = self;
        page.of_monitor(cluster)?;
        page.of_engines(cluster)?;
        page.of_nodes(cluster)?;
        page.of_pairs(cluster)
    }
}

/// A page of metrics. The encoder adds the end of each description, and that of a counter's name.
struct Page<'e>(DescriptorEncoder<'e>);

impl Page<'_> {
    fn gauges(&mut self, name: &'static str, help: &str) -> Result<Family<'_>, fmt::Error> {
        let encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        Ok(Family(encoder))
    }

    fn counters(&mut self, name: &'static str, help: &str) -> Result<Family<'_>, fmt::Error> {
        let encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        Ok(Family(encoder))
    }

    fn of_monitor(&mut self, cluster: &Cluster) -> fmt::Result {
        let mut family = self.gauges("monitor_build_info", "The monitor's version")?;
        family.gauge(&[("version", &*cluster.monitor)], 1_u64)?;
        let help = "When the monitor last asked";
        let mut family = self.gauges("monitor_round_timestamp_seconds", help)?;
        family.0.encode_gauge(&cluster.time)
    }

    fn of_engines(&mut self, cluster: &Cluster) -> fmt::Result {
        let help = "Whether the engine's remote manager answers the monitor";
        let mut family = self.gauges("engine_up", help)?;
        for engine in &cluster.engines {
            let labels = [("engine", name(engine)), ("address", &*engine.address)];
            family.gauge(&labels, u64::from(engine.current().is_some()))?;
        }
        let help = "How long the engine's last answer to the monitor took";
        let mut family = self.gauges("engine_answer_seconds", help)?;
        // Of those that answer: a node that has moved to another engine is the last answer of two.
        let answering = cluster.engines.iter().filter(|it| it.current().is_some());
        for engine in answering {
            if let Some(took) = engine.took {
                family.gauge(&[("engine", name(engine))], took)?;
            }
        }
        let answers = || {
            let engines = cluster.engines.iter();
            engines.filter_map(|engine| Some((name(engine), engine.current()?)))
        };
        let mut family = self.gauges("build_info", "The module's version")?;
        for (engine, answer) in answers() {
            family.gauge(&[("engine", engine), ("version", &answer.version)], 1_u64)?;
        }
        for (name, help, value) in OF_ENGINES {
            let mut family = self.gauges(name, help)?;
            for (engine, answer) in answers() {
                if let Some(value) = value(answer) {
                    family.gauge(&[("engine", engine)], value)?;
                }
            }
        }
        let help = "How many configuration files were loaded";
        let mut family = self.counters("settings_loaded", help)?;
        for (engine, answer) in answers() {
            family.counter(&[("engine", engine)], answer.reload)?;
        }
        for counter in Counter::ALL {
            let name = counter.text();
            let help = counter.help().trim_end_matches('.');
            let mut family = self.counters(name, help)?;
            for (engine, answer) in answers() {
                if let Some(&count) = answer.counters.get(name) {
                    family.counter(&[("engine", engine)], count)?;
                }
            }
        }
        Ok(())
    }

    fn of_nodes(&mut self, cluster: &Cluster) -> fmt::Result {
        let help = "The one word for the node";
        let mut family = self.gauges("node_condition", help)?;
        for node in &cluster.nodes {
            let labels = [("node", &*node.name), ("condition", node.condition.word())];
            family.gauge(&labels, 1_u64)?;
        }
        for (name, help, value) in OF_NODES {
            let mut family = self.gauges(name, help)?;
            for node in &cluster.nodes {
                if let Some(value) = value(node) {
                    family.gauge(&[("node", &*node.name)], value)?;
                }
            }
        }
        let help = "How long the monitor has seen the node in its present condition";
        let mut family = self.gauges("node_state_seconds", help)?;
        for node in &cluster.nodes {
            let lasted = cluster.time.saturating_sub(node.since);
            family.gauge(&[("node", &*node.name)], lasted)?;
        }
        let help =
            "How long the node's last answer to a probe took, by the node that waited longest";
        let mut family = self.gauges("node_probe_seconds", help)?;
        for node in &cluster.nodes {
            let latencies = node.seen_by.iter().filter_map(|seen| seen.latency);
            if let Some(latency) = latencies.reduce(f64::max) {
                family.gauge(&[("node", &*node.name)], latency)?;
            }
        }
        Ok(())
    }

    /// Those of pairs that have to do with each other: in a big cluster most have not.
    fn of_pairs(&mut self, cluster: &Cluster) -> fmt::Result {
        let help = "Calls and messages that the engine has sent to the node";
        let mut family = self.counters("node_forwards", help)?;
        for (node, seen) in pairs(cluster) {
            family.counter(
                &[("engine", &*seen.by), ("node", &node.name)],
                seen.forwards,
            )?;
        }
        let help = "Calls from the engine to the node that got no answer at all";
        let mut family = self.counters("node_failures", help)?;
        for (node, seen) in pairs(cluster) {
            family.counter(
                &[("engine", &*seen.by), ("node", &node.name)],
                seen.failures,
            )?;
        }
        Ok(())
    }
}

fn pairs(cluster: &Cluster) -> impl Iterator<Item = (&Node, &Seen)> {
    let nodes = cluster.nodes.iter();
    let pairs = nodes.flat_map(|node| node.seen_by.iter().map(move |seen| (node, seen)));
    pairs.filter(|(_, seen)| seen.forwards > 0 || seen.failures > 0)
}

/// The name of an engine: that of its node, or its address before it has answered.
fn name(engine: &Engine) -> &str {
    engine.node.as_deref().unwrap_or(&engine.address)
}

/// The samples of a metric.
struct Family<'e>(MetricEncoder<'e>);

impl Family<'_> {
    fn gauge(
        &mut self,
        labels: &impl EncodeLabelSet,
        value: impl EncodeGaugeValue + Copy,
    ) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }

    fn counter(
        &mut self,
        labels: &impl EncodeLabelSet,
        value: impl EncodeCounterValue + Copy,
    ) -> fmt::Result {
        let mut sample = self.0.encode_family(labels)?;
        sample.encode_counter::<[(&str, &str); 0], _, f64>(&value, None)
    }
}
