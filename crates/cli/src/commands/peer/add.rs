//! `redcedar peer add`: sets a peer up.

use std::io::Write;
use std::path::PathBuf;

use redcedar_config::Config;
use redcedar_config::cedar::RemotePeer;
use redcedar_engine::peer_add::{
    self, AddError, AddRequest, Added, Authorized, Forced, HostKeyState, HostKeys, Installed, KeyState,
    Login, Wishes,
};
use redcedar_engine::peer_check::{self, Own, Peer};
use redcedar_engine::remote::DEFAULT_PROGRAM;
use redcedar_system::{escape, quote};
use serde::Serialize;

use super::super::{CommandError, CommandResult, Context, Out, configuration};
use super::check;
use crate::exit::Exit;
use crate::output::json::{Document, JsonPath};

/// Set up how a peer on another machine is reached
///
/// Makes a key for the backup user if there is none, shows the keys of the host, and prints what belongs into authorized_keys
/// there and into the configuration here. The key can do no more there than `redcedar validate-command` allows. Nothing that is
/// there is replaced. Run it again as often as you like; it exits with 7 as long as the host is not known.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar peer add web2 --collect-dir /var/backups/redcedar/collect
  redcedar peer add web2 --collect-dir /var/backups/redcedar/collect --accept-host-key SHA256:… --install
  redcedar peer add web2 --collect-dir /backup/collect --allow collect,purge --port 2222 --dry-run")]
pub(crate) struct Args {
    /// Name of the peer: that of its host
    #[arg(value_name = "NAME")]
    name: String,
    /// Where the peer collects
    #[arg(long, value_name = "DIR")]
    collect_dir: PathBuf,
    /// Login there [default: the backup user]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Port of its SSH server
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Believe the host that has a key with this fingerprint, and add it to known_hosts
    #[arg(long, value_name = "SHA256:…")]
    accept_host_key: Vec<String>,
    /// Actions that may be run there from here
    #[arg(long, value_name = "ACTION,…", value_delimiter = ',')]
    allow: Vec<String>,
    /// The program by which they are run [default: as configured]
    #[arg(long, value_name = "COMMAND", requires = "allow")]
    cback_command: Option<String>,
    /// Where redcedar is on the peer
    #[arg(long, value_name = "FILE", default_value = "/usr/local/sbin/redcedar")]
    program: PathBuf,
    /// Add the key to authorized_keys there by a login of yours, which may ask for a password. SSH is the command for it
    #[arg(long, value_name = "SSH", num_args = 0..=1, require_equals = true, default_missing_value = "ssh")]
    install: Option<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    peer: &'a str,
    address: &'a str,
    user: &'a str,
    key: JsonKey,
    host: JsonHost<'a>,
    authorized_keys: Option<&'a str>,
    /// `there`, `added` or `otherwise`; none without `--install`.
    installed: Option<&'static str>,
    element: &'a str,
    next: Vec<String>,
}

#[derive(Serialize)]
struct JsonKey {
    path: JsonPath,
    /// `there`, `made` or `missing`.
    state: &'static str,
}

#[derive(Serialize)]
struct JsonHost<'a> {
    known: bool,
    /// Why it cannot be asked.
    reason: Option<&'a str>,
    keys: Vec<JsonHostKey<'a>>,
}

