//! What `--help` says.

use super::Sandbox;

#[test]
fn the_short_help_fits_a_screen() {
    insta::assert_snapshot!(Sandbox::new().talk("-h"));
}

#[test]
fn the_help_of_each_command_says_what_it_does() {
    let sandbox = Sandbox::new();
    let nested = [
        "peer check",
        "peer add",
        "snapshot create",
        "snapshot list",
        "snapshot restore",
        "snapshot verify",
        "snapshot diff",
        "snapshot prune",
        "snapshot rebuild-plan",
    ]
    .map(str::to_owned);
    for command in commands(&sandbox).into_iter().chain(nested) {
        let help = sandbox.talk(&format!("help {command}"));
        // The same for all: shown once, by the help of the program.
        let (own, rest) = help.split_once("\nGlobal options:\n").unwrap();
        let examples = rest.split_once("\nExamples:\n").unwrap().1;
        insta::assert_snapshot!(
            format!("help-{}", command.replace(' ', "-")),
            format!("{own}\nExamples:\n{examples}")
        );
    }
}

#[test]
fn the_help_of_the_program_lists_options_and_exit_codes() {
    insta::assert_snapshot!(Sandbox::new().talk("--help"));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_help() {
    let sandbox = Sandbox::new();
    let lines = [
        "",
        "frobnicate",
        "backup /etc",
        "restore --to /x --in-place",
        "restore --to /x --as-of tomorrow",
        "run",
        "list -q -v",
    ];
    let talk: Vec<_> = lines.iter().map(|line| sandbox.talk(line)).collect();
    insta::assert_snapshot!(talk.join("\n"));
}

/// The names of all commands, from the program's own help.
pub(crate) fn commands(sandbox: &Sandbox) -> Vec<String> {
    let help = sandbox.run("-h").stdout;
    let list = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0.to_owned();
    let names = list.lines().map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}
