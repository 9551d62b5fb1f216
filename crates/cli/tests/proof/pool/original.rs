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
        day = day.next();
    }
    assert_eq!(filtered.host.asked(), vec![requests(&filtered.world); 3].concat());
    for (client, days) in [&modern, &filtered].into_iter().zip(&days) {
        master.assert_restores(client, days);
    }
}

/// The original lets a client collect, stages it, and lets it purge; the key may do nothing else.
#[test]
fn the_original_manages_our_clients() {
    let Some(master) = Master::new() else { return };
    let Some(oracle) = Oracle::required() else { return };
    let original = Program::Original(&oracle);
    let orders = |world: &World| {
        let cback = cback(world);
        ["--full collect", "collect", "purge"].map(|order| format!("{} {order}", cback.display()))
    };
    let mut client = master
        .client("client", 203, |world| Access::Listed([&requests(world)[..], &orders(world)].concat()))
        .managed(ours());
    master.configure(&master.network.scp_legacy(), &[&client]);
    let mut days = Vec::new();
    let mut asked = Vec::new();
    let mut day = Day::FIRST;
    let [collect_all, collect, purge] = orders(&client.world);
    for (arguments, order) in [(&["--full", "-N", "collect"][..], collect_all), (&["-N", "collect"], collect)]
    {
        client.world.change(10);
        client.it_is(day);
        master.run_well(original, day, arguments);
        master.run_well(original, day, &["stage"]);
        master.assert_staged(&client, day);
        master.run_well(original, day, &["-N", "purge"]);
        days.push((day, client.world.snapshot()));
        asked.push(order);
        asked.extend(requests(&client.world));
        asked.push(purge.clone());
        day = day.next();
    }
    assert_eq!(client.host.asked(), asked);
    assert!(!client.world.log().contains("ERROR"), "{}", client.world.log());
    master.assert_restores(&client, &days);
}

#[test]
fn we_stage_clients_of_the_original_over_either_protocol() {
    let Some(master) = Master::new() else { return };
    let Some(oracle) = Oracle::required() else { return };
    let mut modern = master.client("modern", 204, |_| Access::Free);
    let mut filtered = master
        .client("filtered", 205, |world| Access::Listed(requests(world).into()))
        .copied_by(&master.network.scp_legacy());
    master.configure(&master.network.scp(), &[&modern, &filtered]);
    let mut day = Day::FIRST;
    for _ in 0..3 {
        for client in [&mut modern, &mut filtered] {
            client.world.change(10);
            run_original(&oracle, &client.world.pool, day, &["collect"]);
        }
        master.run_well(ours(), day, &["stage"]);
        for client in [&modern, &filtered] {
            master.assert_staged(client, day);
        }
        day = day.next();
    }
    // We ask a second time whether it is ready: it may have begun to collect.
    let [ready, data, done] = requests(&filtered.world);
    assert_eq!(filtered.host.asked(), vec![[ready.clone(), data, ready, done]; 3].concat());
    // All that is copied on a day goes over one connection.
    assert_eq!([modern.host.connections(), filtered.host.connections()], [3, 3]);
    assert!(modern.host.becomes_idle() && filtered.host.becomes_idle(), "connections stay open");
}

#[test]
fn masters_take_turns() {
    let Some(master) = Master::new() else { return };
    let Some(oracle) = Oracle::required() else { return };
    let mut client = master.client("client", 206, |_| Access::Free);
    master.configure(&master.network.scp(), &[&client]);
    let mut days = Vec::new();
    let mut day = Day::FIRST;
    for number in 0..4 {
        client.world.change(10);
        client.collect(day);
        let program = if number % 2 == 0 { ours() } else { Program::Original(&oracle) };
        master.run_well(program, day, &["stage"]);
        master.assert_staged(&client, day);
        days.push((day, client.world.snapshot()));
        day = day.next();
    }
    master.assert_restores(&client, &days);
}