#[derive(Serialize)]
struct JsonHostKey<'a> {
    fingerprint: &'a str,
    kind: &'a str,
    /// `offered`, `accepted` or `added`.
    state: &'static str,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let config = configuration::load(context)?;
    if !args.collect_dir.is_absolute() {
        let message = format!("--collect-dir {} is not absolute", escape::display(&args.collect_dir));
        return Err(CommandError::message(Exit::Usage, message));
    }
    let peer = peer_add::element(configured(args, &config)?, &wishes(args), &config.options);
    let forced = forced(args, &peer, &config);
    let request = AddRequest {
        peer: &peer,
        options: &config.options,
        accepted: &args.accept_host_key,
        forced: &forced,
        dry_run: context.global.dry_run,
    };
    let element = peer.render().map_err(|error| CommandError::new(Exit::Usage, error))?;
    let added = peer_add::add(&request, &context.system).map_err(failed)?;
    let installed = match (&args.install, &added.authorized) {
        (Some(ssh), Some(authorized)) if !context.global.dry_run => {
            Some(install(ssh, authorized, &added, context)?)
        }
        _ => None,
    };
    let own = check::own(context);
    let report = Report {
        peer: &args.name,
        address: &added.address,
        user: &added.user,
        key: JsonKey { path: JsonPath(added.key.path.clone()), state: key_word(added.key.state) },
        host: JsonHost::new(&added.host_keys),
        authorized_keys: added.authorized.as_ref().map(|authorized| authorized.line.as_str()),
        installed: installed.map(installed_word),
        element: &element,
        next: next(args, &added.host_keys, &own),
    };
    if context.global.json {
        out.json(&Document::new("peer add", &report))?;
    } else {
        report.show(&added.port, out)?;
    }
    let is_done = added.host_keys.is_known() && installed != Some(Installed::Otherwise);
    Ok(if is_done || context.global.dry_run { Exit::Done } else { Exit::Incomplete })
}

/// The peer of that name, if there is one already.
fn configured<'a>(args: &Args, config: &'a Config) -> Result<Option<&'a RemotePeer>, CommandError> {
    match peer_check::peers(config).into_iter().find(|peer| peer.name() == args.name) {
        None => Ok(None),
        Some(Peer::Remote(peer)) => Ok(Some(peer)),
        Some(Peer::Local(_)) => {
            let message = format!("the peer {} is on this machine: there is nothing to set up", args.name);
            Err(CommandError::message(Exit::Configuration, message))
        }
    }
}

fn wishes(args: &Args) -> Wishes<'_> {
    Wishes {
        name: &args.name,
        collect_dir: &args.collect_dir,
        user: args.user.as_deref(),
        port: args.port,
        actions: &args.allow,
        cback_command: args.cback_command.as_deref(),
    }
}

fn forced(args: &Args, peer: &RemotePeer, config: &Config) -> Forced {
    let program = peer.cback_command.as_ref().or(config.options.cback_command.as_ref());
    Forced {
        program: args.program.clone(),
        collect_dir: args.collect_dir.clone(),
        actions: args.allow.clone(),
        cback_command: program.map_or(DEFAULT_PROGRAM, |program| program.value.as_str()).to_owned(),
    }
}

fn install(
    ssh: &str,
    authorized: &Authorized,
    added: &Added,
    context: &Context,
) -> Result<Installed, CommandError> {
    // A command of the user's own knows the way.
    let ssh =
        if ssh == "ssh" && added.port != "22" { format!("ssh -p {}", added.port) } else { ssh.to_owned() };
    let login = Login { ssh, address: added.address.clone() };
    peer_add::install(authorized, &login, &context.system).map_err(failed)
}

