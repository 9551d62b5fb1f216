use super::Postgresql;
use crate::sample::{Machine, ended};

fn commands(section: &str) -> Vec<String> {
    let machine = Machine::new("", &format!("<postgresql>{section}</postgresql>"));
    assert_eq!(machine.check(&Postgresql), Vec::<String>::new());
    machine.commands(&Postgresql, []).iter().map(ToString::to_string).collect()
}

#[test]
fn the_originals_arguments_are_used_in_their_order() {
    assert_eq!(commands("<compress_mode>gzip</compress_mode><all>Y</all>"), ["['pg_dumpall']"]);
    assert_eq!(
        commands("<compress_mode>none</compress_mode><user>bk</user><all>y</all>"),
        ["['pg_dumpall', '-U', 'bk']"]
    );
    assert_eq!(
        commands(
            "<compress_mode>bzip2</compress_mode><user>bk</user><database>one</database><database>a b</database>"
        ),
        ["['pg_dump', '-U', 'bk', 'one']", "['pg_dump', '-U', 'bk', 'a b']"]
    );
}

#[test]
fn roles_are_dumped_first_where_that_is_asked_for() {
    let databases = "<compress_mode>gzip</compress_mode><database>one</database><globals>Y</globals>";
    assert_eq!(commands(databases), ["['pg_dumpall', '--globals-only']", "['pg_dump', 'one']"]);
    let machine = Machine::new(
        "",
        "<postgresql><compress_mode>gzip</compress_mode><all>Y</all><globals>Y</globals></postgresql>",
    );
    assert_eq!(machine.commands(&Postgresql, []).len(), 1);
    let finding =
        "warning: `globals` has no effect: a dump of all databases holds roles and tablespaces anyway";
    assert_eq!(machine.check(&Postgresql), [finding]);
}

#[test]
fn a_name_is_never_taken_for_an_option_or_for_parameters() {
    let name = |name: &str| {
        let mut command =
            commands(&format!("<compress_mode>gzip</compress_mode><database>{name}</database>"));
        command.remove(0).replace("['pg_dump', ", "").replace(']', "")
    };
    assert_eq!(name("--file=/etc/passwd"), r#""--dbname=dbname='--file=/etc/passwd'""#);
    assert_eq!(name("host=evil"), r#""--dbname=dbname='host=evil'""#);
    assert_eq!(name("postgresql://evil/x"), r#""--dbname=dbname='postgresql://evil/x'""#);
    assert_eq!(name(r"a=b'c\d"), r#""--dbname=dbname='a=b\'c\\d'""#);
    assert_eq!(name("it's; drop"), r#""it's; drop""#);
}

#[test]
fn an_override_names_the_program_of_its_kind() {
    let overrides = "<override><command>pg_dump</command><abs_path>/opt/pg/pg_dump</abs_path></override>";
    let section = "<postgresql><compress_mode>gzip</compress_mode><database>one</database><globals>Y</globals></postgresql>";
    let machine = Machine::new(overrides, section);
    let commands: Vec<_> =
        machine.commands(&Postgresql, [ended(0, &[])]).iter().map(ToString::to_string).collect();
    assert_eq!(commands, ["['pg_dumpall', '--globals-only']", "['/opt/pg/pg_dump', 'one']"]);
}
