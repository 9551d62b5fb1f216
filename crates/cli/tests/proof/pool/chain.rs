//! Days without a stage lose nothing: what nobody picked up is collected again.

use super::*;

#[test]
fn a_day_that_was_not_staged_is_in_the_next_one() {
    days_with_gaps(401, &[true, false, true, true], |_| ours());
}

#[test]
fn days_on_which_the_original_stages_lose_nothing_either() {
    let Some(oracle) = Oracle::required() else { return };
    days_with_gaps(402, &[true, false, false, true, true], |number| {
        if number % 2 == 0 { Program::Original(&oracle) } else { ours() }
    });
}

/// Every day the tree changes and is collected by us; on some days it is staged, by a program of the test's choice.
fn days_with_gaps<'a>(seed: u64, staged: &[bool], program: impl Fn(usize) -> Program<'a>) {
    let Some(master) = Master::new() else { return };
    let mut client = master.client("client", seed, |_| Access::Free);
    master.configure(&master.network.scp(), &[&client]);
    let mut days = Vec::new();
    let mut day = Day::FIRST;
    for (number, staged) in staged.iter().enumerate() {
        client.world.change(15);
        client.collect(day);
        if *staged {
            master.run_well(program(number), day, &["stage"]);
            master.assert_staged(&client, day);
            days.push((day, client.world.snapshot()));
        }
        day = day.next();
    }
    master.assert_restores(&client, &days);
}

#[test]
fn what_was_staged_but_not_acknowledged_is_stored_again() {
    let Some(master) = Master::new() else { return };
    // The key may fetch, and may not tell.
    let mut client = master.client("client", 403, |world| {
        let [ready, data, _] = requests(world);
        Access::Listed(vec![ready, data])
    });
    master.configure(&master.network.scp_legacy(), &[&client]);
    let mut days = Vec::new();
    let mut day = Day::FIRST;
    for _ in 0..3 {
        client.world.change(15);
        client.collect(day);
        let said = master.stage(day, 7);
        assert!(said.contains("refused: scp -t"), "{said}");
        days.push((day, client.world.snapshot()));
        day = day.next();
    }
    master.assert_restores(&client, &days);
}
