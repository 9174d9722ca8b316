// SPDX-License-Identifier: GPL-2.0-or-later

//! How large a lot is: a logarithm in whole numbers, the same on every machine.

/// How many bits of a lot are behind the point.
const FRACTION: u32 = 48;

/// The size of a lot: -log₂(hash / 2⁶⁴) in units of 2⁻⁴⁸, rounded up; at least 1.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is shifted out of a square leaves 64 bits"
)]
pub(super) const fn size(hash: u64) -> u64 {
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

/// What a lot's size is at least: (1 - u) log₂ e in its units, rounded down, since -ln u ≥ 1 - u.
pub(super) const fn least(hash: u64) -> u64 {
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
        fn a_lot_is_the_logarithm_of_its_hash(hash in any::<u64>()) {
            let hash = hash | 1;
            let unit = 2_f64.powi(-48);
            let exact = -float(hash).log2() + 64.0;
            // The logarithm itself is good for some 2⁻⁴⁷.
            prop_assert!((float(size(hash)) * unit - exact).abs() <= 3.0 * unit, "{}", hash);
        }

        #[test]
        fn no_lot_is_below_its_bound(hash in any::<u64>(), ones in 0..63_u32) {
            // Great hashes are the ones that win.
            let hash = (hash >> 1 >> ones) | !(u64::MAX >> ones) | 1;
            prop_assert!(least(hash) <= size(hash));
        }

        #[test]
        fn a_greater_hash_has_no_greater_lot(one in any::<u64>(), other in any::<u64>(), near in any::<u16>()) {
            for (one, other) in [(one, other), (one, one.saturating_add(near.into()))] {
                let (less, more) = (one.min(other) | 1, one.max(other) | 1);
                prop_assert!(size(less) >= size(more));
            }
        }
    }

    #[test]
    fn lots_at_both_ends_are_right() {
        assert_eq!(size(1), 64 << 48);
        assert_eq!(size(u64::MAX), 1);
        assert_eq!(size((1 << 63) | 1), 1 << 48);
        for hash in [1, 3, u64::MAX, u64::MAX - 2, (1 << 63) - 1, (1 << 63) | 1] {
            assert!(least(hash) <= size(hash), "{hash}");
        }
    }
}
