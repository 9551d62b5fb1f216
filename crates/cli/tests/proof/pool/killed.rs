//! The master stops while it stages. What is there is whole, and the next run has everything, once.

use super::super::world::{archives, was_killed};
use super::*;
use redcedar_testing::members;

/// In the order in which a peer's files pass them.
const CHECKPOINTS: &[&str] = &["stage-before-copy", "stage-after-copy", "stage-before-indicator"];

#[test]
fn killed_at_any_point_of_a_stage_nothing_is_lost_and_nothing_is_there_twice() {
    let Some(master) = Master::new() else { return };
    let mut clients =
        [master.client("one", 701, |_| Access::Free), master.client("two", 702, |_| Access::Free)];
    master.configure(&master.network.scp(), &[&clients[0], &clients[1]]);
    let mut days = [Vec::new(), Vec::new()];
    let mut day = Day::FIRST;
    for checkpoint in CHECKPOINTS {
        for client in &mut clients {
            client.world.change(15);
            client.collect(day);
        }
        let mut command = master.pool.command(ours(), &day.time(), &["stage"]);
        let output = program::run(command.env("REDCEDAR_CHECKPOINT", checkpoint));
        assert!(
            was_killed(&output),
            "{checkpoint} is never reached: {}\n{}",
            describe(&output),
            master.log()
        );
        for (client, days) in clients.iter().zip(&days) {
            let staged = master.staged(client, day);
            if staged.exists() {
                for (_, archive) in archives(&staged) {
                    members::read(&archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
                }
            }
            master.assert_restores(client, days);
        }

        master.run_well(ours(), day, &["stage"]);
        for (client, days) in clients.iter().zip(&mut days) {
            master.assert_staged(client, day);
            days.push((day, client.world.snapshot()));
            master.assert_restores(client, days);
        }
        let left = names(&master.pool.staging_dir().join(day.path()));
        let left: Vec<_> = left.into_iter().filter(|name| !name.starts_with("cback.")).collect();
        assert_eq!(left, ["one", "two"], "{checkpoint}");
        day = day.next();
    }
}
