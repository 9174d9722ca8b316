// SPDX-License-Identifier: GPL-2.0-or-later

//! The forwards between each pair of nodes: a table of few nodes, a picture of many.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::words;
use crate::cluster::{Cluster, State};

/// The most nodes that a table has rows and columns for.
const TABLE: usize = 16;
/// The number of levels of heat.
const LEVELS: usize = 6;
/// The number of pairs in the list beside a picture.
const BUSIEST: usize = 12;

/// All pairs, as a table or a picture.
pub struct Pairs<'a> {
    pub names: Vec<&'a str>,
    pub table: Vec<PairRow<'a>>,
    pub picture: Option<Picture>,
    pub busiest: Vec<Pair<'a>>,
    pub most: String,
}

/// The forwards from one node.
pub struct PairRow<'a> {
    pub from: &'a str,
    pub cells: Vec<Cell>,
}

/// A pair in the table.
pub struct Cell {
    pub class: String,
    pub text: String,
}

/// A pair in the list.
pub struct Pair<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub rate: String,
}

/// The rows and columns of many nodes, a unit each.
pub struct Picture {
    pub size: usize,
    pub layers: Vec<Layer>,
}

/// The squares of one level, as a path of horizontal strokes.
pub struct Layer {
    pub class: String,
    pub path: String,
}

/// The forwards of one pair.
#[derive(Clone, Copy, Default)]
struct Flow {
    rate: f64,
    down: bool,
    known: bool,
}

impl<'a> Pairs<'a> {
    /// Nothing, where no two nodes know each other.
    pub fn of(cluster: &'a Cluster) -> Option<Self> {
        let names: Vec<&str> = cluster
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        let size = names.len();
        let places: BTreeMap<&str, usize> = names.iter().copied().zip(0..).collect();
        let mut flows = vec![Flow::default(); size * size];
        for (to, node) in cluster.nodes.iter().enumerate() {
            for seen in &node.seen_by {
                let from = places.get(&*seen.by).filter(|from| **from != to);
                if let Some(from) = from {
                    flows[from * size + to] = Flow {
                        rate: (seen.rate * 60.0).max(0.0),
                        down: seen.state == State::Down,
                        known: true,
                    };
                }
            }
        }
        if !flows.iter().any(|flow| flow.known) {
            return None;
        }
        let most = flows.iter().map(|flow| flow.rate).fold(0.0, f64::max);
        let classes: Vec<String> = flows.iter().map(|flow| flow.class(most)).collect();
        let is_table = size <= TABLE;
        let mut busiest: Vec<usize> = (0..flows.len())
            .filter(|at| !is_table && flows[*at].rate > 0.0)
            .collect();
        busiest.sort_by(|a, b| flows[*b].rate.total_cmp(&flows[*a].rate));
        busiest.truncate(BUSIEST);
        let cells = |from: usize| {
            let places = from * size..(from + 1) * size;
            places.map(|at| Cell {
                class: classes[at].clone(),
                text: flows[at].text(at / size == at % size),
            })
        };
        Some(Self {
            table: (0..if is_table { size } else { 0 })
                .map(|from| PairRow {
                    from: names[from],
                    cells: cells(from).collect(),
                })
                .collect(),
            picture: (!is_table).then(|| Picture {
                size,
                layers: layers(size, &classes),
            }),
            busiest: busiest
                .into_iter()
                .map(|at| Pair {
                    from: names[at / size],
                    to: names[at % size],
                    rate: words::rate(flows[at].rate),
                })
                .collect(),
            most: words::rate(most),
            names,
        })
    }
}

impl Flow {
    /// `h1` to `h6`, by the share of the most; small ones are told apart better than large ones.
    fn class(self, most: f64) -> String {
        let share = self.rate / most.max(f64::MIN_POSITIVE);
        match self {
            Self { down: true, .. } => "hx".to_owned(),
            Self { rate, .. } if rate > 0.0 => {
                let level = (1..LEVELS).find(|level| {
                    let bound = f64::from(u32::try_from(*level).unwrap_or(1)) / 6.0;
                    share <= bound * bound
                });
                format!("h{}", level.unwrap_or(LEVELS))
            }
            _ => "h0".to_owned(),
        }
    }

    fn text(self, same: bool) -> String {
        match self {
            _ if same => String::new(),
            Self { known: false, .. } => "?".to_owned(),
            Self { down: true, .. } => "down".to_owned(),
            Self { rate, .. } => words::rate(rate),
        }
    }
}

/// A layer for each level that occurs.
fn layers(size: usize, classes: &[String]) -> Vec<Layer> {
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for from in 0..size {
        let row = &classes[from * size..(from + 1) * size];
        let mut start = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] != "h0" {
                let path = paths.entry(&run[0]).or_default();
                // Writing to a string doesn't fail.
                let _ = write!(path, "M{start} {from}h{}", run.len());
            }
            start += run.len();
        }
    }
    let layers = paths.into_iter();
    layers
        .map(|(class, path)| Layer {
            class: class.to_owned(),
            path,
        })
        .collect()
}
