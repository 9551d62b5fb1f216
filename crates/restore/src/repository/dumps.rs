//! Which dumps make up a Subversion repository: a pure function.

use jiff::civil::Date;

/// A dump, as far as its name and place tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dump<F> {
    /// The first revision.
    pub(super) first: u64,
    /// The last revision.
    pub(super) last: u64,
    /// The first day on which it was stored.
    pub(super) date: Date,
    /// Where it is.
    pub(super) file: F,
}

/// Why dumps are no chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// None begins at the beginning.
    #[error("there is no full dump, which begins with revision 0")]
    NoFull,
    /// Revisions are missing.
    #[error("revisions {first} to {last} are missing: no dump that begins with revision {first} is here")]
    Gap {
        /// The first that is missing.
        first: u64,
        /// The last that is missing, as far as can be told.
        last: u64,
    },
}

/// The dumps that have to be loaded, in order: from the newest full one on, each beginning where the one before ended, up to the
/// highest revision that there is. `dumps` are those up to the day that is wanted, the same one on later days left out.
pub(super) fn chain<F>(mut dumps: Vec<Dump<F>>) -> Result<Vec<Dump<F>>, Broken> {
    let full = dumps.iter().filter(|dump| dump.first == 0).map(|dump| (dump.date, dump.last)).max();
    let (begun, full_last) = full.ok_or(Broken::NoFull)?;
    // Increments of before belong to an earlier full one, perhaps of another repository in the same place.
    dumps.retain(|dump| match dump.first {
        0 => (dump.date, dump.last) == (begun, full_last),
        _ => dump.date >= begun && dump.last > full_last,
    });
    dumps.sort_by_key(|dump| (dump.first, std::cmp::Reverse(dump.last)));
    // Whatever can come before a dump has a lower first revision and was looked at before.
    let mut before: Vec<Option<Option<usize>>> = Vec::with_capacity(dumps.len());
    for (index, dump) in dumps.iter().enumerate() {
        let reached = if dump.first == 0 {
            Some(None)
        } else {
            let ends_before =
                |other: &usize| before[*other].is_some() && dumps[*other].last + 1 == dump.first;
            (0..index).find(ends_before).map(Some)
        };
        before.push(reached);
    }
    let reached = (0..dumps.len()).filter(|index| before[*index].is_some());
    let Some(last) = reached.max_by_key(|index| dumps[*index].last) else { return Err(Broken::NoFull) };
    let highest = dumps.iter().map(|dump| dump.last).max();
    if let Some(highest) = highest.filter(|highest| *highest > dumps[last].last) {
        let first = dumps[last].last + 1;
        let next = dumps.iter().map(|dump| dump.first).filter(|next| *next > first).min();
        return Err(Broken::Gap { first, last: next.map_or(highest, |next| next - 1) });
    }
    let mut wanted = vec![false; dumps.len()];
    let mut at = Some(last);
    while let Some(index) = at {
        wanted[index] = true;
        at = before[index].flatten();
    }
    let mut wanted = wanted.into_iter();
    dumps.retain(|_| wanted.next().unwrap_or(false));
    Ok(dumps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// Dumps by day of the month and range.
    fn ranges(dumps: &[(i8, u64, u64)]) -> Result<Vec<(u64, u64)>, Broken> {
        let dump =
            |&(day, first, last): &(i8, u64, u64)| Dump { first, last, date: date(2031, 3, day), file: () };
        let chain = chain(dumps.iter().map(dump).collect())?;
        Ok(chain.iter().map(|dump| (dump.first, dump.last)).collect())
    }

    #[test]
    fn each_dump_begins_where_the_one_before_ended() {
        assert_eq!(ranges(&[(1, 0, 5), (2, 6, 8), (3, 9, 9)]), Ok(vec![(0, 5), (6, 8), (9, 9)]));
        assert_eq!(ranges(&[(1, 0, 5)]), Ok(vec![(0, 5)]));
    }

    #[test]
    fn a_dump_that_covers_another_takes_its_place_where_that_leads_further() {
        assert_eq!(ranges(&[(1, 0, 5), (2, 6, 8), (3, 6, 10)]), Ok(vec![(0, 5), (6, 10)]));
        assert_eq!(
            ranges(&[(1, 0, 5), (2, 6, 8), (3, 6, 10), (4, 9, 12)]),
            Ok(vec![(0, 5), (6, 8), (9, 12)])
        );
    }

    #[test]
    fn the_newest_full_dump_counts_and_what_was_before_it_does_not() {
        assert_eq!(ranges(&[(1, 0, 5), (2, 6, 8), (8, 0, 8), (9, 9, 9)]), Ok(vec![(0, 8), (9, 9)]));
        // Another repository has taken the place.
        assert_eq!(ranges(&[(1, 0, 5), (2, 6, 8), (3, 0, 3), (4, 4, 4)]), Ok(vec![(0, 3), (4, 4)]));
        // A day begun with an increment and ended with a full dump.
        assert_eq!(ranges(&[(1, 0, 5), (2, 6, 8), (2, 0, 8)]), Ok(vec![(0, 8)]));
    }

    #[test]
    fn gaps_and_overlaps_are_refused() {
        assert_eq!(ranges(&[]), Err(Broken::NoFull));
        assert_eq!(ranges(&[(1, 6, 8)]), Err(Broken::NoFull));
        assert_eq!(ranges(&[(1, 0, 5), (3, 9, 12)]), Err(Broken::Gap { first: 6, last: 8 }));
        assert_eq!(ranges(&[(1, 0, 5), (2, 5, 8)]), Err(Broken::Gap { first: 6, last: 8 }));
        assert_eq!(ranges(&[(1, 0, 5), (2, 6, 8), (3, 8, 9)]), Err(Broken::Gap { first: 9, last: 9 }));
    }
}
