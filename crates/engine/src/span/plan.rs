//! Which files go onto which disc. Pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use redcedar_media::fit::{self, Algorithm, NothingFits};
use redcedar_media::setup::Setup;
use redcedar_media::{Capacity, SECTOR, Size};
use redcedar_system::escape;

use super::inventory::SpanFile;

/// The directories between that with the days and the files of one machine.
const PEER_DEPTH: usize = 4;
/// What a disc needs besides files, in sectors: descriptors, path tables, padding, and what a drive rounds up.
const FIXED: u64 = 1024;

/// Files, spread over discs.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// How it was found.
    pub algorithm: Algorithm,
    /// The discs, in the order in which they are written.
    pub discs: Vec<Load>,
}

/// What goes onto one disc.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The files, by their place in the inventory.
    pub files: Vec<usize>,
    /// Their bytes, as the algorithm counts them.
    pub size: f64,
    /// How much of the room that is how much in percent.
    pub utilization: f64,
}

/// Why there is no solution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A file that is too large for a disc.
    #[error("{} has {}, and a disc has room for {}", escape::display(.path), .size, .room)]
    TooLarge {
        /// Which one.
        path: PathBuf,
        /// How large it is.
        size: Size,
        /// How large it may be.
        room: Size,
    },
    /// A part of a disc that is none.
    #[error(
        "a cushion of {0} % leaves no room, or more than there is: it has to be 0 or more, and less than 100"
    )]
    Cushion(f64),
}

/// How much of a disc may be filled, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    bytes: f64,
    is_exact: bool,
}

impl Room {
    /// As the original counts: all of a disc but the cushion, and files by their bytes alone.
    ///
    /// # Errors
    /// When the cushion is none.
    pub fn of_original(setup: &Setup, cushion: f64) -> Result<Self, PlanError> {
        let bytes = fit::usable(capacity(setup).0, checked(cushion)?);
        Ok(Self { bytes, is_exact: false })
    }

    /// What a disc really has room for besides its own tables; files count by what they take, with their entries.
    ///
    /// # Errors
    /// When the cushion is none.
    pub fn exact(setup: &Setup, cushion: f64) -> Result<Self, PlanError> {
        let fixed = Size::of_bytes(FIXED * SECTOR).0;
        let available = (limited(Capacity::of_empty(setup.kind).available, setup) - fixed).max(0.0);
        Ok(Self { bytes: fit::usable(available, checked(cushion)?), is_exact: true })
    }

    /// The bytes.
    pub fn size(&self) -> Size {
        Size(self.bytes)
    }

    /// How many discs so many bytes need at least, as the original says it: with one more when they fill them exactly.
    pub fn least_discs(&self, total: u64) -> f64 {
        (Size::of_bytes(total).0 / self.bytes + 1.0).floor()
    }

    /// Spreads single files over discs.
    ///
    /// # Errors
    /// When one is too large.
    pub fn spread(&self, files: &[SpanFile], algorithm: Algorithm) -> Result<Solution, PlanError> {
        let sizes: Vec<f64> = files.iter().map(|file| self.cost(file)).collect();
        self.check(files, &sizes)?;
        let discs = algorithm
            .distribute(&sizes, self.bytes)
            .map_err(|error| self.too_large(files, &sizes, &error))?;
        Ok(self.solution(algorithm, discs, &sizes))
    }

