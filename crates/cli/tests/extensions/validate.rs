//! What `validate` says about sections of extensions.

use super::{Answer, Machine};

const MYSQL: &str = "<action><name>database</name><module>CedarBackup3.extend.mysql</module>\
    <function>executeAction</function><index>99</index></action>";
const PROGRAM: &str = "<action><name>db</name><module>foo.bar</module><function>run</function><index>98</index>\
    <command>DIR/program</command></action>";

#[test]
fn a_wrong_section_is_shown_with_its_line_and_is_exit_4_before_anything_runs() {
    let section = "  <mysql>\n    <compress_mode>zip</compress_mode>\n    <all>Y</all>\n  </mysql>";
    let machine = Machine::new(MYSQL, "", section);
    let expected =
        "DIR/cback3.conf:13:20: error: `compress_mode` must be `none`, `gzip`, `bzip2` or (ours) `zstd`
   |
13 |     <compress_mode>zip</compress_mode>
   |                    ^^^
";
    for Answer { code, text } in [
        machine.redcedar(&["validate"]),
        machine.cback3(&["validate"]),
        machine.redcedar(&["run", "database", "collect"]),
        machine.cback3(&["collect", "database"]),
    ] {
        assert_eq!(code, 4, "{text}");
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(machine.names("collect"), [""; 0]);
    assert_eq!(machine.cback3(&["collect"]).code, 0, "nobody asked for that action");
}

#[test]
fn doubts_are_shown_and_the_configuration_is_valid() {
    let section =
        "  <mysql><compress_mode>gzip</compress_mode><all>Y</all><x/></mysql>\n  <acme/>\n  <postgresql/>";
    let machine = Machine::new(&format!("{MYSQL}\n{PROGRAM}"), "", section);
    for Answer { code, text } in [machine.redcedar(&["validate"]), machine.cback3(&["validate"])] {
        assert_eq!(code, 0, "{text}");
        for warning in [
            "cback3.conf:13:58: warning: `mysql` has no element `x`; it is ignored",
            "cback3.conf:14:4: warning: nothing reads `acme`",
            "cback3.conf:15:4: warning: nothing reads `postgresql`",
            "warning: action `db` has no program that can be run: cannot open DIR/program",
            "hint: add an action that runs this extension to `extensions`",
        ] {
            assert!(text.contains(warning), "{warning}: {text}");
        }
    }
}

#[test]
fn programs_of_others_check_their_sections() {
    let machine = Machine::new(PROGRAM, "", "  <db>\n    <name>customers</name>\n  </db>");
    machine.script(
        "program",
        "[ \"$1\" = check ] && echo 'ERROR: no database of that name' && exit 1; touch DIR/ran",
    );
    for Answer { code, text } in [machine.redcedar(&["validate"]), machine.cback3(&["validate"])] {
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("cback3.conf:12:4: error: no database of that name\n"), "{text}");
    }
    machine.script("program", "exit 0");
    assert_eq!(machine.cback3(&["validate"]).code, 0);
}

#[test]
fn findings_in_sections_are_in_the_json() {
    let machine = Machine::new(MYSQL, "", "  <mysql><compress_mode>zip</compress_mode><all>Y</all></mysql>");
    let json: serde_json::Value =
        serde_json::from_str(&machine.redcedar(&["validate", "--json"]).text).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["findings"][0]["line"], 12);
}

#[test]
fn an_action_cannot_have_the_name_of_a_built_in_one() {
    let machine = Machine::new(&MYSQL.replace(">database<", ">stage<"), "", "");
    for Answer { code, text } in [machine.redcedar(&["run", "collect"]), machine.cback3(&["collect"])] {
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("error: `stage` is the name of a built-in action"), "{text}");
    }
}

#[test]
fn functions_of_the_original_that_are_no_actions_are_refused_and_its_actions_are_ours() {
    let action = |module: &str, function: &str| {
        format!(
            "<action><name>x</name><module>{module}</module><function>{function}</function><index>50</index></action>"
        )
    };
    let machine = Machine::new(&action("CedarBackup3.extend.mysql", "backupDatabase"), "", "");
    assert_eq!(machine.cback3(&["collect"]).code, 0);
    for Answer { code, text } in [machine.cback3(&["x"]), machine.redcedar(&["validate"])] {
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("backupDatabase"), "{text}");
    }
    let machine = Machine::new(&action("CedarBackup2.actions.collect", "executeCollect"), "", "");
    assert_eq!(machine.cback3(&["x"]).code, 0);
    assert!(machine.names("collect").contains(&"cback.collect".to_owned()));
}
