//! Configurations written and read back.

use std::os::unix::fs::PermissionsExt;

use crate::cases;
use redcedar_config::{Config, Document, RenderError, Source};

fn parse(text: &str) -> Config {
    Config::parse(Source::new("f.conf", text)).unwrap_or_else(|diagnostics| panic!("{diagnostics}")).config
}

fn document(text: &str) -> Document {
    Document::parse(Source::new("f.conf", text)).unwrap()
}

const SMALL: &str = "<?xml version='1.0' encoding='iso-8859-1'?>
<!-- ours since 2009 -->
<cb_config>
  <options>
    <!-- the week begins here -->
    <starting_day>monday</starting_day>
    <working_dir>/w</working_dir>
    <backup_user>u</backup_user>
    <backup_group>g</backup_group>
    <rcp_command>scp &amp; more</rcp_command>
  </options>

  <mysql><password>geh&#101;im</password><!-- not in cron --></mysql>
  <purge><dir><abs_path>/s</abs_path><retain_days>7</retain_days></dir></purge>
  <!-- end -->
</cb_config>
";

#[test]
fn a_fresh_file_is_written_as_the_originals_do() {
    insta::assert_snapshot!(parse(SMALL).render().unwrap(), @"
    <?xml version='1.0' encoding='UTF-8'?>
    <cb_config>
       <options>
          <starting_day>monday</starting_day>
          <working_dir>/w</working_dir>
          <backup_user>u</backup_user>
          <backup_group>g</backup_group>
          <rcp_command>scp &amp; more</rcp_command>
          <rsh_command/>
          <cback_command/>
          <managed_actions/>
       </options>
       <purge>
          <dir>
             <abs_path>/s</abs_path>
             <retain_days>7</retain_days>
          </dir>
       </purge>
    </cb_config>
    ");
}

/// What the original wrote for the same configurations.
#[test]
fn files_are_written_byte_for_byte_as_the_original_writes_them() {
    for (text, written) in [
        (cases::BASE, include_str!("written/base.conf")),
        (include_str!("written/sparse.in.conf"), include_str!("written/sparse.conf")),
    ] {
        assert_eq!(parse(text).render().unwrap(), written);
    }
}

#[test]
fn what_is_written_reads_back_and_is_written_the_same() {
    let mut compared = 0;
    for (text, _) in cases::cases().into_iter().filter(|(_, accepted)| *accepted) {
        let written = parse(&text).render().unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(parse(&written).render().unwrap(), written, "{text}");
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

/// The complete file, with what writing would fill in.
fn complete() -> Config {
    let mut config = parse(cases::BASE);
    config.peers.as_mut().unwrap().remote[1].managed = Some(false);
    config.collect.as_mut().unwrap().dirs[0].dereference = Some(false);
    config
}

#[test]
fn every_value_survives_writing() {
    let config = complete();
    assert_eq!(parse(&config.render().unwrap()), config);
}

#[test]
fn our_own_elements_survive_writing() {
    let mut config = complete();
    let collect = config.collect.as_mut().unwrap();
    collect.one_file_system = Some(true);
    collect.dirs[1].exclude_caches = Some(false);
    collect.dirs[1].exclude.globs = vec!["*.o".to_owned().into()];
    collect.dirs[0].archive_mode = Some(redcedar_config::value::ArchiveMode::TarZstd);
    config.options.managed_time_limit = Some(90);
    let peers = config.peers.as_mut().unwrap();
    (peers.local[0].max_age, peers.remote[0].max_age) = (Some(1), Some(8));
    peers.local[0].keep.monthly = Some(6);
    peers.remote[0].keep.last = Some(0);
    let stage = config.stage.as_mut().unwrap();
    stage.jobs = Some(3);
    stage.peer_time_limit = Some(90);
    stage.retries = Some(0);
    stage.wait_until = Some("05:30".parse().unwrap());
    let purge = config.purge.as_mut().unwrap();
    purge.anomaly = Some(redcedar_config::value::AnomalyMode::Hold);
    purge.dirs[0].keep = redcedar_config::cedar::Keep {
        last: Some(1),
        daily: Some(0),
        weekly: Some(5),
        monthly: Some(12),
        yearly: Some(9),
    };
    assert_eq!(parse(&config.render().unwrap()), config);
}

#[test]
fn an_unchanged_configuration_leaves_its_document_as_it_is() {
    let text = SMALL.replace("iso-8859-1", "UTF-8");
    assert_eq!(parse(&text).render_over(&document(&text)).unwrap(), text);
}

#[test]
fn an_edited_section_is_written_anew_and_all_else_stays() {
    let mut config = parse(SMALL);
    config.options.working_dir = std::path::PathBuf::from("/elsewhere").into();
    insta::assert_snapshot!(config.render_over(&document(SMALL)).unwrap(), @"
    <?xml version='1.0' encoding='UTF-8'?>
    <!-- ours since 2009 -->
    <cb_config>
      <options>
          <!-- the week begins here -->
          <starting_day>monday</starting_day>
          <working_dir>/elsewhere</working_dir>
          <backup_user>u</backup_user>
          <backup_group>g</backup_group>
          <rcp_command>scp &amp; more</rcp_command>
          <rsh_command/>
          <cback_command/>
          <managed_actions/>
       </options>

      <mysql><password>geh&#101;im</password><!-- not in cron --></mysql>
      <purge><dir><abs_path>/s</abs_path><retain_days>7</retain_days></dir></purge>
      <!-- end -->
    </cb_config>
    ");
}

#[test]
fn an_edit_replaces_exactly_its_section_between_other_alphabets() {
    let purge = "<purge><!-- \u{3b1} \u{1f600} --><dir><abs_path>/s</abs_path><retain_days>7</retain_days></dir></purge>";
    let text = SMALL
        .replace("iso-8859-1", "UTF-8")
        .replace("ours", "\u{1f600} na\u{ef}ve <purge/>")
        .replace("geh&#101;im", "geh\u{e9}im\u{20ac}</password><\u{e9} \u{e9}='\u{1f600}/>'/><password>")
        .replace("<purge><dir><abs_path>/s</abs_path><retain_days>7</retain_days></dir></purge>", purge)
        .replace('\n', "\r\n");
    let mut config = parse(&text);
    config.purge.as_mut().unwrap().dirs[0].retain_days = 8;
    let edited = "<purge>\n      <!-- \u{3b1} \u{1f600} -->\n      <dir>\n         <abs_path>/s</abs_path>\n         \
                  <retain_days>8</retain_days>\n      </dir>\n   </purge>";
    let expected = text.replace("\r\n", "\n").replace(purge, edited);
    assert_eq!(config.render_over(&document(&text)).unwrap(), expected);
}

#[test]
fn sections_come_and_go() {
    let mut config = parse(cases::BASE);
    let store = config.store.take();
    config.reference = None;
    let without = config.render_over(&document(cases::BASE)).unwrap();
    assert_eq!(parse(&without), config);
    assert!(!without.contains("<store>") && without.contains("<mysql><all>Y</all></mysql>"), "{without}");
    config.store = store;
    let with = config.render_over(&document(&without)).unwrap();
    assert_eq!(parse(&with), config);
    let stage = with.find("</stage>").unwrap();
    assert!(with[stage..].starts_with("</stage>\n   <store>\n"), "{with}");
}

#[test]
fn a_section_out_of_an_entity_is_not_edited() {
    let text = SMALL
        .replace("<cb_config>", "<!DOCTYPE c [<!ENTITY p '<purge/>'>]>\n<cb_config>&p;")
        .replace("<purge><dir><abs_path>/s</abs_path><retain_days>7</retain_days></dir></purge>", "");
    let mut config = parse(&text);
    assert!(config.render_over(&document(&text)).is_ok());
    config.purge = None;
    config.collect = parse(cases::BASE).collect;
    assert!(matches!(config.render_over(&document(&text)), Err(RenderError::InEntity("purge"))));
}

#[test]
fn what_would_be_invalid_is_not_written() {
    let mut config = parse(SMALL);
    config.purge = None;
    assert!(matches!(config.render(), Err(RenderError::Invalid(_))));
    let mut config = parse(SMALL);
    config.options.backup_user = "a\u{1}".to_owned().into();
    insta::assert_snapshot!(
        config.render().unwrap_err(),
        @"`backup_user` holds the character U+0001, which XML cannot hold"
    );
    let mut config = parse(SMALL);
    let path: std::path::PathBuf =
        <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"/\xff").into();
    config.options.working_dir = path.into();
    assert!(matches!(config.render(), Err(RenderError::Text(_))));
}

#[test]
fn a_file_is_written_for_its_owner_only_and_keeps_its_mode_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.conf");
    let mode = || fs_err::metadata(&path).unwrap().permissions().mode() & 0o7777;
    let config = parse(SMALL);
    config.write_to(&path).unwrap();
    assert_eq!(mode(), 0o600);
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    config.write_to(&path).unwrap();
    assert_eq!(mode(), 0o640);
    assert_eq!(Config::load(&path).unwrap().config, parse(&config.render().unwrap()));
}
