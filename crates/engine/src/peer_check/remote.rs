//! A peer on another machine.

use redcedar_config::Config;
use redcedar_config::cedar::RemotePeer;
use redcedar_system::account::{Account, AccountError};
use redcedar_system::fs::Scratch;
use redcedar_system::{Interrupted, System, escape, quote};

use super::connection::{Route, backup_user};
use super::copy::{self, Fetched, Mends};
use super::facts::{self, Facts};
use super::step::{Finding, PeerReport, Step};
use super::{Own, judge, local};
use crate::remote::{Identity, Remote};
use crate::ssh::{Connection, CopyTrouble, Trouble, ask, said};

pub(super) fn check(
    peer: &RemotePeer,
    config: &Config,
    own: &Own,
    system: &System,
) -> Result<PeerReport, Interrupted> {
    let talker = Identity::of(&config.options)
        .and_then(|identity| identity.account().map(|account| (identity, account)));
    let (identity, account) = match talker {
        Ok(talker) => talker,
        Err(error) => return Ok(without_user(peer, config, &error)),
    };
    let remote = Remote::new(peer, &config.options, &identity);
    let visit = Visit { peer, config, own, system, identity: &identity, account: &account, remote: &remote };
    Ok(PeerReport {
        peer: peer.name.value.clone(),
        address: Some(remote.address().to_owned()),
        findings: visit.findings()?,
    })
}

/// Without the user who talks to peers, nothing can be asked.
fn without_user(peer: &RemotePeer, config: &Config, error: &AccountError) -> PeerReport {
    let user = quote::word(config.options.backup_user.value.as_ref());
    let make = format!("adduser --system --group --shell /bin/sh {user}");
    let mut findings = vec![Finding::failed(Step::BackupUser, error.to_string(), make)];
    let route = [Step::HostName, Step::Port, Step::HostKey, Step::Login, Step::CopyProgram];
    findings.extend(route.map(|step| Finding::skipped(step, "there is nobody to ask as")));
    findings.extend(FAR.map(|step| Finding::skipped(step, "there is nobody to ask as")));
    PeerReport { peer: peer.name.value.clone(), address: None, findings }
}

/// What can only be seen from inside the far side.
const FAR: [Step; 6] =
    [Step::CollectDirectory, Step::Indicator, Step::SpaceThere, Step::SpaceHere, Step::Program, Step::Clock];

/// What a shell on the far side told, and the time before and after.
struct Told {
    facts: Facts,
    earliest: i64,
    latest: i64,
}

/// What came of asking a shell there.
enum Answer {
    Told(Told),
    /// `ssh` did not get in, and what it said.
    NotIn(Trouble, String),
    /// There is no shell, and why.
    Mute(String),
}

struct Visit<'a> {
    peer: &'a RemotePeer,
    config: &'a Config,
    own: &'a Own,
    system: &'a System,
    identity: &'a Identity,
    account: &'a Account,
    remote: &'a Remote,
}