    /// Spreads files over as few discs as any algorithm needs, or the one that is asked for. The files of one machine of one
    /// day stay together where they fit onto a disc.
    ///
    /// # Errors
    /// When one file is too large.
    pub fn spread_machines(
        &self,
        files: &[SpanFile],
        algorithm: Option<Algorithm>,
    ) -> Result<Solution, PlanError> {
        let sizes: Vec<f64> = files.iter().map(|file| self.cost(file)).collect();
        self.check(files, &sizes)?;
        let together = self.units(files, &sizes);
        let apart = (0..files.len()).map(|file| vec![file]).collect();
        let mut best: Option<Solution> = None;
        for units in [together, apart] {
            let costs: Vec<f64> =
                units.iter().map(|unit| unit.iter().map(|file| sizes[*file]).sum()).collect();
            let found = match algorithm {
                Some(algorithm) => algorithm.distribute(&costs, self.bytes).map(|discs| (algorithm, discs)),
                None => fit::fewest(&costs, self.bytes),
            };
            let (algorithm, discs) = found.map_err(|error| self.too_large(files, &sizes, &error))?;
            let discs =
                discs.into_iter().map(|disc| disc.iter().flat_map(|unit| units[*unit].clone()).collect());
            let solution = self.solution(algorithm, discs.collect(), &sizes);
            if best.as_ref().is_none_or(|best| solution.discs.len() < best.discs.len()) {
                best = Some(solution);
            }
        }
        Ok(best.unwrap_or(Solution { algorithm: Algorithm::First, discs: Vec::new() }))
    }

    /// What stays together: the files of one machine of one day, unless they are too many for a disc.
    fn units(&self, files: &[SpanFile], sizes: &[f64]) -> Vec<Vec<usize>> {
        let mut machines: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
        for (index, file) in files.iter().enumerate() {
            let machine = file.path.ancestors().find(|path| path.components().count() == PEER_DEPTH);
            machines.entry(machine.unwrap_or(&file.path)).or_default().push(index);
        }
        let split = |unit: Vec<usize>| {
            let size: f64 = unit.iter().map(|file| sizes[*file]).sum();
            if size <= self.bytes { vec![unit] } else { unit.into_iter().map(|file| vec![file]).collect() }
        };
        machines.into_values().flat_map(split).collect()
    }

    fn cost(&self, file: &SpanFile) -> f64 {
        if self.is_exact {
            // Its entry in its directory takes less than a sector.
            Size::of_bytes((file.size.div_ceil(SECTOR) + 1) * SECTOR).0
        } else {
            Size::of_bytes(file.size).0
        }
    }

    fn check(&self, files: &[SpanFile], sizes: &[f64]) -> Result<(), PlanError> {
        match sizes.iter().position(|size| *size > self.bytes) {
            Some(item) => Err(self.too_large(files, sizes, &NothingFits { item })),
            None => Ok(()),
        }
    }

    fn too_large(&self, files: &[SpanFile], sizes: &[f64], error: &NothingFits) -> PlanError {
        let path = files.get(error.item).map(|file| file.path.clone()).unwrap_or_default();
        let size = Size(sizes.get(error.item).copied().unwrap_or_default());
        PlanError::TooLarge { path, size, room: self.size() }
    }

    fn solution(&self, algorithm: Algorithm, discs: Vec<Vec<usize>>, sizes: &[f64]) -> Solution {
        let load = |files: Vec<usize>| {
            let size = files.iter().map(|file| sizes[*file]).sum::<f64>();
            Load { files, size, utilization: size / self.bytes * 100.0 }
        };
        Solution { algorithm, discs: discs.into_iter().map(load).collect() }
    }
}

/// What the original takes a disc to have room for.
pub fn capacity(setup: &Setup) -> Size {
    Size(limited(Size::of_sectors(setup.kind.nominal_sectors()).0, setup))
}

/// So much of it as may be used.
fn limited(bytes: f64, setup: &Setup) -> f64 {
    setup.size.map_or(bytes, |size| bytes.min(size))
}

