//! How full a disc is, and how the originals say so.

use std::fmt;

use crate::Kind;
use crate::kind::Family;

/// The bytes of a sector, for whatever is counted in integers.
pub const SECTOR: u64 = 2048;
const SECTOR_BYTES: f64 = 2048.0;

/// What the first session of a CD takes besides its content, in sectors.
const FIRST_LEAD_IN: f64 = 11_400.0;
/// The same for each further session.
const LEAD_IN: f64 = 6_900.0;

/// What of a disc is used, and what can still be written, in bytes. The arithmetic is that of the originals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// Bytes that are used.
    pub used: f64,
    /// Bytes that can still be written. Below 0 where more is used than a disc can have.
    pub available: f64,
}

/// Where the last session of a CD begins, and where the next one will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundaries {
    /// The first sector of the last session.
    pub last: u64,
    /// The first sector of the next one.
    pub next: u64,
}

#[expect(clippy::cast_precision_loss, reason = "sectors are far below 2^52")]
fn float(sectors: u64) -> f64 {
    sectors as f64
}

impl Capacity {
    /// That of a CD whose sessions have these boundaries; none means that the whole disc is meant.
    pub fn of_cd(kind: Kind, boundaries: Option<Boundaries>) -> Self {
        let sectors = kind.nominal_sectors();
        match boundaries {
            None | Some(Boundaries { next: 0, .. }) => {
                Self { used: 0.0, available: (sectors - FIRST_LEAD_IN).max(0.0) * SECTOR_BYTES }
            }
            Some(Boundaries { next, .. }) => Self {
                used: float(next) * SECTOR_BYTES,
                available: (sectors - float(next) - LEAD_IN).max(0.0) * SECTOR_BYTES,
            },
        }
    }

    /// That of another disc of a kind, of which so many sectors are used. A DVD is taken for what it is, not for the larger
    /// one that the originals have in mind.
    pub fn of_sectors(kind: Kind, used: f64) -> Self {
        Self { used: used * SECTOR_BYTES, available: (float(kind.sectors()) - used) * SECTOR_BYTES }
    }

    /// That of an empty disc of a kind.
    pub fn of_empty(kind: Kind) -> Self {
        match kind.family() {
            Family::Cd => Self::of_cd(kind, None),
            Family::Dvd | Family::Bd => Self::of_sectors(kind, 0.0),
        }
    }

    /// What is used and what is available together.
    pub fn total(&self) -> f64 {
        self.used + self.available
    }

    /// How much of the disc is used, in percent.
    pub fn utilized(&self) -> f64 {
        if self.available <= 0.0 {
            100.0
        } else if self.used <= 0.0 {
            0.0
        } else {
            self.used / self.total() * 100.0
        }
    }
}

/// `utilized 1.95 MB of 636.53 MB (0.31%)`.
impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, total) = (Size(self.used), Size(self.total()));
        write!(f, "utilized {used} of {total} ({:.2}%)", self.utilized())
    }
}

/// Bytes, shown as the originals show them.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Size(pub f64);

impl Size {
    /// So many sectors.
    pub fn of_sectors(sectors: f64) -> Self {
        Self(sectors * SECTOR_BYTES)
    }

    /// So many bytes.
    pub fn of_bytes(bytes: u64) -> Self {
        Self(float(bytes))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, kilo) = (self.0, 1024.0);
        match bytes.abs() {
            size if size < kilo => write!(f, "{bytes:.0} bytes"),
            size if size < kilo * kilo => write!(f, "{:.2} kB", bytes / kilo),
            size if size < kilo * kilo * kilo => write!(f, "{:.2} MB", bytes / kilo / kilo),
            _ => write!(f, "{:.2} GB", bytes / kilo / kilo / kilo),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cd_has_the_room_that_the_original_sees() {
        for (kind, last, next, used, available) in [
            (Kind::CdRw74, 0, 1, 2048.0, 667_441_152.0),
            (Kind::CdRw74, 0, 999, 2_045_952.0, 665_397_248.0),
            (Kind::CdRw74, 500, 1000, 2_048_000.0, 665_395_200.0),
            (Kind::CdRw74, 321_342, 330_042, 675_926_016.0, 0.0),
            (Kind::CdR80, 0, 325_900, 667_443_200.0, 52_428_800.0),
            (Kind::CdR80, 0, 0, 0.0, 710_656_000.0),
        ] {
            let capacity = Capacity::of_cd(kind, Some(Boundaries { last, next }));
            assert_eq!(capacity, Capacity { used, available }, "{kind} {last},{next}");
        }
        assert_eq!(Capacity::of_empty(Kind::CdRw74), Capacity { used: 0.0, available: 658_227_200.0 });
    }

    #[test]
    fn how_full_a_disc_is_is_said_as_the_original_says_it() {
        let shown = |used, available| Capacity { used, available }.to_string();
        assert_eq!(shown(667_443_200.0, 52_428_800.0), "utilized 636.52 MB of 686.52 MB (92.72%)");
        assert_eq!(shown(0.0, 100.0), "utilized 0 bytes of 100 bytes (0.00%)");
        assert_eq!(shown(10.0, 0.0), "utilized 10 bytes of 10 bytes (100.00%)");
        assert_eq!(shown(10.0, -5.0), "utilized 10 bytes of 5 bytes (100.00%)");
    }

    #[test]
    fn sizes_are_shown_with_two_digits_and_their_sign() {
        for (bytes, shown) in [
            (1023.0, "1023 bytes"),
            (-2000.0, "-1.95 kB"),
            (658_227_200.0, "627.73 MB"),
            (710_656_000.0, "677.73 MB"),
            (4_724_464_025.6, "4.40 GB"),
            (5e15, "4656612.87 GB"),
        ] {
            assert_eq!(Size(bytes).to_string(), shown);
        }
    }
}