impl Visit<'_> {
    fn findings(&self) -> Result<Vec<Finding>, Interrupted> {
        let Some(connection) = Connection::of(self.remote, self.identity) else {
            return self.by_other_means();
        };
        let runner = &*self.system.runner;
        let settings = match connection.settings(runner)? {
            Ok(settings) => settings,
            Err(finished) => return Ok(self.without_settings(&connection, &said(&finished))),
        };
        let add = self.add();
        let user = backup_user(self.identity, self.account, &settings, &add, runner)?;
        let answer = self.ask_shell(&connection)?;
        let (identity, account) = (self.identity, self.account);
        let route = Route { connection: &connection, settings: &settings, identity, account, add: &add };
        let mut findings = vec![user];
        let (told, reason) = match answer {
            Answer::NotIn(trouble, reason) => {
                findings.extend(route.findings(Some((trouble, &reason))));
                findings.push(Finding::skipped(Step::CopyProgram, "not reached"));
                findings.extend(self.not_seen("not reached"));
                return Ok(findings);
            }
            Answer::Told(told) => (Some(told), String::new()),
            Answer::Mute(reason) => (None, reason),
        };
        findings.extend(route.findings(None));
        let mends = Mends { by_hand: connection.by_hand(), add, legacy: self.legacy() };
        let fetched = copy::fetch(self.remote, identity, &self.peer.collect_dir, runner)?;
        findings.push(copy::finding(&fetched, told.is_none(), &mends));
        findings.extend(self.seen(&connection, told.as_ref(), &fetched, &reason)?);
        Ok(findings)
    }

    /// Without OpenSSH, there is only the copy command to try.
    fn by_other_means(&self) -> Result<Vec<Finding>, Interrupted> {
        let reason = "rcp_command is not OpenSSH's scp";
        let fetched = copy::fetch(self.remote, self.identity, &self.peer.collect_dir, &*self.system.runner)?;
        let words: Vec<_> = self.remote.copy_words().iter().map(|word| quote::word(word.as_ref())).collect();
        let by_hand = words.join(" ");
        let mends = Mends { add: by_hand.clone(), legacy: by_hand.clone(), by_hand };
        let mut findings = vec![Finding::ok(Step::BackupUser, self.account.name.as_str())];
        let route = [Step::HostName, Step::Port, Step::HostKey, Step::Login];
        findings.extend(route.map(|step| Finding::skipped(step, reason)));
        findings.push(copy::finding(&fetched, false, &mends));
        findings.push(self.collect_directory(None, &fetched, reason));
        findings.push(self.indicator(None, &fetched, reason));
        findings.extend(self.not_seen(reason).into_iter().skip(2));
        Ok(findings)
    }

    fn without_settings(&self, connection: &Connection, reason: &str) -> Vec<Finding> {
        let words = format!("ssh does not accept its options or its configuration ({reason})");
        let mut findings = vec![
            Finding::skipped(Step::BackupUser, "which keys it has is not known"),
            Finding::failed(Step::HostName, words, connection.by_hand()),
        ];
        let route = [Step::Port, Step::HostKey, Step::Login, Step::CopyProgram];
        findings.extend(route.map(|step| Finding::skipped(step, "not reached")));
        findings.extend(self.not_seen("not reached"));
        findings
    }

    fn ask_shell(&self, connection: &Connection) -> Result<Answer, Interrupted> {
        let System { runner, clock, .. } = self.system;
        let script = facts::script(&self.peer.collect_dir);
        let script = Scratch::new(None).and_then(|scratch| Ok((scratch.file("script", &script)?, scratch)));
        let (script, _scratch) = match script {
            Ok(script) => script,
            Err(error) => return Ok(Answer::Mute(format!("cannot ask: {error}"))),
        };
        let earliest = clock.now().timestamp().as_second();
        let (finished, answer) = ask(&**runner, &connection.command("sh -s").input_from(script))?;
        let latest = clock.now().timestamp().as_second();
        if let Some(facts) = facts::parse(&answer) {
            return Ok(Answer::Told(Told { facts, earliest, latest }));
        }
        Ok(match Connection::trouble(&finished) {
            Some(trouble) => Answer::NotIn(trouble, said(&finished)),
            None if String::from_utf8_lossy(&answer).contains("not available") => {
                Answer::Mute("the login has no shell".to_owned())
            }
            None => Answer::Mute("the key is restricted".to_owned()),
        })
    }

    /// What is to be seen from inside, as far as it is.
    fn seen(
        &self,
        connection: &Connection,
        told: Option<&Told>,
        fetched: &Fetched,
        reason: &str,
    ) -> Result<Vec<Finding>, Interrupted> {
        let facts = told.map(|told| &told.facts);
        let directory = self.collect_directory(facts, fetched, reason);
        let indicator = self.indicator(told, fetched, reason);
        let space_there = match facts.and_then(|facts| facts.space) {
            Some((size, free)) => {
                let purge = format!("{} purge", Self::on_peer(connection, self.remote.program()));
                judge::space_there(size.saturating_mul(1024), free.saturating_mul(1024), &purge)
            }
            None if told.is_some() => Finding::skipped(Step::SpaceThere, "df there does not say"),
            None => Finding::skipped(Step::SpaceThere, reason),
        };
        let wanted = facts.and_then(|facts| facts.size).map(|size| size.saturating_mul(1024));
        let staging = local::space_here(self.config, wanted, self.own);
        let program = match told {
            Some(_) => self.program(connection)?,
            None => Finding::skipped(Step::Program, reason),
        };
        let clock = match told.and_then(|told| told.facts.now.map(|now| (now, told))) {
            Some((now, told)) => judge::clock(now, told.earliest, told.latest),
            None => Finding::skipped(Step::Clock, reason),
        };
        Ok(vec![directory, indicator, space_there, staging, program, clock])
    }

    fn not_seen(&self, reason: &str) -> Vec<Finding> {
        let finding = |step| match step {
            Step::SpaceHere => local::space_here(self.config, None, self.own),
            step => Finding::skipped(step, reason),
        };
        FAR.map(finding).into()
    }

    fn collect_directory(&self, facts: Option<&Facts>, fetched: &Fetched, reason: &str) -> Finding {
        let step = Step::CollectDirectory;
        let shown = escape::display(&*self.peer.collect_dir).to_string();
        let word = quote::word(self.peer.collect_dir.as_os_str());
        let login = self.remote.address().split('@').next().unwrap_or_default();
        let give = format!("chown {} {word}", quote::word(login.as_ref()));
        match (facts, fetched) {
            (Some(facts), _) if !facts.directory => Finding::failed(
                step,
                format!("{shown} is not there"),
                format!("install -d -m 0700 -o {} {word}", quote::word(login.as_ref())),
            ),
            (Some(facts), _) if !facts.readable => {
                Finding::failed(step, format!("{shown} cannot be read by {login}"), give)
            }
            (Some(facts), _) if !facts.writable => {
                Finding::failed(step, format!("{login} cannot put cback.stage into {shown}"), give)
            }
            (_, Fetched::Failed(CopyTrouble::NotReadable, finished)) => Finding::failed(
                step,
                format!("it cannot be read ({})", said(finished)),
                format!("chown -R {} {word}", quote::word(login.as_ref())),
            ),
            (Some(_), _) | (None, Fetched::There(_)) => Finding::ok(step, shown),
            (None, _) => Finding::skipped(step, reason),
        }
    }

    fn indicator(&self, told: Option<&Told>, fetched: &Fetched, reason: &str) -> Finding {
        let now = self.system.clock.now().timestamp();
        let own = match fetched {
            Fetched::There(indicator) => indicator.as_ref().and_then(|indicator| local::age(indicator, now)),
            _ => None,
        };
        let age = own.or_else(|| told.and_then(|told| Some(told.facts.now? - told.facts.indicator?)));
        match (age, fetched) {
            (Some(age), _) => judge::indicator(Some(age)),
            (None, Fetched::Failed(CopyTrouble::NoSuchFile, _)) => judge::indicator(None),
            (None, Fetched::There(_)) => {
                Finding::ok(Step::Indicator, "cback.collect is there; it does not say since when")
            }
            (None, _) if told.is_some() => judge::indicator(None),
            (None, _) => Finding::skipped(Step::Indicator, reason),
        }
    }

    /// A command line there, as a person runs it from here.
    fn on_peer(connection: &Connection, line: &str) -> String {
        format!("{} {line}", connection.by_hand().trim_end_matches(" true"))
    }

    /// Its version. Who runs no actions there can do without it.
    fn program(&self, connection: &Connection) -> Result<Finding, Interrupted> {
        let line = format!("{} --version", self.remote.program());
        let is_managed = self.peer.managed == Some(true);
        let command = if is_managed { self.remote.run(&line) } else { connection.command(&line) };
        let (finished, answer) = ask(&*self.system.runner, &command)?;
        let answer = String::from_utf8_lossy(&answer);
        Ok(match judge::version(&answer) {
            Some(version) if finished.success() => {
                Finding::ok(Step::Program, escape::display(version).to_string())
            }
            _ => {
                let program = escape::display(self.remote.program());
                let words = format!("{program} does not run ({})", said(&finished));
                let by_hand = Self::on_peer(connection, &line);
                if is_managed {
                    Finding::failed(Step::Program, words, by_hand)
                } else {
                    Finding::warning(Step::Program, words).mend(by_hand)
                }
            }
        })
    }

    /// The command that sets this peer up.
    fn add(&self) -> String {
        let (name, dir) = (&self.peer.name.value, self.peer.collect_dir.as_os_str());
        self.own.line(&format!("peer add {} --collect-dir {}", quote::word(name.as_ref()), quote::word(dir)))
    }

    /// The copy command for the old protocol, as it stands in the configuration.
    fn legacy(&self) -> String {
        let (program, rest) = self.remote.copy_words().split_first().unzip();
        let words = program.map(String::as_str).into_iter().chain(["-O"]);
        let words = words.chain(rest.into_iter().flatten().map(String::as_str));
        format!("<rcp_command>{}</rcp_command>", words.collect::<Vec<_>>().join(" "))
    }
}
