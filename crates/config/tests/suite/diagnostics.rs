//! What is said about a file that is wrong, and about one that is accepted and hardly meant.

use std::os::unix::fs::PermissionsExt;

use crate::cases;
use redcedar_config::{Config, LoadError, Section, Severity, Source};

fn diagnose(text: &str) -> String {
    match Config::parse(Source::new("cback3.conf", text)) {
        Ok(loaded) => loaded.warnings.to_string(),
        Err(diagnostics) => diagnostics.to_string(),
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let text = "<cb_config>
  <options>
    <starting_day>Monday</starting_day>
    <working_dir> /w</working_dir>
    <backup_user>u</backup_user>
  </options>
  <collect>
    <collect_dir>/c</collect_dir>
    <dir>
      <abs_path>/home</abs_path>
      <link_depht>1</link_depht>
      <dereference>Y</dereference>
      <exclude><pattern>*.bak</pattern></exclude>
    </dir>
  </collect>
</cb_config>
";
    insta::assert_snapshot!(diagnose(text), @"
    cback3.conf:2:4: error: `options` lacks `backup_group`
      |
    2 |   <options>
      |    ^^^^^^^

    cback3.conf:2:4: error: `options` lacks `rcp_command`
      |
    2 |   <options>
      |    ^^^^^^^

    cback3.conf:3:19: error: `starting_day` must be one of: monday, tuesday, wednesday, thursday, friday, saturday, sunday; did you mean `monday`?
      |
    3 |     <starting_day>Monday</starting_day>
      |                   ^^^^^^

    cback3.conf:4:18: error: `working_dir` must be an absolute path
      |
    4 |     <working_dir> /w</working_dir>
      |                  ^^^
    hint: remove the blanks around the value; they are part of it

    cback3.conf:9:6: error: `dir` lacks `collect_mode`
      |
    9 |     <dir>
      |      ^^^
    hint: set `collect_mode` here, or in `collect` for all items

    cback3.conf:9:6: error: `dir` lacks `archive_mode`
      |
    9 |     <dir>
      |      ^^^
    hint: set `archive_mode` here, or in `collect` for all items

    cback3.conf:9:6: error: `dir` lacks `ignore_file`
      |
    9 |     <dir>
      |      ^^^
    hint: set `ignore_file` here, or in `collect` for all items

    cback3.conf:11:8: warning: `link_depht` in `dir` means nothing and is ignored
       |
    11 |       <link_depht>1</link_depht>
       |        ^^^^^^^^^^
    hint: did you mean `link_depth`?

    cback3.conf:12:20: error: `dereference` needs a `link_depth` of 1 or more
       |
    12 |       <dereference>Y</dereference>
       |                    ^

    cback3.conf:13:25: error: `pattern` is not a regular expression: nothing to repeat
       |
    13 |       <exclude><pattern>*.bak</pattern></exclude>
       |                         ^^^^^
    ");
}

#[test]
fn markup_that_does_not_fit_together_is_shown_from_both_ends() {
    insta::assert_snapshot!(diagnose("<cb_config>\n  <options>\n</cb_config>\n"), @"
    cback3.conf:3:1: error: Unable to parse XML document: expected `</options>`, found `</cb_config>`
      |
    3 | </cb_config>
      | ^^^^^^^^^^^^
    hint: `<options>` was opened in line 2
    ");
}

#[test]
fn sections_of_extensions_are_no_mistakes() {
    for section in ["git", "mercurial", "sqlite", "split", "somebody-elses"] {
        let found = diagnose(&format!("<cb_config>\n  <{section}/>\n</cb_config>\n"));
        assert!(!found.contains("ignored"), "{found}");
    }
}

#[test]
fn a_file_that_ends_too_early_says_what_is_open() {
    insta::assert_snapshot!(diagnose("<cb_config>\n  <options>\n"), @"
    cback3.conf:3:1: error: Unable to parse XML document: the file ends before `</options>`
      |
    3 |
      | ^
    hint: `<options>` was opened in line 2
    ");
}

#[test]
fn markup_in_a_value_is_pointed_at_with_what_to_do() {
    insta::assert_snapshot!(diagnose("<cb_config>\n  <author>\u{fc} me & you</author>\n</cb_config>\n"), @"
    cback3.conf:2:16: error: Unable to parse XML document: Unexpected token inside entity
      |
    2 |   <author>ü me & you</author>
      |                ^^
    hint: a plain `&` is written `&amp;`
    ");
    insta::assert_snapshot!(diagnose("<cb_config>\n  <author>\u{1f600} a ]]> b</author>\n</cb_config>\n"), @"
    cback3.conf:2:15: error: Unable to parse XML document: Unexpected token: ]]>
      |
    2 |   <author>😀 a ]]> b</author>
      |               ^^^
    ");
    insta::assert_snapshot!(diagnose("\n<?xml version='1.0'?>\n<cb_config/>\n"), @r#"
    cback3.conf:2:6: error: Unable to parse XML document: Invalid processing instruction: <?xml
      |
    2 | <?xml version='1.0'?>
      |      ^
    hint: The XML spec only allows "<?xml" at the very beginning of the file, with no whitespace, comments, or any elements before it
    "#);
}

/// What replaces what in the complete file, the warning that makes, and what it points at.
type Case = (&'static str, &'static str, &'static str, &'static str);

const DAY: &str = "<starting_day>tuesday</starting_day>";
const WORK: &str = "<working_dir>/w</working_dir>";
const LOCAL: &str = "<peer><name>here</name><type>local</type><collect_dir>/opt/collect</collect_dir></peer>";
const OVERRIDE: &str = "<override><command>cdrecord</command><abs_path>/opt/cdrecord</abs_path></override>";
const HOOK: &str =
    "<post_action_hook><action>stage</action><command>echo \"after\"</command></post_action_hook>";
const PURGE: &str = "<dir><abs_path>/opt/stage</abs_path><retain_days>7</retain_days></dir>";
const FILE: &str = "<file><abs_path>/etc/passwd</abs_path></file>";
const HOME: &str = "<exclude><abs_path>/home/x</abs_path>";
const PATTERN: &str = "<pattern>.*tmp</pattern>";
const IGNORE: &str = "<ignore_file>.cbignore</ignore_file>";

const STRUCTURE: &[Case] = &[
    (
        IGNORE,
        "<ignore_file>.cbignore</ignore_file><ingore_file>x</ingore_file>",
        "did you mean `ignore_file`?",
        "ingore_file",
    ),
    (
        DAY,
        "<starting_day>tuesday</starting_day><retain_days>7</retain_days>",
        "it belongs in `dir`",
        "retain_days",
    ),
    (
        DAY,
        "<starting_day>tuesday</starting_day><whatever/>",
        "`whatever` in `options` is unknown",
        "whatever",
    ),
    (IGNORE, "<ignore_file>.cbignore</ignore_file><mode>incr</mode>", "`collect_mode` here", "mode"),
    (
        IGNORE,
        "<ignore_file>x</ignore_file><recursion_level>1</recursion_level>",
        "in each `dir`",
        "recursion_level",
    ),
    (
        "<exclude><pattern>.*bak",
        "<exclude><rel_path>x</rel_path><pattern>.*bak",
        "the `exclude` of a `dir`",
        "rel_path",
    ),
    (
        LOCAL,
        "<peer><name>h</name><type>local</type><collect_dir>/c</collect_dir><managed>Y</managed></peer>",
        "type `remote` only",
        "managed",
    ),
    (
        "<factor>1.3</factor>",
        "<factor>1.3</factor><blank_factor>2</blank_factor>",
        "it is called `factor`",
        "blank_factor",
    ),
    ("<reference>", "<refrence/><reference>", "did you mean `reference`?", "refrence"),
    ("<reference>", "<my_sql/><reference>", "did you mean `mysql`?", "my_sql"),
    ("<reference>", "<working_dir/><reference>", "it belongs in `options`", "working_dir"),
    (
        DAY,
        "<starting_day>tuesday</starting_day><starting_day>x</starting_day>",
        "only the first `starting_day` with a value",
        "starting_day",
    ),
    ("<purge>", "<purge/><purge>", "only the first `purge` counts", "purge"),
    (WORK, "<working_dir>/w<![CDATA[x]]></working_dir>", "CDATA is not part", "<![CDATA[x]]>"),
    (WORK, "<working_dir>/w<!-- -->x</working_dir>", "a value ends at the first comment", "x"),
    (WORK, "<working_dir>/w<b/></working_dir>", "`b` is ignored: `working_dir` holds a value", "b"),
    (WORK, "<working_dir>/w </working_dir>", "the blanks around the value of `working_dir`", "/w "),
    (PATTERN, "<pattern>\n.*tmp</pattern>", "the blanks around the value of `pattern`", "\n.*tmp"),
    (WORK, "<working_dir>/w</working_dir>stray", "text directly in `options` is ignored", "stray\n      "),
    (LOCAL, "<peer><type>Local</type></peer>", "this peer is skipped: its `type`", "Local"),
    (LOCAL, "<peer><name>x</name></peer>", "this peer is skipped: it has no `type`", "peer"),
];

const MEANING: &[Case] = &[
    (
        HOOK,
        "<post_action_hook><action>nosuch</action><command>x</command></post_action_hook>",
        "there is no action `nosuch`",
        "nosuch",
    ),
    (
        HOOK,
        "<post_action_hook><action>stage</action></post_action_hook>",
        "this `post_action_hook` has no `command`",
        "stage",
    ),
    (HOOK, "<post_action_hook><command>x</command></post_action_hook>", "it has no `action`", "x"),
    (
        HOOK,
        "<post_action_hook><action>all</action><command>x</command></post_action_hook>",
        "there is no action `all`",
        "all",
    ),
    (OVERRIDE, "<override><command>cdrecord</command></override>", "it has no `abs_path`", "cdrecord"),
    (OVERRIDE, "<override><abs_path>/x</abs_path></override>", "it has no `command`", "/x"),
    (
        "collect, purge</managed",
        "collect, prge</managed",
        "`prge` is no action of this machine",
        "collect, prge",
    ),
    (
        "<managed>Y</managed>",
        "<managed>Y</managed><managed_actions>,</managed_actions>",
        "is an empty list",
        "there",
    ),
    (
        LOCAL,
        "<peer><name>a/b</name><type>local</type><collect_dir>/c</collect_dir></peer>",
        "holds a `/`",
        "a/b",
    ),
    (
        LOCAL,
        "<peer><name>-a</name><type>local</type><collect_dir>/c</collect_dir></peer>",
        "looks like an option",
        "-a",
    ),
    (
        LOCAL,
        "<peer><name>a b</name><type>local</type><collect_dir>/c</collect_dir></peer>",
        "treat specially",
        "a b",
    ),
    (
        LOCAL,
        "<peer><name>..</name><type>local</type><collect_dir>/c</collect_dir></peer>",
        "always there",
        "..",
    ),
    (HOME, "<exclude><abs_path>/home/x/</abs_path>", "it ends in `/`", "/home/x/"),
    (HOME, "<exclude><abs_path>/home//x</abs_path>", "it holds `//`", "/home//x"),
    (HOME, "<exclude><abs_path>/home/../x</abs_path>", "it holds a `.` or `..`", "/home/../x"),
    ("<rel_path>cache</rel_path>", "<rel_path>/cache</rel_path>", "this `rel_path` is absolute", "/cache"),
    (PATTERN, "<pattern>.*a|.*b</pattern>", "only the first is bound to the start", ".*a|.*b"),
    (PATTERN, "<pattern>(?i).*a</pattern>", "the pattern fails when the originals use it", "(?i).*a"),
    (FILE, "<file><abs_path>/home</abs_path></file>", "`/home` is collected twice", "/home"),
    (
        FILE,
        "<file><abs_path>/x-y</abs_path></file><file><abs_path>/x/y</abs_path></file>",
        "same name as that of `/x-y`",
        "/x/y",
    ),
    (
        WORK,
        "<working_dir>/opt/backup/collect/</working_dir>",
        "the collect directory is the working directory too",
        "/opt/backup/collect",
    ),
    (WORK, "<working_dir>/home/w</working_dir>", "holds the working directory, /home/w", "/home"),
    (
        "<source_dir>/opt/stage</source_dir>",
        "<source_dir>/opt/other</source_dir>",
        "is not the `staging_dir`",
        "/opt/other",
    ),
    ("<factor>1.3</factor>", "", "`factor` is missing", "blank_behavior"),
    ("<factor>1.3</factor>", "<factor>inf</factor>", "not a finite number", "blank_behavior"),
    (
        PURGE,
        "<dir><abs_path>/./</abs_path><retain_days>7</retain_days></dir>",
        "deletes old files of the system",
        "/./",
    ),
    (
        PURGE,
        "<dir><abs_path>/w</abs_path><retain_days>7</retain_days></dir>",
        "deletes from the working directory",
        "/w",
    ),
    (
        PURGE,
        "<dir><abs_path>/opt/backup</abs_path><retain_days>7</retain_days></dir>",
        "deletes from the collect directory",
        "/opt/backup",
    ),
    (
        PURGE,
        "<dir><abs_path>/opt/stage</abs_path><retain_days>0</retain_days></dir>",
        "is deleted at once",
        "/opt/stage",
    ),
];

#[test]
fn each_trap_gives_one_warning_that_points_at_it() {
    for (old, new, message, marked) in [STRUCTURE, MEANING].concat() {
        assert_eq!(cases::BASE.matches(old).count(), 1, "{old:?} must be in the base once");
        let text = cases::BASE.replacen(old, new, 1);
        let loaded = Config::parse(Source::new("f", &text)).unwrap_or_else(|d| panic!("{new}: {d}"));
        let warnings: Vec<_> = loaded.warnings.iter().collect();
        let [warning] = warnings[..] else { panic!("{new}: one warning expected:\n{}", loaded.warnings) };
        let said = format!("{} {}", warning.message, warning.hint.as_deref().unwrap_or_default());
        assert_eq!(warning.severity, Severity::Warning);
        assert!(said.contains(message), "{new}: {said}");
        assert_eq!(&text[warning.span.range()], marked, "{new}");
    }
}

#[test]
fn foreign_sections_are_left_to_whoever_knows_the_extensions() {
    let sections = "<acme a='b'><options/></acme><amazons3/><mysqll/><reference>";
    let text = cases::BASE.replace("<reference>", sections);
    let loaded = Config::parse(Source::new("f", &text)).unwrap();
    assert_eq!(loaded.warnings.len(), 1, "{}", loaded.warnings);
    let foreign: Vec<_> = loaded.document.foreign_sections().map(Section::source_text).collect();
    assert_eq!(foreign[..2], ["<acme a='b'><options/></acme>", "<amazons3/>"]);
    assert!(!foreign.contains(&"<mysqll/>"), "that one is a misspelt section of ours");
}

#[test]
fn names_of_built_in_actions_are_refused_for_others() {
    for name in ["collect", "all", "initialize"] {
        let text = cases::BASE.replacen("<name>database</name>", &format!("<name>{name}</name>"), 1);
        let said = diagnose(&text);
        assert!(said.contains(&format!("error: `{name}` is the name of a built-in action")), "{said}");
        assert!(said.contains("hint: choose another name"), "{said}");
    }
}

#[test]
fn how_a_program_is_run_is_checked_with_the_others() {
    let place = "<name>database</name>";
    let settings = "<command>dump</command><timeout>-1</timeout><run_as>nobody</run_as><section>db</section>";
    let said = diagnose(&cases::BASE.replacen(place, &format!("{place}{settings}"), 1));
    for expected in ["`command` must be an absolute path", "`timeout` must not be negative"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let right = settings.replace(">dump", ">/opt/dump").replace("-1", "60");
    let loaded = Config::parse(Source::new("f", &cases::BASE.replacen(place, &format!("{place}{right}"), 1)));
    let loaded = loaded.unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let action = &loaded.config.extensions.as_ref().unwrap().actions[0];
    assert_eq!(action.program.command.as_ref().unwrap().value, std::path::Path::new("/opt/dump"));
    assert_eq!(action.program.timeout, Some(60));
    let again = Config::parse(Source::new("f", &loaded.config.render().unwrap())).unwrap().config;
    assert_eq!(again.extensions, loaded.config.extensions);
}

#[test]
fn an_excluded_directory_of_ours_is_no_trap() {
    let text = cases::BASE.replace(WORK, "<working_dir>/home/cache/w</working_dir>");
    assert_eq!(diagnose(&text), "");
}

#[test]
fn the_originals_habit_of_emptying_the_collect_directory_is_no_trap() {
    let text = cases::BASE
        .replace(PURGE, "<dir><abs_path>/opt/backup/collect</abs_path><retain_days>0</retain_days></dir>");
    assert_eq!(diagnose(&text), "");
}

#[test]
fn a_file_that_others_can_write_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.conf");
    let warnings = |text: &str, mode| {
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Config::load(&path).unwrap().warnings.to_string()
    };
    let secret = cases::BASE.replace("<all>Y</all>", "<password>x</password>");
    assert_eq!(warnings(cases::BASE, 0o644), "");
    assert!(warnings(cases::BASE, 0o664).contains("can write this file"));
    assert!(warnings(&secret, 0o644).contains("holds a password"));
    assert_eq!(warnings(&secret, 0o600), "");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(std::path::Path::new("/nonexistent/c.conf")).unwrap_err();
    assert!(matches!(error, LoadError::Unreadable(_)));
    assert!(error.to_string().contains("/nonexistent/c.conf"), "{error}");
}

#[test]
fn the_documented_sample_gives_no_warnings() {
    assert_eq!(diagnose(include_str!("../../../../docs/samples/cback3.conf")), "");
}

#[test]
fn our_own_elements_of_stage_are_checked_with_the_others() {
    let text = "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir>
<backup_user>u</backup_user><backup_group>g</backup_group><rcp_command>scp</rcp_command></options>
<peers><peer><name>me</name><type>local</type><collect_dir>/c</collect_dir></peer></peers>
<stage><staging_dir>/s</staging_dir><jobs>0</jobs><peer_time_limit>0</peer_time_limit>
<retries>-1</retries><wait_until>25:00</wait_until></stage></cb_config>";
    let said = diagnose(text);
    for expected in [
        "`jobs` must be 1 or more",
        "`peer_time_limit` must be 1 or more",
        "`retries` must not be negative",
        "`wait_until` must be a time of day such as `05:30`",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn our_own_elements_of_purge_are_checked_and_belong_to_the_staging_directory() {
    let text = |dir: &str, own: &str, anomaly: &str| {
        format!(
            "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir>
<backup_user>u</backup_user><backup_group>g</backup_group><rcp_command>scp</rcp_command></options>
<peers><peer><name>me</name><type>local</type><collect_dir>/c</collect_dir></peer></peers>
<stage><staging_dir>/s</staging_dir></stage><purge>{anomaly}
<dir><abs_path>{dir}</abs_path><retain_days>7</retain_days>{own}</dir></purge></cb_config>"
        )
    };
    let said = diagnose(&text(
        "/s",
        "<keep_last>-1</keep_last><keep_weekly>x</keep_weekly>",
        "<anomaly>holds</anomaly>",
    ));
    for expected in ["`keep_last` must not be negative", "`keep_weekly`", "did you mean `hold`?"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let keep = "<keep_monthly>12</keep_monthly>";
    assert_eq!(diagnose(&text("/s/", keep, "<anomaly>hold</anomaly>")), "");
    assert_eq!(diagnose(&text("/s/2026", keep, "")), "");
    let said = diagnose(&text("/c", keep, ""));
    assert!(said.contains("this is not the staging directory"), "{said}");
    assert_eq!(diagnose(&text("/c", "", "")), "");
}
