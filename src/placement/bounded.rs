// SPDX-License-Identifier: GPL-2.0-or-later

//! Placement by load: rendezvous hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam).
//!
//! A new resource goes to the first node, in the resource's own order of the nodes, that has room. A node has room while
//! its load is below [`Spread`] times its fair share. So what a node is too full for spreads over all others.
//! The order is that of [rendezvous hashing](super::rendezvous), so that nodes with the same figures agree.
//!
//! All is integer arithmetic; `docs/placement.md` has it as a program.
//!
//! * The *load* of a node is the number of its resources. A node whose load isn't known has room, and is left out of
//!   the sums.
//! * A *full* node is one that has reached its own limit. It is left out, too, as long as another one is not full.
//! * A node's *fair share* is its weight's part of all loads and the new resource.
//! * Figures are always a little old. So nodes aim at half of what `Spread` allows above the fair share: a node has room
//!   below that. Only if no node does, one that is below the whole bound has room.
//! * If no node has room, the order alone counts.

use super::rendezvous::{Candidate, Key, place};

/// The bound of a node's load, compared with its fair share. By default there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// In thousandths; 0 for no bound.
    thousandths: u32,
}

impl Spread {
    /// A quarter more than the fair share.
    pub const USUAL: Self = Self { thousandths: 1250 };
    /// The greatest one.
    const MOST: u32 = 100_000;

    /// Reads a number such as `1.25`; `0` and words for it mean no bound.
    ///
    /// # Errors
    ///
    /// Fails where a node could not even have its fair share.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        match text {
            b"" => return Ok(Self::USUAL),
            b"0" | b"off" | b"no" | b"false" => return Ok(Self::default()),
            _ => {}
        }
        let thousandths = thousandths(text).filter(|number| (1001..=Self::MOST).contains(number));
        let thousandths =
            thousandths.ok_or("not a number from 1.001 to 100 such as 1.25, and not 0 or off")?;
        Ok(Self { thousandths })
    }

    /// There is a bound.
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.thousandths > 0
    }
}

/// A decimal number with at most three decimals, in thousandths.
fn thousandths(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || whole.starts_with('+') || decimals.starts_with('+') {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let decimals: u32 = format!("{decimals:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(decimals)
}

/// The figures of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The number of its resources, if that is known.
    pub load: Option<u64>,
    /// It has reached its own limit.
    pub is_full: bool,
}

/// The sums of all nodes that are not full and whose load is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    load: u64,
    weight: u64,
    /// Some node is full.
    has_full: bool,
}

impl Sums {
    /// The sums of these nodes, given by weight and figures.
    pub fn of(nodes: impl Iterator<Item = (u32, Figures)>) -> Self {
        let mut sums = Self::default();
        for (weight, figures) in nodes {
            sums.has_full |= figures.is_full;
            if let (Some(load), false, 1..) = (figures.load, figures.is_full, weight) {
                sums.load = sums.load.saturating_add(load);
                sums.weight += u64::from(weight);
            }
        }
        sums
    }

    /// No figure makes a difference.
    fn are_empty(&self) -> bool {
        self.weight == 0 && !self.has_full
    }

    /// The load of a node in percent of its fair share; `None` where there is none.
    #[must_use]
    pub fn percent(&self, weight: u32, load: u64) -> Option<u64> {
        let share = u128::from(weight) * u128::from(self.load);
        let percent = (u128::from(load) * u128::from(self.weight) * 100).checked_div(share)?;
        u64::try_from(percent).ok()
    }

    /// The load from which on a node has no room; `None` where it has no bound.
    #[must_use]
    pub fn bound(&self, spread: Spread, weight: u32) -> Option<u64> {
        self.part(2 * spread.thousandths, weight)
            .filter(|_| spread.is_set())
    }

    /// The load from which on a node has no room as long as another one has some: the middle between its fair share and its
    /// bound.
    #[must_use]
    pub fn aim(&self, spread: Spread, weight: u32) -> Option<u64> {
        self.part(1000 + spread.thousandths, weight)
            .filter(|_| spread.is_set())
    }

    /// So many two thousandths of a node's fair share of all loads and one more; the least whole number that isn't less.
    fn part(&self, factor: u32, weight: u32) -> Option<u64> {
        let part = u128::from(factor) * u128::from(weight) * (u128::from(self.load) + 1);
        let of = 2000 * u128::from(self.weight);
        let part = (of > 0).then(|| part.div_ceil(of))?;
        Some(u64::try_from(part).unwrap_or(u64::MAX))
    }
}

/// Whether a node has room below a bound, if it has one.
fn has_room(bound: Option<u64>, figures: Figures) -> bool {
    let is_below = |(load, bound)| load < bound;
    !figures.is_full && figures.load.zip(bound).is_none_or(is_below)
}

/// The node of a new resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    /// The caller's mark for the node.
    pub node: T,
    /// By the order alone it would be another node.
    pub is_moved: bool,
}

