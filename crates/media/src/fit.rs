//! Which files go onto which disc.

use std::fmt;
use std::str::FromStr;

/// In which order files are tried. What does not fit any more is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// In their own order.
    First,
    /// The largest first.
    Best,
    /// The smallest first.
    Worst,
    /// One of the small half, then one of the large one.
    Alternate,
}

/// A word that names no algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected first, best, worst or alternate")]
pub struct UnknownAlgorithm;

/// Nothing of what is left fits onto a disc.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not even an empty disc has room for it")]
pub struct NothingFits {
    /// One of the items for which there is no room.
    pub item: usize,
}

impl Algorithm {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::First, Self::Best, Self::Worst, Self::Alternate];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Best => "best",
            Self::Worst => "worst",
            Self::Alternate => "alternate",
        }
    }

    /// In which order the items are tried.
    fn order(self, items: &[usize], sizes: &[f64]) -> Vec<usize> {
        let mut order = items.to_vec();
        match self {
            Self::First => {}
            Self::Best => order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a])),
            Self::Worst | Self::Alternate => order.sort_by(|a, b| sizes[*a].total_cmp(&sizes[*b])),
        }
        if self == Self::Alternate {
            let large = order.split_off(order.len() / 2);
            let mut large = large.into_iter().rev();
            let mut small = order.into_iter();
            // The large half is never shorter than the other.
            return std::iter::from_fn(|| Some([small.next(), Some(large.next()?)]))
                .flatten()
                .flatten()
                .collect();
        }
        order
    }

    /// Chooses of `items` what goes onto one disc, in the order in which it is chosen.
    fn fill(self, items: &[usize], sizes: &[f64], capacity: f64) -> Vec<usize> {
        let order = self.order(items, sizes);
        // `alternate` takes its items in pairs, and looks only between pairs whether the disc is full.
        let is_second = |place: usize| self == Self::Alternate && place % 2 == 1;
        let mut left = capacity;
        let mut chosen = Vec::new();
        for (place, item) in order.into_iter().enumerate() {
            if left <= 0.0 && !is_second(place) {
                break;
            }
            if left - sizes[item] >= 0.0 {
                left -= sizes[item];
                chosen.push(item);
            }
        }
        chosen
    }

    /// Distributes items, by their sizes, over discs. An item is its index in `sizes`.
    ///
    /// # Errors
    /// When an item fits onto no disc.
    pub fn distribute(self, sizes: &[f64], capacity: f64) -> Result<Vec<Vec<usize>>, NothingFits> {
        let mut left: Vec<usize> = (0..sizes.len()).collect();
        let mut is_placed = vec![false; sizes.len()];
        let mut discs = Vec::new();
        while let Some(item) = left.first().copied() {
            let chosen = self.fill(&left, sizes, capacity);
            if chosen.is_empty() {
                return Err(NothingFits { item });
            }
            for item in &chosen {
                is_placed[*item] = true;
            }
            left.retain(|item| !is_placed[*item]);
            discs.push(chosen);
        }
        Ok(discs)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(UnknownAlgorithm)
    }
}

/// Distributes items by whichever algorithm needs the fewest discs; the first of [`Algorithm::ALL`] among equals.
///
/// # Errors
/// When an item fits onto no disc.
pub fn fewest(sizes: &[f64], capacity: f64) -> Result<(Algorithm, Vec<Vec<usize>>), NothingFits> {
    let mut fewest: Option<(Algorithm, Vec<Vec<usize>>)> = None;
    for algorithm in Algorithm::ALL {
        let discs = algorithm.distribute(sizes, capacity)?;
        if fewest.as_ref().is_none_or(|(_, least)| discs.len() < least.len()) {
            fewest = Some((algorithm, discs));
        }
    }
    Ok(fewest.unwrap_or((Algorithm::First, Vec::new())))
}

/// What of a capacity is used when `cushion` percent of it are to stay free.
pub fn usable(capacity: f64, cushion: f64) -> f64 {
    (100.0 - cushion) / 100.0 * capacity
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items such as `a4 b1`, and what comes onto each disc, such as `ab / c`.
    fn distributed(items: &str, capacity: f64, algorithm: Algorithm) -> String {
        let items: Vec<_> = items.split(' ').map(|item| item.split_at(1)).collect();
        let sizes: Vec<f64> = items.iter().map(|(_, size)| size.parse().unwrap()).collect();
        let discs = algorithm.distribute(&sizes, capacity).unwrap();
        let names = |disc: Vec<usize>| disc.into_iter().map(|item| items[item].0).collect::<String>();
        discs.into_iter().map(names).collect::<Vec<_>>().join(" / ")
    }

    #[test]
    fn items_go_where_the_original_puts_them() {
        for (items, capacity, expected) in [
            (
                "a4 b1 c5 d2 e8 f1 g7 h2",
                10.0,
                [
                    "abc / de / fgh".to_owned(),
                    "ed / ghb / caf".to_owned(),
                    "bfdha / c / g / e".to_owned(),
                    "bef / dg / hc / a".to_owned(),
                ],
            ),
            ("a5 b5 c5 d5 e0", 10.0, ["ab / cd / e", "ab / cd / e", "eab / cd", "eda / bc"].map(Into::into)),
            ("p3 q3 z0", 6.0, ["pq / z", "pq / z", "zpq", "zqp"].map(Into::into)),
            ("z0 p3 q3 y0", 6.0, ["zpq / y", "pq / zy", "zypq", "zqyp"].map(Into::into)),
        ] {
            let found = Algorithm::ALL.map(|algorithm| distributed(items, capacity, algorithm));
            assert_eq!(found, expected, "{items}");
        }
        let first =
            |algorithm| distributed("a1 b9 c0", 9.0, algorithm).split(" / ").next().unwrap().to_owned();
        assert_eq!(Algorithm::ALL.map(first), ["ac", "b", "ca", "cb"]);
    }

    #[test]
    fn what_fits_nowhere_is_named() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.distribute(&[0.0], 0.0), Err(NothingFits { item: 0 }));
            assert_eq!(algorithm.distribute(&[1.0, 11.0], 10.0), Err(NothingFits { item: 1 }));
            assert_eq!(algorithm.distribute(&[], 10.0), Ok(Vec::new()));
        }
    }

    #[test]
    fn the_fewest_discs_are_those_of_the_best_algorithm() {
        let sizes = [4.0, 1.0, 5.0, 2.0, 8.0, 1.0, 7.0, 2.0];
        assert_eq!(fewest(&sizes, 10.0).unwrap().0, Algorithm::First);
        let sizes = [1.0, 9.0, 9.0, 1.0];
        let (algorithm, discs) = fewest(&sizes, 10.0).unwrap();
        assert_eq!((algorithm, discs.len()), (Algorithm::First, 2));
        assert_eq!(fewest(&[4.0, 5.0, 6.0, 5.0], 10.0).unwrap().0, Algorithm::Best);
    }

    #[test]
    fn a_cushion_is_a_part_of_the_capacity() {
        assert!((usable(1000.0, 4.5) - 955.0).abs() < 1e-9);
    }
}
