//! Kinds of discs: how much fits on one, and whether it can be written again.

use std::fmt;

/// A kind of disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 650 MB, written once.
    CdR74,
    /// 650 MB, rewritable.
    CdRw74,
    /// 700 MB, written once.
    CdR80,
    /// 700 MB, rewritable.
    CdRw80,
    /// 4.7 GB, written once.
    DvdPlusR,
    /// 4.7 GB, rewritable.
    DvdPlusRw,
    /// 4.7 GB, written once.
    DvdMinusR,
    /// 4.7 GB, rewritable.
    DvdMinusRw,
    /// 8.5 GB in two layers, written once.
    DvdPlusRDl,
    /// 8.5 GB in two layers, written once.
    DvdMinusRDl,
    /// 4.7 GB, rewritable a hundred thousand times.
    DvdRam,
    /// 25 GB, written once. M-DISC too.
    BdR,
    /// 25 GB, rewritable.
    BdRe,
    /// 50 GB in two layers, written once.
    BdRDl,
    /// 50 GB in two layers, rewritable.
    BdReDl,
}

/// What a drive has to be able to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Compact discs.
    Cd,
    /// DVDs of all sorts.
    Dvd,
    /// Blu-ray discs.
    Bd,
}

/// What is known of a kind.
struct Facts {
    name: &'static str,
    family: Family,
    is_rewritable: bool,
    /// The sectors of a real disc.
    sectors: u64,
}

impl Kind {
    /// All there are. The first six are those of the originals.
    pub const ALL: [Self; 15] = [
        Self::CdR74,
        Self::CdRw74,
        Self::CdR80,
        Self::CdRw80,
        Self::DvdPlusR,
        Self::DvdPlusRw,
        Self::DvdMinusR,
        Self::DvdMinusRw,
        Self::DvdPlusRDl,
        Self::DvdMinusRDl,
        Self::DvdRam,
        Self::BdR,
        Self::BdRe,
        Self::BdRDl,
        Self::BdReDl,
    ];

    fn facts(self) -> Facts {
        use Family::{Bd, Cd, Dvd};
        let (name, family, is_rewritable, sectors) = match self {
            Self::CdR74 => ("cdr-74", Cd, false, 332_800),
            Self::CdRw74 => ("cdrw-74", Cd, true, 332_800),
            Self::CdR80 => ("cdr-80", Cd, false, 358_400),
            Self::CdRw80 => ("cdrw-80", Cd, true, 358_400),
            Self::DvdPlusR => ("dvd+r", Dvd, false, 2_295_104),
            Self::DvdPlusRw => ("dvd+rw", Dvd, true, 2_295_104),
            Self::DvdMinusR => ("dvd-r", Dvd, false, 2_298_496),
            Self::DvdMinusRw => ("dvd-rw", Dvd, true, 2_298_496),
            Self::DvdPlusRDl => ("dvd+r-dl", Dvd, false, 4_173_824),
            Self::DvdMinusRDl => ("dvd-r-dl", Dvd, false, 4_171_712),
            Self::DvdRam => ("dvd-ram", Dvd, true, 2_236_704),
            Self::BdR => ("bd-r", Bd, false, 12_219_392),
            Self::BdRe => ("bd-re", Bd, true, 11_826_176),
            Self::BdRDl => ("bd-r-dl", Bd, false, 24_438_784),
            Self::BdReDl => ("bd-re-dl", Bd, true, 23_652_352),
        };
        Facts { name, family, is_rewritable, sectors }
    }

    /// The word for it in configurations.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The kind that a configuration names.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a drive has to be able to write.
    pub fn family(self) -> Family {
        self.facts().family
    }

    /// Whether it can be blanked, or written over.
    pub fn is_rewritable(self) -> bool {
        self.facts().is_rewritable
    }

    /// How many sectors a disc of this kind has, unless the drive says otherwise. Of CDs these are the nominal ones: real
    /// ones have a few more.
    pub fn sectors(self) -> u64 {
        self.facts().sectors
    }

    /// How many sectors the originals take it to have. Their DVD has more than any real one.
    #[expect(clippy::cast_precision_loss, reason = "sectors are far below 2^52")]
    pub fn nominal_sectors(self) -> f64 {
        match self {
            Self::DvdPlusR | Self::DvdPlusRw => 4.4 * 1024.0 * 1024.0 * 1024.0 / 2048.0,
            other => other.sectors() as f64,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert_eq!(Kind::named("cd"), None);
    }

    #[test]
    fn discs_have_the_sectors_that_the_originals_count_and_a_dvd_those_that_it_has() {
        let nominal: Vec<_> = Kind::ALL[..6].iter().map(|kind| kind.nominal_sectors() * 2048.0).collect();
        let (cd74, cd80, dvd) = (681_574_400.0, 734_003_200.0, 4_724_464_025.6);
        for (is, should) in nominal.iter().zip([cd74, cd74, cd80, cd80, dvd, dvd]) {
            assert!((is - should).abs() < 0.1, "{is} is not {should}");
        }
        assert_eq!(Kind::DvdPlusRw.sectors() * 2048, 4_700_372_992);
        assert_eq!(Kind::BdR.sectors() * 2048, 25_025_314_816);
    }
}
