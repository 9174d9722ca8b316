// SPDX-License-Identifier: GPL-2.0-or-later

//! The score of a node: a logarithm in whole numbers, the same on every machine.

/// The number of bits of a score behind the point.
const FRACTION: u32 = 48;

/// The score: -log₂(hash / 2⁶⁴) in units of 2⁻⁴⁸, rounded up; at least 1.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is shifted out of a square leaves 64 bits"
)]
pub(super) const fn of(hash: u64) -> u64 {
    let zeros = hash.leading_zeros();
    // The hash as a number from 1 to 2, of which the first bit is the one before the point. Squared it
    // has twice the logarithm; where that makes it 2 or more the next bit of the logarithm is 1.
    let mut number = hash << zeros;
    let mut logarithm = (u64::BITS - 1 - zeros) as u64;
    let mut bits = 0;
    while bits < FRACTION {
        let square = number as u128 * number as u128;
        let (one_to_two, two_to_four) = ((square >> 63) as u64, (square >> 64) as u64);
        let bit = two_to_four >> 63;
        number = if bit == 1 { two_to_four } else { one_to_two };
        logarithm = (logarithm << 1) | bit;
        bits += 1;
    }
    ((u64::BITS as u64) << FRACTION) - logarithm
}

/// A lower bound of the score: (1 - u) log₂ e in its units, rounded down, since -ln u ≥ 1 - u.
pub(super) const fn lower_bound(hash: u64) -> u64 {
    /// log₂ e in units of 2⁻¹⁶, rounded down.
    const LOG2_E: u64 = 94_548;
    (!hash >> 32) * LOG2_E
}

#[cfg(test)]
mod tests {
    use super::super::tests::float;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_score_is_the_logarithm_of_its_hash(hash in any::<u64>()) {
            let hash = hash | 1;
            let unit = 2_f64.powi(-48);
            let exact = -float(hash).log2() + 64.0;
            // The logarithm itself is good for some 2⁻⁴⁷.
            prop_assert!((float(of(hash)) * unit - exact).abs() <= 3.0 * unit, "{}", hash);
        }

        #[test]
        fn no_score_is_below_its_bound(hash in any::<u64>(), ones in 0..63_u32) {
            // Great hashes are the ones that win.
            let hash = (hash >> 1 >> ones) | !(u64::MAX >> ones) | 1;
            prop_assert!(lower_bound(hash) <= of(hash));
        }

        #[test]
        fn a_greater_hash_has_no_greater_score(one in any::<u64>(), other in any::<u64>(), near in any::<u16>()) {
            for (one, other) in [(one, other), (one, one.saturating_add(near.into()))] {
                let (less, more) = (one.min(other) | 1, one.max(other) | 1);
                prop_assert!(of(less) >= of(more));
            }
        }
    }

    #[test]
    fn scores_at_both_ends_are_right() {
        assert_eq!(of(1), 64 << 48);
        assert_eq!(of(u64::MAX), 1);
        assert_eq!(of((1 << 63) | 1), 1 << 48);
        for hash in [1, 3, u64::MAX, u64::MAX - 2, (1 << 63) - 1, (1 << 63) | 1] {
            assert!(lower_bound(hash) <= of(hash), "{hash}");
        }
    }
}
