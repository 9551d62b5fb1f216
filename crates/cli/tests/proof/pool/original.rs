//! Pools in which one machine has the original and another has ours.

use super::*;

#[test]
fn the_original_stages_our_clients_over_either_protocol() {
    let Some(master) = Master::new() else { return };
    let Some(oracle) = Oracle::required() else { return };
    let mut modern = master.client("modern", 201, |_| Access::Free);
    let mut filtered = master
        .client("filtered", 202, |world| Access::Listed(requests(world).into()))
        .copied_by(&master.network.scp_legacy());
    master.configure(&master.network.scp(), &[&modern, &filtered]);
    let mut days = [Vec::new(), Vec::new()];
    let mut asked = Vec::new();
    let mut day = Day::FIRST;
    for _ in 0..3 {
        for (client, days) in [&mut modern, &mut filtered].into_iter().zip(&mut days) {
            client.world.change(10);
            client.collect(day);
            days.push((day, client.world.snapshot()));
        }
        master.run_well(Program::Original(&oracle), day, &["stage"]);
        for client in [&modern, &filtered] {
            master.assert_staged(client, day);
        }
        asked.extend(requests(&filtered.world));
        day = day.next();
    }
    assert_eq!(filtered.host.asked(), asked);
    for (client, days) in [&modern, &filtered].into_iter().zip(&days) {
        master.assert_restores(client, days);
    }
}

#[test]
fn the_original_manages_our_clients() {
    let Some(master) = Master::new() else { return };
    let Some(oracle) = Oracle::required() else { return };
    let mut client = master.client("client", 203, |_| Access::Recorded).managed(ours());
    master.configure(&master.network.scp_legacy(), &[&client]);
    let mut days = Vec::new();
    let mut asked = Vec::new();
    let mut day = Day::FIRST;
    for full in [true, false] {
        client.world.change(10);
        client.it_is(day);
        let collect: &[&str] = if full { &["--full", "-N", "collect"] } else { &["-N", "collect"] };
        for arguments in [collect, &["stage"], &["-N", "purge"]] {
            master.run_well(Program::Original(&oracle), day, arguments);
        }
        days.push((day, client.world.snapshot()));
        let cback = cback(&client.world);
        asked.push(format!("{} {}collect", cback.display(), if full { "--full " } else { "" }));
        asked.extend(requests(&client.world));
        asked.push(format!("{} purge", cback.display()));
        day = day.next();
    }
    assert_eq!(client.host.asked(), asked);
    assert!(!client.world.log().contains("ERROR"), "{}", client.world.log());
    master.assert_restores(&client, &days);
}