fn checked(cushion: f64) -> Result<f64, PlanError> {
    if (0.0..100.0).contains(&cushion) { Ok(cushion) } else { Err(PlanError::Cushion(cushion)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_media::Kind;

    fn setup(kind: Kind) -> Setup {
        Setup {
            device: "/dev/sr0".into(),
            scsi_id: None,
            kind,
            speed: None,
            size: None,
            no_eject: false,
            eject_delay: None,
            refresh_delay: None,
        }
    }

    const MB: u64 = 1 << 20;

    fn file(path: &str, size: u64) -> SpanFile {
        SpanFile { path: path.into(), size, modified: (0, 0) }
    }

    #[test]
    fn the_room_of_the_original_is_all_but_the_cushion() {
        let room = Room::of_original(&setup(Kind::CdRw74), 4.5).unwrap();
        assert_eq!(room.size().to_string(), "620.75 MB");
        assert!((room.least_discs(700 * MB) - 2.0).abs() < f64::EPSILON);
        assert!((room.least_discs(0) - 1.0).abs() < f64::EPSILON);
        let small = Setup { size: Some(Size::of_bytes(50 * MB).0), ..setup(Kind::CdRw74) };
        assert_eq!(Room::of_original(&small, 0.0).unwrap().size().to_string(), "50.00 MB");
        for cushion in [100.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Room::of_original(&setup(Kind::CdRw74), cushion), Err(PlanError::Cushion(_))));
        }
    }

    #[test]
    fn machines_stay_together_unless_that_needs_more_discs_or_cannot_be() {
        let room = Room::exact(&setup(Kind::CdR74), 0.0).unwrap();
        let files = [
            file("2026/11/23/a/1", 300 * MB),
            file("2026/11/23/b/1", 300 * MB),
            file("2026/11/23/a/2", 300 * MB),
            file("2026/11/23/b/2", 300 * MB),
        ];
        let discs = room.spread_machines(&files, None).unwrap().discs;
        let together: Vec<_> = discs.into_iter().map(|disc| disc.files).collect();
        assert_eq!(together, [[0, 2], [1, 3]]);
        let files = [300, 300, 300].map(|size| file(&format!("2026/11/23/a/{size}"), size * MB));
        assert_eq!(room.spread_machines(&files, None).unwrap().discs.len(), 2);
        // Two machines of 400 MB each and two of 200 MB in two files: apart they need two discs.
        let files = [
            file("d/d/d/a/1", 400 * MB),
            file("d/d/d/b/1", 400 * MB),
            file("d/d/d/c/1", 200 * MB),
            file("d/d/d/c/2", 200 * MB),
        ];
        assert_eq!(room.spread_machines(&files, None).unwrap().discs.len(), 2);
    }

    #[test]
    fn what_is_too_large_is_named() {
        let files = [file("2026/11/23/a/small", 1), file("2026/11/23/a/large", 700 * MB)];
        let room = Room::exact(&setup(Kind::CdR74), 1.0).unwrap();
        for error in [
            room.spread(&files, Algorithm::First).unwrap_err(),
            room.spread_machines(&files, None).unwrap_err(),
        ] {
            let text = error.to_string();
            assert_eq!(text, "2026/11/23/a/large has 700.00 MB, and a disc has room for 619.48 MB");
        }
    }

    #[test]
    fn never_more_discs_are_needed_than_by_the_best_of_the_four_algorithms() {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let room = Room::exact(&setup(Kind::CdR74), 0.0).unwrap();
        for _ in 0..200 {
            let count = 1 + next(30);
            let files: Vec<_> = (0..count)
                .map(|n| file(&format!("d/d/{}/{}/{n}", next(3), next(3)), next(400) * MB))
                .collect();
            let solution = room.spread_machines(&files, None).unwrap();
            let least = Algorithm::ALL.map(|a| room.spread(&files, a).unwrap().discs.len());
            assert!(solution.discs.len() <= least.into_iter().min().unwrap());
            let mut placed: Vec<_> = solution.discs.iter().flat_map(|disc| disc.files.clone()).collect();
            placed.sort_unstable();
            assert_eq!(placed, (0..files.len()).collect::<Vec<_>>());
            assert!(solution.discs.iter().all(|disc| disc.size <= room.bytes));
        }
    }
}
