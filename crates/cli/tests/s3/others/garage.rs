//! A store on three machines, of which some are gone now and then.

mod slow {
    use super::super::super::machine::{Machine, answer};
    use super::super::super::trouble::ODD;
    use super::super::round::{self, sync};
    use redcedar_testing::s3::Garage;
    use std::time::Duration;

    fn machine() -> Option<Machine<Garage>> {
        let server = Garage::required()?;
        let login = server.login(0);
        Some(Machine::at(server, login))
    }

    #[test]
    fn everything_goes_and_comes_back() {
        let Some(machine) = machine() else { return };
        round::directories(&machine, &ODD);
        round::backups(&machine, &ODD);
    }

    #[test]
    fn whoever_has_the_wrong_key_is_told_so() {
        let Some(machine) = machine() else { return };
        round::wrong_keys(&machine, ["AccessDenied", "AccessDenied"]);
    }

    #[test]
    fn a_node_that_dies_in_the_middle_of_a_run_is_not_missed() {
        let Some(mut machine) = machine() else { return };
        let tree = round::tree(&[]);
        round::write(&machine, "home", &tree);
        let mut command = machine.command(&["sync", "home", "s3://bucket/p"]);
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        machine.server.kill(2);
        assert!(child.wait().unwrap().success());
        let all = tree.len() as u64;
        assert_eq!(sync(&machine, &["home", "s3://bucket/p", "--delete"]), [0, 0, all, 0]);
        fs_err::create_dir(machine.path("back")).unwrap();
        assert_eq!(sync(&machine, &["s3://bucket/p", "back"]), [all, 0, 0, 0]);
        round::assert_same(&machine.path("back"), &tree);
        // What it missed it learns when it is back.
        machine.server.start(2);
        machine.server.wait();
        assert_eq!(sync(&machine, &["home", "s3://bucket/p", "--delete"]), [0, 0, all, 0]);
    }

    #[test]
    fn without_two_of_three_nodes_nothing_is_done_and_the_next_run_does_it() {
        let Some(mut machine) = machine() else { return };
        let mut tree = round::tree(&[]);
        round::write(&machine, "home", &tree);
        let home = machine.path("home").display().to_string();
        let backup = ["backup", &*home, "--to", "s3://bucket/b"];
        assert_eq!(sync(&machine, &["home", "s3://bucket/p"])[0], tree.len() as u64);
        let first = answer(machine.command(&backup).env("REDCEDAR_NOW", "2026-11-23T02:00:00"));
        assert_eq!(first.code, 0, "{first:?}");
        for name in ["d0/f0", "d1/f1"] {
            tree.remove(name);
            fs_err::remove_file(machine.path("home").join(name)).unwrap();
        }
        machine.write("home/new", "new");
        tree.insert("new".to_owned(), b"new".to_vec());
        machine.server.kill(1);
        machine.server.kill(2);
        fs_err::create_dir(machine.path("back")).unwrap();
        machine.write("back/mine", "mine");
        let failing = [
            &["sync", "home", "s3://bucket/p", "--delete"][..],
            &["sync", "s3://bucket/p", "back", "--delete"],
            &backup,
            &["verify", "--from", "s3://bucket/b"],
            &["prune", "s3://bucket/b", "--keep-last", "1"],
        ];
        // Each waits for a while: all at once.
        let spawn = |words: &&[&str]| {
            let mut command = machine.command(words);
            command.env("REDCEDAR_NOW", "2026-11-24T02:00:00");
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
        };
        let children: Vec<_> = failing.iter().map(spawn).collect();
        for (mut child, words) in children.into_iter().zip(failing) {
            assert_eq!(child.wait().unwrap().code(), Some(6), "{words:?}");
        }
        assert_eq!(machine.read("back/mine"), "mine");
        machine.server.start(1);
        machine.server.start(2);
        machine.server.wait();
        let left = tree.len() as u64;
        assert_eq!(sync(&machine, &["s3://bucket/p", "back"])[0], left + 1, "nothing was deleted");
        assert_eq!(sync(&machine, &["home", "s3://bucket/p", "--delete"]), [1, 0, left - 1, 2]);
        let second = answer(machine.command(&backup).env("REDCEDAR_NOW", "2026-11-24T02:00:00"));
        assert_eq!(second.code, 0, "{second:?}");
        assert_eq!(machine.run(&["verify", "--from", "s3://bucket/b"]).code, 0);
    }
}
