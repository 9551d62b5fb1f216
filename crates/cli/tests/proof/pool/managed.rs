//! Our master runs actions on its clients.

use super::*;

#[test]
fn we_manage_our_clients_by_keys_that_may_do_just_that() {
    manages(211, ours());
}

#[test]
fn we_manage_clients_of_the_original_by_keys_that_may_do_just_that() {
    if let Some(oracle) = Oracle::required() {
        manages(212, Program::Original(&oracle));
    }
}

#[track_caller]
fn manages(seed: u64, program: Program<'_>) {
    let Some(master) = Master::new() else { return };
    let allowed = |world: &World| {
        let cback = cback(world);
        ["--full collect", "collect"].map(|action| format!("{} {action}", cback.display())).into()
    };
    let mut client = master.client("client", seed, |world| Access::Listed(allowed(world))).managed(program);
    master.configure(&master.network.scp(), &[&client]);
    let mut day = Day::FIRST;
    for arguments in [&["--full", "-N", "collect"][..], &["-N", "collect"]] {
        client.world.change(10);
        client.it_is(day);
        master.run_well(ours(), day, arguments);
        assert!(!client.world.log().contains("ERROR"), "{}", client.world.log());
        day = day.next();
    }
    assert!(client.world.pool.collect_dir().join("cback.collect").exists());
    let mut asked = allowed(&client.world);
    assert_eq!(client.host.asked(), asked);
    let output = master.run(ours(), day, &["-N", "purge"]);
    assert!(output.status.success(), "{}", describe(&output));
    asked.push(format!("{} purge", cback(&client.world).display()));
    let log = master.log();
    assert!(log.contains("Failed to execute action [purge] on managed client [client]."), "{log}");
    assert!(log.contains(&format!("refused: {}", asked[2])), "{log}");
    assert_eq!(client.host.asked(), asked);
}

#[test]
fn clients_that_are_down_or_somebody_else_are_told_and_the_next_one_is_asked() {
    let Some(master) = Master::new() else { return };
    let client = |name, seed| master.client(name, seed, |_| Access::Recorded).managed(ours());
    let (down, other, up) = (client("down", 213), client("other", 214), client("up", 215));
    master.network.alias("down.example", 1);
    master.network.distrust("other");
    let down = Client { name: "down.example", ..down };
    master.configure(&master.network.scp(), &[&down, &other, &up]);
    up.it_is(Day::FIRST);
    let output = master.run(ours(), Day::FIRST, &["-N", "collect"]);
    assert!(output.status.success(), "{}", describe(&output));
    let log = master.log();
    for reason in ["Connection refused", "Host key verification failed"] {
        assert!(log.contains(reason), "{reason} is not in {log}");
    }
    assert_eq!(
        log.matches("[ERROR  ] Failed to execute action [collect] on managed client [").count(),
        2,
        "{log}"
    );
    assert!(down.host.asked().is_empty() && other.host.asked().is_empty());
    assert!(up.world.pool.collect_dir().join("cback.collect").exists());
}
