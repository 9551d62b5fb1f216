//! The peer as it belongs into the configuration.

use std::path::Path;

use redcedar_config::Located;
use redcedar_config::cedar::{Keep, Options, RemotePeer};
use redcedar_system::command;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wishes<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where its collected data lies.
    pub collect_dir: &'a Path,
    /// The login there; else that of the options.
    pub user: Option<&'a str>,
    /// The port; else that of the copy command.
    pub port: Option<u16>,
    /// Actions that are run from here.
    pub actions: &'a [String],
    /// The program there; else that of the options.
    pub cback_command: Option<&'a str>,
}

/// The peer that fits the wishes: as it is configured, if it is, with what was wished for. Its key will be restricted, so it is
/// copied from by the old protocol.
pub fn element(configured: Option<&RemotePeer>, wishes: &Wishes<'_>, options: &Options) -> RemotePeer {
    let fresh = RemotePeer {
        name: wishes.name.to_owned().into(),
        collect_dir: wishes.collect_dir.to_owned().into(),
        ignore_failures: None,
        max_age: None,
        keep: Keep::default(),
        backup_user: None,
        rcp_command: None,
        rsh_command: None,
        cback_command: None,
        managed: None,
        managed_actions: None,
    };
    let mut peer = configured.cloned().unwrap_or(fresh);
    peer.collect_dir = wishes.collect_dir.to_owned().into();
    if let Some(user) = wishes.user {
        peer.backup_user = own(user, Some(&options.backup_user));
    }
    let copy = peer.rcp_command.as_ref().unwrap_or(&options.rcp_command).value.clone();
    let port = wishes.port.map(|port| port.to_string());
    // Of several ports, `scp` takes the last and `ssh` the first.
    let copy = port.as_ref().map_or(copy.clone(), |port| format!("{copy} -P {port}"));
    peer.rcp_command = own(&legacy(&copy), Some(&options.rcp_command));
    let shell = peer.rsh_command.as_ref().or(options.rsh_command.as_ref());
    let shell = shell.map_or("/usr/bin/ssh", |shell| shell.value.as_str());
    let shell = port.as_ref().map(|port| with_option(shell, &format!("-p {port}"))).or_else(|| {
        // Without actions, nothing is run there.
        (!wishes.actions.is_empty()).then(|| shell.to_owned())
    });
    if let Some(shell) = shell {
        peer.rsh_command = own(&shell, options.rsh_command.as_ref());
    }
    if let Some(program) = wishes.cback_command {
        peer.cback_command = own(program, options.cback_command.as_ref());
    }
    if !wishes.actions.is_empty() {
        peer.managed = Some(true);
        peer.managed_actions = Some(wishes.actions.iter().cloned().map(Located::from).collect());
    }
    peer
}

/// A value of its own, unless it is that of the options.
fn own(value: &str, general: Option<&Located<String>>) -> Option<Located<String>> {
    (general.map(|general| general.value.as_str()) != Some(value)).then(|| value.to_owned().into())
}

/// OpenSSH's `scp`, told to speak the old protocol.
fn legacy(line: &str) -> String {
    let words = command::split(line);
    let is_scp = words.first().is_some_and(|program| Path::new(program).ends_with("scp"));
    if is_scp && !words.iter().any(|word| word == "-O") { with_option(line, "-O") } else { line.to_owned() }
}

/// A command line with an option right behind the program.
fn with_option(line: &str, option: &str) -> String {
    let words = command::split(line);
    let program = words.first().map(String::as_str).unwrap_or_default();
    // A program in quotes is left to whoever wrote it.
    match line.strip_prefix(program) {
        Some(rest) => format!("{program} {option}{rest}"),
        None => format!("{line} {option}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn wishes(port: Option<u16>, actions: &[String]) -> Wishes<'_> {
        let collect_dir = Path::new("/c");
        Wishes { name: "web1", collect_dir, user: None, port, actions, cback_command: None }
    }

    fn options(rcp: &str) -> Options {
        let mut options = sample::config(Path::new("/pool")).options;
        options.rcp_command.value = rcp.to_owned();
        options
    }

    #[test]
    fn a_peer_says_only_what_the_options_do_not() {
        let text = |peer: &Option<Located<String>>| peer.as_ref().map(|value| value.value.clone());
        let peer = element(None, &wishes(None, &[]), &options("/usr/bin/scp -O -B"));
        assert_eq!((text(&peer.rcp_command), text(&peer.rsh_command), peer.managed), (None, None, None));
        let peer = element(None, &wishes(None, &[]), &options("/usr/bin/scp -B"));
        assert_eq!(text(&peer.rcp_command).as_deref(), Some("/usr/bin/scp -O -B"));
        let peer = element(None, &wishes(Some(2222), &[]), &options("/usr/bin/scp -B"));
        assert_eq!(text(&peer.rcp_command).as_deref(), Some("/usr/bin/scp -O -B -P 2222"));
        assert_eq!(text(&peer.rsh_command).as_deref(), Some("/usr/bin/ssh -p 2222"));
        let peer = element(None, &wishes(None, &[]), &options("rcp -x"));
        assert_eq!(peer.rcp_command, None);
    }

    #[test]
    fn a_configured_peer_keeps_what_nobody_asked_to_change() {
        let configured = RemotePeer {
            backup_user: Some("other".to_owned().into()),
            ..sample::managed_peer("web1", Some(&["collect"]))
        };
        let actions = ["purge".to_owned()];
        let peer = element(Some(&configured), &wishes(None, &actions), &options("scp -O"));
        assert_eq!(peer.backup_user, configured.backup_user);
        assert_eq!(peer.managed_actions.unwrap()[0].value, "purge");
        assert_eq!(peer.collect_dir.value, Path::new("/c"));
    }

    #[test]
    fn it_is_written_as_it_belongs_into_the_peers_section() {
        let text = element(None, &wishes(None, &[]), &options("scp")).render().unwrap();
        assert!(text.starts_with("      <peer>\n         <name>web1</name>\n"), "{text}");
        assert!(text.contains("<rcp_command>scp -O</rcp_command>"), "{text}");
    }
}