fn failed(error: AddError) -> CommandError {
    let exit = match &error {
        AddError::Interrupted(_) => Exit::Interrupted,
        AddError::Account(_) | AddError::NotOpenSsh | AddError::Settings(_) => Exit::Configuration,
        AddError::Unwritable(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    let hint = match &error {
        AddError::Account(_) => Some("make the user, or change backup_user in the configuration"),
        AddError::OtherHostKey { .. } => {
            Some("nothing was added: make sure that you reach the right machine, and nobody stands between")
        }
        AddError::Key { .. } => Some("the key must have no passphrase, and belong to the backup user alone"),
        AddError::Install(_) => {
            Some("--install needs a login that works already; or add the line there by hand")
        }
        _ => None,
    };
    let error = CommandError::new(exit, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What to do next, ready to be pasted.
fn next(args: &Args, host_keys: &HostKeys, own: &Own) -> Vec<String> {
    let check = own.line(&format!("peer check {}", quote::word(args.name.as_ref())));
    let HostKeys::Offered(keys) = host_keys else { return vec![check] };
    if host_keys.is_known() {
        return vec![check];
    }
    let Some(best) = keys.iter().find(|key| key.kind == "ED25519").or(keys.first()) else {
        return vec![check];
    };
    let mut line = format!(
        "peer add {} --collect-dir {}",
        quote::word(args.name.as_ref()),
        quote::word(args.collect_dir.as_os_str())
    );
    for (option, value) in [("--user", args.user.clone()), ("--port", args.port.map(|port| port.to_string()))]
    {
        if let Some(value) = value {
            line = format!("{line} {option} {}", quote::word(value.as_ref()));
        }
    }
    vec![own.line(&format!("{line} --accept-host-key {}", best.fingerprint)), check]
}

fn key_word(state: KeyState) -> &'static str {
    match state {
        KeyState::There => "there",
        KeyState::Made => "made",
        KeyState::Missing => "missing",
    }
}

fn installed_word(installed: Installed) -> &'static str {
    match installed {
        Installed::There => "there",
        Installed::Added => "added",
        Installed::Otherwise => "otherwise",
    }
}

impl<'a> JsonHost<'a> {
    fn new(keys: &'a HostKeys) -> Self {
        let (reason, offered) = match keys {
            HostKeys::Known => (None, &[][..]),
            HostKeys::Offered(keys) => (None, keys.as_slice()),
            HostKeys::Unknown(reason) => (Some(reason.as_str()), &[][..]),
        };
        let keys_of_host = offered.iter().map(|key| JsonHostKey {
            fingerprint: &key.fingerprint,
            kind: &key.kind,
            state: match key.state {
                HostKeyState::Offered => "offered",
                HostKeyState::Accepted => "accepted",
                HostKeyState::Added => "added",
            },
        });
        Self { known: keys.is_known(), reason, keys: keys_of_host.collect() }
    }
}

impl Report<'_> {
    fn show(&self, port: &str, out: &mut Out) -> std::io::Result<()> {
        writeln!(out, "Key of {}: {} ({})", self.user, escape::display(&self.key.path.0), self.key.state)?;
        self.show_host(port, out)?;
        match (self.installed, self.authorized_keys) {
            (Some("otherwise"), _) => writeln!(
                out,
                "The key is in authorized_keys of {} already, with other restrictions or without any. Nothing was added: \
                 take that line out there first.",
                self.address
            )?,
            (Some(state), _) => writeln!(out, "Line in authorized_keys of {}: {state}", self.address)?,
            (None, Some(line)) => {
                writeln!(
                    out,
                    "This line belongs into ~/.ssh/authorized_keys of {}:\n\n{line}\n",
                    self.address
                )?;
            }
            (None, None) => {}
        }
        writeln!(out, "This belongs into the section `peers` of the configuration:\n\n{}", self.element)?;
        writeln!(out, "Then:")?;
        self.next.iter().try_for_each(|command| writeln!(out, "  {command}"))
    }

    fn show_host(&self, port: &str, out: &mut Out) -> std::io::Result<()> {
        let host = &self.host;
        if let Some(reason) = host.reason {
            return writeln!(
                out,
                "Key of the host: it cannot be asked ({reason}); log in once by hand as {}",
                self.user
            );
        }
        if host.keys.is_empty() {
            return writeln!(out, "Key of the host: known");
        }
        writeln!(out, "Keys of the host, as it says at port {port}:")?;
        for JsonHostKey { fingerprint, kind, state } in &host.keys {
            writeln!(out, "  {fingerprint} ({kind}): {state}")?;
        }
        if !host.known {
            writeln!(
                out,
                "Compare them with what this prints on the host, before you accept one:\n  \
                 for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done"
            )?;
        }
        Ok(())
    }
}
