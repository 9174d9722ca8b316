// SPDX-License-Identifier: GPL-2.0-or-later

//! Decides the node that a resource is placed on: weighted rendezvous hashing.
//!
//! Every node of the cluster gives the same answer from the same list, with nothing to agree on and nothing
//! to remember. Each node has a score for each resource, and the best score wins. So a node that is lost
//! takes only its own resources with it, one that comes back takes just those back, and a weight that changes
//! moves resources from or to its own node alone.
//!
//! All is integer arithmetic, so that nodes of different machines and versions agree. The following list is
//! the whole of it; `docs/placement.md` has it as a program, `tests/data/placement.jsonl` its results.
//!
//! * A node's *seed* is bytes 0 to 7 of the SHA-256 of its name, a resource's *key* bytes 8 to 15 of that of
//!   the resource, both as big-endian numbers.
//! * The node's *hash* for the resource is `mix(seed ^ key) | 1`, where `mix` is the finalizer of
//!   `SplitMix64`.
//! * Read as a fraction of 2⁶⁴ the hash is a random number u between 0 and 1. The node's *score* is
//!   -log₂ u in units of 2⁻⁴⁸, by repeated squaring: an exponentially distributed number. The less, the better.
//! * The least score / weight wins: the node's chance is its weight's share of all weights. Weight 0 never wins.
//! * Of equal ones the greater hash wins, of equal hashes the greater seed.

mod score;

use sha2::{Digest, Sha256};

/// The seed of a node's scores; made once for each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(u64);

impl Seed {
    /// The seed of a node's name.
    #[must_use]
    pub fn of(node: &[u8]) -> Self {
        let [seed, ..] = words(node);
        Self(seed)
    }
}

/// The key of a resource's scores; made once for each placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl Key {
    /// The key of a resource.
    #[must_use]
    pub fn of(resource: &[u8]) -> Self {
        // Not the same word as a node's seed: a resource may have a node's name.
        let [_, key, ..] = words(resource);
        Self(key)
    }
}

/// A node that a resource may be placed on.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<T> {
    /// The seed of its scores.
    pub seed: Seed,
    /// Its weight, compared with those of the others; 0 for nothing.
    pub weight: u32,
    /// The caller's own mark for the node.
    pub node: T,
}

/// Chooses the node of a resource; `None` where no candidate has a weight.
///
/// The order of the candidates is of no importance, as long as no two have the same name.
#[must_use]
pub fn place<T>(key: Key, candidates: impl IntoIterator<Item = Candidate<T>>) -> Option<T> {
    let mut best: Option<Scored<T>> = None;
    for candidate in candidates {
        if candidate.weight == 0 {
            continue;
        }
        let mut scored = Scored::new(key, candidate);
        if best.as_mut().is_none_or(|best| scored.wins_over(best)) {
            best = Some(scored);
        }
    }
    best.map(|best| best.candidate.node)
}

/// A candidate with its hash and, once it is computed, its score.
struct Scored<T> {
    hash: u64,
    /// Computed when it is needed, since a logarithm costs as much as fifty hashes.
    score: Option<u64>,
    candidate: Candidate<T>,
}

impl<T> Scored<T> {
    const fn new(key: Key, candidate: Candidate<T>) -> Self {
        Self {
            hash: hash(candidate.seed, key),
            score: None,
            candidate,
        }
    }

    fn wins_over(&mut self, best: &mut Self) -> bool {
        let (weight, best_weight) = (self.candidate.weight, best.candidate.weight);
        if weight == best_weight {
            // The greater hash has the lesser score, or the same.
            return self.rank() > best.rank();
        }
        let most = u128::from(best.score()) * u128::from(weight);
        if u128::from(score::lower_bound(self.hash)) * u128::from(best_weight) > most {
            return false;
        }
        let score = u128::from(self.score()) * u128::from(best_weight);
        (score, best.rank()) < (most, self.rank())
    }

    fn score(&mut self) -> u64 {
        *self.score.get_or_insert_with(|| score::of(self.hash))
    }

    /// The rank among equal scores.
    const fn rank(&self) -> (u64, u64) {
        (self.hash, self.candidate.seed.0)
    }
}

/// The first words of a text's SHA-256.
fn words(text: &[u8]) -> [u64; 2] {
    let digest = Sha256::digest(text);
    std::array::from_fn(|word| {
        let bytes = digest[8 * word..].first_chunk();
        u64::from_be_bytes(*bytes.unwrap_or_else(|| unreachable!("a digest has four words")))
    })
}

