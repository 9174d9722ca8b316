// SPDX-License-Identifier: GPL-2.0-or-later

//! The lease: the rules by which resources are claimed.

use std::ops::RangeInclusive;

use super::query::{Purpose, Query};
use crate::placement::bounded::Spread;

/// A query that claims a resource, good for both databases that `conf/` has a schema for. A node keeps it as long as its
/// lease runs and `$keeps` holds.
///
/// A node that isn't in this node's list keeps a resource, too, but no call from here renews its lease: it may be a
/// node that is gone. Nor does a call from here renew that of a node that can't be reached from here.
macro_rules! claim {
    ($keeps:literal) => {
        concat!(
            "INSERT INTO cluster_resources AS held (resource, node, expires) \
             VALUES (${resource}, ${node}, ${expires}) \
             ON CONFLICT (resource) DO UPDATE SET \
             expires = CASE WHEN held.expires >= ${now} AND held.node NOT IN (${nodes}) AND ",
            $keeps,
            " THEN held.expires ELSE excluded.expires END, \
             node = CASE WHEN held.expires >= ${now} AND ",
            $keeps,
            " THEN held.node ELSE excluded.node END \
             RETURNING node"
        )
    };
}

/// A query that looks for the node of a resource.
macro_rules! lookup {
    ($keeps:literal) => {
        concat!(
            "SELECT node FROM cluster_resources AS held \
             WHERE resource = ${resource} AND expires >= ${now} AND ",
            $keeps
        )
    };
}

/// The condition under which a node that is down for this node keeps its resources all the same: it has heartbeats, and
/// no more than half of the nodes that have any find it down.
macro_rules! heeding_heartbeats {
    ($query:ident) => {
        $query!(
            "(held.node NOT IN (${gone}) OR held.node IN (\
             SELECT name FROM cluster_heartbeats AS own WHERE name IN (${down}) AND expires >= ${now} AND \
             (SELECT count(*) FROM cluster_heartbeats WHERE expires >= ${now}) >= \
             (SELECT 2 * count(*) FROM cluster_heartbeats AS other WHERE other.expires >= ${now} AND \
             replace(other.down, '|' || own.name || '|', '') <> other.down)))"
        )
    };
}

/// The query that claims a resource.
pub const CLAIM: &str = claim!("held.node NOT IN (${gone})");

/// The query that looks for the node of a resource.
pub const LOOKUP: &str = lookup!("held.node NOT IN (${gone})");

/// The query that claims a resource where the same database has the heartbeats of the nodes.
pub const CLAIM_WITH_HEARTBEATS: &str = heeding_heartbeats!(claim);

/// The query that looks for its node there.
pub const LOOKUP_WITH_HEARTBEATS: &str = heeding_heartbeats!(lookup);

/// The rules by which resources are claimed: the settings of `[locate]`.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// The database account, as the engine's database modules know it; empty for none.
    pub account: Box<[u8]>,
    /// The time that a claim holds after its last use, in seconds.
    pub lease: u32,
    /// The time that a claim is answered from cache, in seconds.
    pub cache: u32,
    /// The longest time that one query may take, in milliseconds.
    pub timeout: u32,
    /// The time that the database is left alone after a failure, in seconds.
    pub retry: u32,
    /// The bound of a node's load, beyond which it gets nothing new.
    pub spread: Spread,
    /// Claims a resource.
    pub claim: Query,
    /// Looks for its node only.
    pub lookup: Query,
}

impl LeaseConfig {
    /// The lengths that a lease may have.
    pub const LEASES: RangeInclusive<u32> = 10..=31_536_000;
    /// The times that a query may be given.
    pub const TIMEOUTS: RangeInclusive<u32> = 10..=10_000;
    /// The times that the database may be left alone.
    pub const RETRIES: RangeInclusive<u32> = 1..=3_600;
    /// The longest time that a claim is answered from cache, unless it is set.
    pub const USUAL_CACHE: u32 = 60;

    /// Whether both ask the same database in the same words, so that an answer to one is good for the other.
    #[must_use]
    pub fn ask_alike(&self, other: &Self) -> bool {
        (&self.account, &self.claim, &self.lookup) == (&other.account, &other.claim, &other.lookup)
    }

    /// The same, with queries that heed the heartbeats of the nodes, unless it has queries of its own.
    #[must_use]
    pub fn with_heartbeats(mut self) -> Self {
        let usual = Self::default();
        if self.claim == usual.claim {
            self.claim = query(Purpose::Claim, CLAIM_WITH_HEARTBEATS);
        }
        if self.lookup == usual.lookup {
            self.lookup = query(Purpose::Lookup, LOOKUP_WITH_HEARTBEATS);
        }
        self
    }

    /// The time that claims are answered from cache: `set`, or a quarter of the lease but no longer than
    /// [usual](Self::USUAL_CACHE).
    ///
    /// # Errors
    ///
    /// Fails when that is more than half the lease, which would run out while it is used.
    pub fn cache(lease: u32, set: Option<u32>) -> Result<u32, CacheError> {
        match set {
            None => Ok((lease / 4).min(Self::USUAL_CACHE)),
            Some(cache) if cache <= lease / 2 => Ok(cache),
            Some(_) => Err(CacheError { most: lease / 2 }),
        }
    }
}

/// One of the queries above.
fn query(purpose: Purpose, text: &str) -> Query {
    let query = Query::parse(purpose, text.as_bytes());
    query.unwrap_or_else(|_| unreachable!("the defaults are valid"))
}

/// The defaults, without a database.
impl Default for LeaseConfig {
    fn default() -> Self {
        Self {
            account: Box::default(),
            lease: 14_400,
            cache: Self::USUAL_CACHE,
            timeout: 500,
            retry: 5,
            spread: Spread::USUAL,
            claim: query(Purpose::Claim, CLAIM),
            lookup: query(Purpose::Lookup, LOOKUP),
        }
    }
}

/// The reason why claims can't be remembered for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than half of 'lease', not a number from 0 to {most}")]
pub struct CacheError {
    /// The longest possible.
    pub most: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_remembered_for_a_minute_or_a_quarter_of_a_short_lease() {
        assert_eq!(LeaseConfig::cache(14_400, None), Ok(60));
        assert_eq!(LeaseConfig::cache(100, None), Ok(25));
        assert_eq!(
            LeaseConfig::cache(LeaseConfig::default().lease, None),
            Ok(LeaseConfig::default().cache)
        );
    }

    #[test]
    fn a_claim_that_is_used_is_renewed_before_its_lease_ends() {
        assert_eq!(LeaseConfig::cache(100, Some(0)), Ok(0));
        assert_eq!(LeaseConfig::cache(100, Some(50)), Ok(50));
        let error = LeaseConfig::cache(100, Some(51)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "more than half of 'lease', not a number from 0 to 50"
        );
    }
}