/// Chooses the node of a new resource; `None` where no candidate has a weight.
///
/// Without figures it is the winner by the order alone. A list of equal candidates with equal figures gives an equal
/// answer, whatever the order of the list is. It is gone through twice, and a third time where a node has no room.
pub fn choose<T: Copy + PartialEq>(
    key: Key,
    spread: Spread,
    candidates: &(impl Iterator<Item = (Candidate<T>, Figures)> + Clone),
) -> Option<Choice<T>> {
    let all = candidates.clone();
    let sums = Sums::of(all.map(|(candidate, figures)| (candidate.weight, figures)));
    let among = |is_open: &dyn Fn(u32, Figures) -> bool| {
        let candidates = candidates.clone();
        let open = candidates.filter(|(candidate, figures)| is_open(candidate.weight, *figures));
        let marked = open.map(|(candidate, figures)| Candidate {
            seed: candidate.seed,
            weight: candidate.weight,
            node: (candidate.node, candidate.weight, figures),
        });
        place(key, marked)
    };
    let aim = |weight, figures| has_room(sums.aim(spread, weight), figures);
    let bound = |weight, figures| has_room(sums.bound(spread, weight), figures);
    let (first, weight, figures) = among(&|_, _| true)?;
    if sums.are_empty() || aim(weight, figures) {
        return Some(Choice {
            node: first,
            is_moved: false,
        });
    }
    let other = among(&aim)
        .or_else(|| among(&bound))
        .or_else(|| among(&|_, figures| !figures.is_full));
    let node = other.map_or(first, |(node, ..)| node);
    Some(Choice {
        node,
        is_moved: node != first,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::rendezvous::Seed;
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    /// Names, weights and figures.
    type Nodes = Vec<(u8, u32, Figures)>;

    fn candidates(nodes: &Nodes) -> impl Iterator<Item = (Candidate<u8>, Figures)> + Clone + '_ {
        nodes.iter().map(|&(name, weight, figures)| {
            let seed = Seed::of(&[name]);
            let node = name;
            (Candidate { seed, weight, node }, figures)
        })
    }

    fn chosen(nodes: &Nodes, spread: Spread, resource: u32) -> Option<Choice<u8>> {
        choose(Key::of(&resource.to_be_bytes()), spread, &candidates(nodes))
    }

    fn plain(nodes: &Nodes, resource: u32) -> Option<u8> {
        let key = Key::of(&resource.to_be_bytes());
        place(key, candidates(nodes).map(|(candidate, _)| candidate))
    }

    #[expect(clippy::cast_precision_loss, reason = "loads of tests are small")]
    fn float(number: u64) -> f64 {
        number as f64
    }

    /// Whether a node is below its bound, by fractions.
    fn is_below(nodes: &Nodes, spread: f64, (_, weight, figures): (u8, u32, Figures)) -> bool {
        let Some(load) = figures.load else {
            return !figures.is_full;
        };
        let known = || {
            let nodes = nodes.iter().filter(|(_, weight, _)| *weight > 0);
            nodes.filter_map(|(_, weight, figures)| {
                let load = figures.load.filter(|_| !figures.is_full)?;
                Some((f64::from(*weight), float(load)))
            })
        };
        let (weights, loads): (f64, f64) =
            known().fold((0.0, 0.0), |sum, node| (sum.0 + node.0, sum.1 + node.1));
        !figures.is_full && float(load) < spread * f64::from(weight) / weights * (loads + 1.0)
    }

    fn some_figures() -> impl Strategy<Value = Figures> {
        let load = prop_oneof![1 => Just(None), 8 => (0..40_u64).prop_map(Some)];
        (load, prop::bool::weighted(0.1)).prop_map(|(load, is_full)| Figures { load, is_full })
    }

    fn some_nodes() -> impl Strategy<Value = Nodes> {
        let weight = prop_oneof![4 => Just(100), 4 => 1..300_u32, 1 => Just(0)];
        btree_map(any::<u8>(), (weight, some_figures()), 1..12).prop_map(|nodes| {
            let nodes = nodes.into_iter();
            nodes
                .map(|(name, (weight, figures))| (name, weight, figures))
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn nothing_new_goes_to_a_node_above_its_bound_while_another_one_is_below(
            nodes in some_nodes(),
            resource in any::<u32>(),
        ) {
            let Some(choice) = chosen(&nodes, Spread::USUAL, resource) else {
                prop_assert!(nodes.iter().all(|(_, weight, _)| *weight == 0));
                return Ok(());
            };
            let is_open = |node: &(u8, u32, Figures)| {
                node.1 > 0 && is_below(&nodes, 1.25, *node)
            };
            let node = nodes.iter().find(|(name, ..)| *name == choice.node).unwrap();
            if nodes.iter().any(is_open) {
                prop_assert!(is_open(node));
            } else if nodes.iter().any(|(_, weight, figures)| *weight > 0 && !figures.is_full) {
                prop_assert!(!node.2.is_full);
            }
        }

        #[test]
        fn nodes_with_the_same_figures_agree_in_whatever_order_they_have_them(
            (nodes, other) in some_nodes().prop_flat_map(|nodes| (Just(nodes.clone()), Just(nodes).prop_shuffle())),
            resource in any::<u32>(),
        ) {
            let spread = Spread::USUAL;
            prop_assert_eq!(chosen(&nodes, spread, resource), chosen(&other, spread, resource));
        }

        #[test]
        fn without_figures_it_is_the_winner(nodes in some_nodes(), resource in any::<u32>()) {
            let nodes = nodes.into_iter().map(|(name, weight, _)| (name, weight, Figures::default()));
            let nodes: Nodes = nodes.collect();
            let node = plain(&nodes, resource);
            let choice = node.map(|node| Choice { node, is_moved: false });
            prop_assert_eq!(chosen(&nodes, Spread::USUAL, resource), choice);
        }

        #[test]
        fn without_a_bound_only_full_nodes_are_passed_over(nodes in some_nodes(), resource in any::<u32>()) {
            let node = chosen(&nodes, Spread::default(), resource).map(|choice| choice.node);
            let open: Nodes = nodes.iter().copied().filter(|(_, _, figures)| !figures.is_full).collect();
            prop_assert_eq!(node, plain(&open, resource).or_else(|| plain(&nodes, resource)));
        }

        /// The others have room before and after, so nobody sends anything on.
        #[test]
        fn a_node_that_joins_takes_what_it_gets_from_all_others_and_nothing_else_changes(
            nodes in btree_map(any::<u8>(), 100..110_u64, 10..20),
            resource in any::<u32>(),
        ) {
            let node = |(name, load): (u8, u64)| {
                (name, 100, Figures { load: Some(load), is_full: false })
            };
            let all: Nodes = nodes.into_iter().map(node).collect();
            let mut before = all.clone();
            let joins = before.remove(0);
            let mut after = before.clone();
            after.push((joins.0, 100, Figures { load: Some(90), is_full: false }));
            let (before, after) = (chosen(&before, Spread::USUAL, resource), chosen(&after, Spread::USUAL, resource));
            let after = after.unwrap().node;
            prop_assert!(after == before.unwrap().node || after == joins.0);
        }

        #[test]
        fn arbitrary_texts_are_no_bound_of_less_than_the_fair_share(text in "[-+0-9a.]{0,8}") {
            let spread = Spread::parse(text.as_bytes());
            prop_assert!(spread.is_err() || spread.is_ok_and(|it| !it.is_set() || it.thousandths > 1000));
        }
    }

    #[test]
    fn a_bound_is_more_than_the_fair_share() {
        let read = |text: &str| Spread::parse(text.as_bytes()).map(|spread| spread.thousandths);
        for (text, thousandths) in [
            ("", 1250),
            ("0", 0),
            ("off", 0),
            ("1.001", 1001),
            ("1.3", 1300),
            ("2", 2000),
            ("100", 100_000),
        ] {
            assert_eq!(read(text), Ok(thousandths), "{text}");
        }
        for text in [
            "1", "1.0", "0.9", "-1.5", "+1.5", "1.2345", "1,25", "101", "1.+2", "x",
        ] {
            read(text).unwrap_err();
        }
    }

    #[test]
    fn what_a_full_node_does_not_take_spreads_over_all_others() {
        let figures = |load, is_full| Figures {
            load: Some(load),
            is_full,
        };
        let nodes: Nodes = (0..10)
            .map(|name| {
                (
                    name,
                    100,
                    figures(if name == 0 { 300 } else { 100 }, name == 1),
                )
            })
            .collect();
        let mut moved = [0; 10];
        for resource in 0..10_000 {
            let choice = chosen(&nodes, Spread::USUAL, resource).unwrap();
            assert_eq!(
                choice.is_moved,
                plain(&nodes, resource) != Some(choice.node)
            );
            moved[usize::from(choice.node)] += usize::from(choice.is_moved);
        }
        assert_eq!(moved[..2], [0, 0]);
        for count in &moved[2..] {
            assert!((200..300).contains(count), "{moved:?}");
        }
    }

    #[test]
    fn shares_and_bounds_are_shown_as_they_are_counted() {
        let sums = Sums::of([10, 20].into_iter().map(|load| {
            (
                100,
                Figures {
                    load: Some(load),
                    is_full: false,
                },
            )
        }));
        assert_eq!(sums.percent(100, 20), Some(133));
        assert_eq!(sums.bound(Spread::USUAL, 100), Some(20));
        assert_eq!(sums.bound(Spread::default(), 100), None);
        assert_eq!(Sums::default().percent(100, 0), None);
        assert_eq!(Sums::default().bound(Spread::USUAL, 100), None);
    }
}