/// A random number from 1 to 2⁶⁴ - 1, always odd, for a node and a resource.
const fn hash(seed: Seed, key: Key) -> u64 {
    let mut word = seed.0 ^ key.0;
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (word ^ (word >> 31)) | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    /// Names and weights.
    type Nodes = Vec<(Vec<u8>, u32)>;

    fn nodes(count: u32, weight: impl Fn(u32) -> u32) -> Nodes {
        let node = |index| (format!("node{index}").into_bytes(), weight(index));
        (1..=count).map(node).collect()
    }

    fn candidates(nodes: &Nodes) -> impl Iterator<Item = Candidate<&[u8]>> {
        nodes.iter().map(|(name, weight)| Candidate {
            seed: Seed::of(name),
            weight: *weight,
            node: name.as_slice(),
        })
    }

    fn placed<'a>(nodes: &'a Nodes, resource: &[u8]) -> Option<&'a [u8]> {
        place(Key::of(resource), candidates(nodes))
    }

    /// The winner by the rule as it is written, each score computed and compared.
    fn placed_plainly<'a>(nodes: &'a Nodes, resource: &[u8]) -> Option<&'a [u8]> {
        let key = Key::of(resource);
        let wins = |(score, one): &(u64, Candidate<_>),
                    (other_score, other): &(u64, Candidate<_>)| {
            let product = |score: u64, weight: u32| u128::from(score) * u128::from(weight);
            let rank = |candidate: &Candidate<_>| (hash(candidate.seed, key), candidate.seed.0);
            (product(*score, other.weight), rank(other))
                < (product(*other_score, one.weight), rank(one))
        };
        candidates(nodes)
            .filter(|candidate| candidate.weight > 0)
            .map(|candidate| (score::of(hash(candidate.seed, key)), candidate))
            .reduce(|best, next| if wins(&next, &best) { next } else { best })
            .map(|(_, candidate)| candidate.node)
    }

    #[expect(clippy::cast_precision_loss, reason = "it's the oracle that is rough")]
    pub(super) fn float(number: u64) -> f64 {
        number as f64
    }

    /// -ln u / weight of each candidate in floating point, with its name; the least first.
    fn draws<'a>(nodes: &'a Nodes, resource: &[u8]) -> Vec<(f64, &'a [u8])> {
        let key = Key::of(resource);
        let mut draws: Vec<_> = candidates(nodes)
            .filter(|candidate| candidate.weight > 0)
            .map(|Candidate { seed, weight, node }| {
                let below_one = float(!hash(seed, key) + 1) / 2_f64.powi(64);
                (-(-below_one).ln_1p() / f64::from(weight), node)
            })
            .collect();
        draws.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        draws
    }

    fn some_nodes() -> impl Strategy<Value = Nodes> {
        let weight = prop_oneof![
            8 => 1..300_u32,
            2 => Just(100),
            1 => Just(0),
            1 => any::<u32>(),
        ];
        btree_map(vec(any::<u8>(), 1..6), weight, 1..20)
            .prop_map(|nodes| nodes.into_iter().collect())
    }

    fn some_resource() -> impl Strategy<Value = Vec<u8>> {
        vec(any::<u8>(), 0..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn scores_that_are_not_computed_could_not_have_won(
            nodes in some_nodes(),
            resource in some_resource(),
        ) {
            prop_assert_eq!(placed(&nodes, &resource), placed_plainly(&nodes, &resource));
        }

        #[test]
        fn the_order_of_the_list_is_of_no_importance(
            (nodes, other) in some_nodes().prop_flat_map(|nodes| (Just(nodes.clone()), Just(nodes).prop_shuffle())),
            resource in some_resource(),
        ) {
            prop_assert_eq!(placed(&nodes, &resource), placed(&other, &resource));
        }

        #[test]
        fn a_node_that_is_lost_takes_only_its_own_resources_with_it(
            nodes in some_nodes(),
            lost in any::<prop::sample::Index>(),
            resource in some_resource(),
        ) {
            let before = placed(&nodes, &resource);
            let mut rest = nodes.clone();
            let (name, _) = rest.remove(lost.index(nodes.len()));
            if before != Some(&name) {
                prop_assert_eq!(placed(&rest, &resource), before);
            }
        }

        #[test]
        fn a_weight_that_grows_attracts_and_repels_nothing(
            nodes in some_nodes(),
            changed in any::<prop::sample::Index>(),
            more in 1..1000_u32,
            resource in some_resource(),
        ) {
            let mut grown = nodes.clone();
            let (name, weight) = &mut grown[changed.index(nodes.len())];
            *weight = weight.saturating_add(more);
            let name = name.clone();
            let (before, after) = (placed(&nodes, &resource), placed(&grown, &resource));
            prop_assert!(after == before || after == Some(&name));
        }

        #[test]
        fn only_ratios_of_weights_count(
            nodes in some_nodes(),
            factor in 1..1000_u32,
            resource in some_resource(),
        ) {
            let times = |factor| -> Nodes {
                let node = |(name, weight): &(Vec<u8>, u32)| (name.clone(), weight % (1 << 22) * factor);
                nodes.iter().map(node).collect()
            };
            let (one, other) = (times(1), times(factor));
            prop_assert_eq!(placed(&one, &resource), placed(&other, &resource));
        }

        #[test]
        fn a_node_without_weight_never_wins(nodes in some_nodes(), resource in some_resource()) {
            let winner = placed(&nodes, &resource);
            let weight = nodes.iter().find(|(name, _)| Some(&**name) == winner);
            prop_assert!(weight.is_none_or(|(_, weight)| *weight > 0));
            prop_assert_eq!(winner.is_none(), nodes.iter().all(|(_, weight)| *weight == 0));
        }

        #[test]
        fn floating_point_has_the_same_winner_but_for_near_ties(
            nodes in some_nodes(),
            resource in some_resource(),
        ) {
            let draws = draws(&nodes, &resource);
            let near_tie = matches!(draws[..], [(first, _), (second, _), ..] if second - first < 1e-12);
            if !near_tie {
                prop_assert_eq!(placed(&nodes, &resource), draws.first().map(|(_, node)| *node));
            }
        }

    }

    #[test]
    fn no_candidates_win_nothing() {
        assert_eq!(placed(&Nodes::new(), b"conf/1"), None);
        assert_eq!(placed(&nodes(3, |_| 0), b"conf/1"), None);
    }

    #[test]
    fn a_resource_with_the_name_of_a_node_is_a_resource_like_any_other() {
        let nodes = nodes(3, |_| 1);
        // With the same word for both there would be the same hash for each, and a poor one.
        let hashes = nodes
            .iter()
            .map(|(name, _)| hash(Seed::of(name), Key::of(name)));
        assert_eq!(hashes.collect::<std::collections::HashSet<_>>().len(), 3);
    }

    /// The sum of the squared differences between the counts and the expected ones, each divided by the
    /// latter, and how many standard deviations that is above its mean.
    fn surprise(counted: &[u64], due: &[f64]) -> f64 {
        let pairs = counted.iter().zip(due);
        let sum: f64 = pairs
            .map(|(&counted, due)| (float(counted) - due).powi(2) / due)
            .sum();
        let freedom = float(counted.len() as u64 - 1);
        (sum - freedom) / (2.0 * freedom).sqrt()
    }

    #[test]
    fn each_node_gets_its_share_of_the_resources_and_of_a_lost_nodes_resources() {
        const RESOURCES: u32 = 200_000;
        for weight in [|_| 100, |index| 50 * (index % 4 + 1)] {
            let nodes = nodes(16, weight);
            let names: Vec<_> = candidates(&nodes).collect();
            let with = |lost: usize, key| {
                let rest = names.iter().enumerate().filter(|(at, _)| *at != lost);
                place(
                    key,
                    rest.map(|(at, node)| Candidate {
                        seed: node.seed,
                        weight: node.weight,
                        node: at,
                    }),
                )
            };
            let (mut first, mut second) = ([0; 16], [[0; 16]; 16]);
            for number in 0..RESOURCES {
                let key = Key::of(format!("conf/{number}").as_bytes());
                let winner = with(usize::MAX, key).unwrap();
                first[winner] += 1;
                second[winner][with(winner, key).unwrap()] += 1;
            }
            let total: u32 = nodes.iter().map(|(_, weight)| weight).sum();
            let due = |resources: u64, weight: u32, total: u32| {
                float(resources) * f64::from(weight) / f64::from(total)
            };
            let shares: Vec<_> = nodes
                .iter()
                .map(|(_, weight)| due(RESOURCES.into(), *weight, total))
                .collect();
            assert!(surprise(&first, &shares) < 4.0, "{first:?}");
            for (lost, heirs) in second.iter().enumerate() {
                let rest = |at: &usize| *at != lost;
                let counted: Vec<_> = (0..16).filter(rest).map(|at| heirs[at]).collect();
                let shares: Vec<_> = (0..16)
                    .filter(rest)
                    .map(|at| due(first[lost], nodes[at].1, total - nodes[lost].1))
                    .collect();
                assert!(surprise(&counted, &shares) < 4.0, "{lost}: {counted:?}");
            }
        }
    }
}
