//! Random histories of whole pools: several machines with trees, databases, repositories and mail; days encrypted and split, put
//! on discs and into a bucket; machines that are off, nights without a master, days that are purged. Whatever happened, each
//! thing comes back from each place as it was when it was backed up.

mod back;
mod machine;
mod master;
mod mounted;
mod thing;

use super::world::Day;
use machine::Machine;
use master::{Master, Treatment};
use redcedar_testing::rng::Rng;
use thing::What;

#[test]
fn each_day_of_a_pool_comes_back_from_what_is_left_in_the_staging_directory_and_from_discs() {
    history(1, 9, &MACHINES[..2], Treatment { discs: true, purge: true, ..Treatment::default() });
}

#[test]
fn each_day_of_a_pool_that_encrypts_and_splits_comes_back_from_discs_and_from_a_bucket() {
    history(
        2,
        7,
        &MACHINES[1..],
        Treatment { encrypt: true, split: true, discs: true, bucket: true, purge: false },
    );
}

/// What they have besides trees.
const MACHINES: [(&str, &[What]); 3] =
    [("anna", &[What::Sqlite]), ("bert", &[What::Git, What::Mail]), ("carl", &[What::Sqlite])];

/// So many days of a pool.
fn history(seed: u64, days: usize, machines: &[(&'static str, &[What])], treatment: Treatment) {
    let mut rng = Rng::new(seed);
    let machine = |(name, others): &(&'static str, &[What])| Machine::new(name, others, &mut rng);
    let mut machines: Vec<Machine> = machines.iter().map(machine).collect();
    let Some(mut master) = Master::new(seed, treatment, &machines) else { return };
    let mut day = Day::FIRST;
    for _ in 0..days {
        for machine in &mut machines {
            let _is_on = night_of(machine, day, &mut rng);
        }
        if !rng.one_in(6) && master.stage(day, &mut machines) {
            // Somebody has not had enough before anything was sent.
            let machine = rng.index(machines.len());
            if rng.one_in(5) && night_of(&mut machines[machine], day, &mut rng) {
                master.stage(day, &mut machines);
            }
            master.treat(day, &machines, &mut rng);
        }
        day = day.next();
    }
    master.assert_all_comes_back(&machines, &mut rng);
}

/// A machine changes and, most nights, collects, perhaps twice. Returns whether it does.
fn night_of(machine: &mut Machine, day: Day, rng: &mut Rng) -> bool {
    machine.change(rng);
    if rng.one_in(7) {
        return false;
    }
    machine.collect(day);
    if rng.one_in(6) {
        machine.change(rng);
        machine.collect(day);
    }
    if rng.one_in(2) {
        // This is for another night.
        machine.change(rng);
    }
    true
}

mod slow {
    use super::{MACHINES, Treatment, history};

    /// With discs, buckets, both and neither.
    fn histories(first: u64, purge: bool) {
        for number in (first..16).step_by(4) {
            let treatment = Treatment { purge, ..Treatment::from_number(number) };
            history(1000 + number + 16 * u64::from(purge), 27, &MACHINES, treatment);
        }
    }

    #[test]
    fn long_histories_of_pools_in_clear() {
        histories(0, false);
    }

    #[test]
    fn long_histories_of_pools_in_clear_and_purge() {
        histories(0, true);
    }

    #[test]
    fn long_histories_of_pools_that_encrypt() {
        histories(1, false);
    }

    #[test]
    fn long_histories_of_pools_that_encrypt_and_purge() {
        histories(1, true);
    }

    #[test]
    fn long_histories_of_pools_that_split() {
        histories(2, false);
    }

    #[test]
    fn long_histories_of_pools_that_split_and_purge() {
        histories(2, true);
    }

    #[test]
    fn long_histories_of_pools_that_encrypt_and_split() {
        histories(3, false);
    }

    #[test]
    fn long_histories_of_pools_that_encrypt_and_split_and_purge() {
        histories(3, true);
    }
}
