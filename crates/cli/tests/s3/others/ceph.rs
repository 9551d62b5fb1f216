//! An old server, which knows nothing of newer checksums and refuses those that follow a body.

mod slow {
    use super::super::super::machine::{Machine, answer};
    use super::super::super::trouble::ODD;
    use super::super::round;
    use redcedar_testing::s3::Ceph;

    fn machine() -> Option<Machine<Ceph>> {
        let server = Ceph::required()?;
        let login = server.login.clone();
        Some(Machine::at(server, login))
    }

    #[test]
    fn everything_goes_and_comes_back_whatever_the_server_knows_of_checksums() {
        let Some(machine) = machine() else { return };
        round::directories(&machine, &ODD);
        round::backups(&machine, &ODD);
    }

    #[test]
    fn everything_goes_and_comes_back_by_md5_alone() {
        let Some(machine) = machine() else { return };
        machine.write(".aws/config", "[default]\nrequest_checksum_calculation = when_required\n");
        round::directories(&machine, &ODD);
    }

    #[test]
    fn whoever_has_the_wrong_key_is_told_so() {
        let Some(machine) = machine() else { return };
        round::wrong_keys(&machine, ["SignatureDoesNotMatch", "InvalidAccessKeyId"]);
    }

    #[test]
    fn a_clock_that_is_wrong_is_put_right_by_that_of_the_server() {
        let Some(machine) = machine() else { return };
        machine.write("home/large", vec![7; 9 << 20]);
        let with_clock = |clock: &str, words: &[&str]| {
            let mut faketime = redcedar_testing::program::command("faketime");
            faketime.args(["-f", clock]).arg(assert_cmd::cargo::cargo_bin!("redcedar"));
            let answer = answer(&mut machine.complete(faketime, words));
            assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{clock}: {answer:?}");
            answer.stdout
        };
        for clock in ["-1h", "+1h", "-400d"] {
            machine.write("home/file", clock);
            let sent = with_clock(clock, &["sync", "home", "s3://bucket/p"]);
            assert!(
                sent.starts_with("1 new")
                    || sent.starts_with("2 new")
                    || sent.starts_with("0 new, 1 changed"),
                "{clock}: {sent}"
            );
            let seen = with_clock(clock, &["sync", "home", "s3://bucket/p", "--verify"]);
            assert!(seen.contains("2 unchanged"), "{clock}: {seen}");
        }
    }
}
