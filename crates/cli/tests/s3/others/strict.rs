//! A server that checks every signature.

mod slow {
    use super::super::super::machine::Machine;
    use super::super::round;
    use redcedar_testing::s3::Strict;

    fn machine() -> Option<Machine<Strict>> {
        let server = Strict::required()?;
        let login = server.login.clone();
        Some(Machine::at(server, login))
    }

    /// Its listings do not encode `+` and `%` though they say so.
    const ODD: [&str; 12] = [
        "a b",
        " a",
        "a ",
        "a&b<c>\"'",
        "a?b=c#d",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{1f332}",
        "~",
        "*",
        "-rf",
        "...",
    ];

    #[test]
    fn whatever_is_signed_is_signed_well() {
        let Some(machine) = machine() else { return };
        round::directories(&machine, &ODD);
        round::backups(&machine, &ODD);
    }

    #[test]
    fn whoever_has_the_wrong_key_is_told_so() {
        let Some(machine) = machine() else { return };
        round::wrong_keys(&machine, ["SignatureDoesNotMatch", "NotSignedUp"]);
    }
}
