//! A client of ours whose key may do what `redcedar validate-command` allows.

use super::*;
use assert_cmd::cargo::cargo_bin;

#[test]
fn either_program_stages_and_manages_a_client_that_validates_its_requests() {
    let Some(master) = Master::new() else { return };
    let Some(oracle) = Oracle::required() else { return };
    let client = master.client("client", 204, |world| {
        Access::Command(format!(
            "exec {} validate-command --collect-dir {} --allow collect,purge --cback-command {}",
            cargo_bin!("redcedar").display(),
            world.pool.collect_dir().display(),
            cback(world).display()
        ))
    });
    let mut client = client.managed(ours());
    master.configure(&master.network.scp_legacy(), &[&client]);
    let mut days = Vec::new();
    let mut day = Day::FIRST;
    let runs = [
        (Program::Original(&oracle), true),
        (ours(), false),
        (ours(), true),
        (Program::Original(&oracle), false),
    ];
    for (program, full) in runs {
        client.world.change(10);
        client.it_is(day);
        let collect: &[&str] = if full { &["--full", "-N", "collect"] } else { &["-N", "collect"] };
        for arguments in [collect, &["stage"]] {
            master.run_well(program, day, arguments);
        }
        master.assert_staged(&client, day);
        master.run_well(program, day, &["-N", "purge"]);
        days.push((day, client.world.snapshot()));
        day = day.next();
    }
    master.assert_restores(&client, &days);
}
