//! Dumps of databases: loaded into a server that is made for it and thrown away.

use redcedar_system::clock::Stopwatch;
use redcedar_system::command::CommandError;
use redcedar_system::{Interrupted, escape};

use super::server::Server;
use super::{Attempt, Drill, Tried, failed};
use crate::database::load::postgresql::make_role;
use crate::database::load::{LoadError, Loaded, Target};
use crate::database::{Content, ReadError, Request, Server as Kind, StoredDump, Wanted, find};

/// So many roles are made for a dump whose own are in no dump.
const MOST_ROLES: usize = 100;

impl Drill<'_> {
    pub(super) fn database(&self, wanted: &Wanted) -> Result<Attempt, Interrupted> {
        let dump = match self.find(wanted.clone()) {
            Ok(dump) => dump,
            Err(reason) => return Ok(Attempt::NotDrilled(reason)),
        };
        let server = match Server::start(dump.dump.server, self.scratch, self.system)? {
            Ok(server) => server,
            Err(reason) => return Ok(Attempt::NotDrilled(reason)),
        };
        let target = server.target(self.system);
        let mut tried = Tried { day: Some(dump.date), ..Tried::default() };
        if let (Kind::Postgresql, Content::Database(_)) = (dump.dump.server, &dump.dump.content) {
            self.load_roles(&target, &mut tried)?;
        }
        let watch = Stopwatch::start();
        let loaded = match settle(load(&dump, &target, &mut tried))? {
            Ok(loaded) => loaded,
            // What the server lacks says nothing about the dump.
            Err(reason) if reason.contains("extension control file") => {
                return Ok(Attempt::NotDrilled(format!(
                    "the server that is installed here refuses it: {reason}"
                )));
            }
            Err(reason) => return Ok(failed(reason, watch)),
        };
        tried.took = watch.elapsed();
        tried.bytes = loaded.bytes;
        tried
            .differences
            .extend(loaded.problems.iter().map(|problem| format!("the server refused: {problem}")));
        match settle(dump.look(&target))? {
            Ok(content) => tried.content = content,
            Err(reason) => tried.differences.push(reason),
        }
        if let Err(error) = server.stop() {
            tried.remarks.push(format!("the server does not end: {error}"));
        }
        Ok(Attempt::Tried(tried))
    }

    fn find(&self, wanted: Wanted) -> Result<StoredDump, String> {
        let request =
            Request { peer: Some(self.peer.to_owned()), wanted: vec![wanted], as_of: self.request.as_of };
        let dumps = find(self.source, &request).map_err(|error| error.to_string())?;
        dumps.into_iter().next().ok_or_else(|| "there is no dump of it".to_owned())
    }

    /// Loads the roles that own what is in a database, if they were dumped.
    fn load_roles(&self, target: &Target<'_>, tried: &mut Tried) -> Result<(), Interrupted> {
        let wanted = Wanted { server: Some(Kind::Postgresql), content: Content::Globals };
        let Ok(globals) = self.find(wanted) else { return Ok(()) };
        match settle(globals.load(target))? {
            Ok(loaded) => {
                let problems = loaded
                    .problems
                    .iter()
                    .map(|problem| format!("of the roles, the server refused: {problem}"));
                tried.remarks.extend(problems);
            }
            Err(reason) => tried.differences.push(format!("roles and tablespaces: {reason}")),
        }
        Ok(())
    }
}

/// Loads a dump. Roles that are in no dump are made as they turn out to be missing: nothing but a name is lost with them.
fn load(dump: &StoredDump, target: &Target<'_>, tried: &mut Tried) -> Result<Loaded, LoadError> {
    for _ in 0..MOST_ROLES {
        match dump.load(target) {
            Err(LoadError::Refused(reason)) if dump.dump.server == Kind::Postgresql => {
                let Some(role) = missing_role(&reason) else { return Err(LoadError::Refused(reason)) };
                make_role(role, target)?;
                let role = escape::display(role);
                tried
                    .remarks
                    .push(format!("the role {role} is in no dump; one was made that may do nothing"));
            }
            loaded => return loaded,
        }
    }
    dump.load(target)
}

/// `role "NAME" does not exist`
fn missing_role(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("role \"")?;
    Some(rest.split_once("\" does not exist")?.0)
}

/// An interruption is none of the things that can be wrong with a dump.
fn settle<T>(result: Result<T, LoadError>) -> Result<Result<T, String>, Interrupted> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(
            LoadError::Read(ReadError::Interrupted(interrupted))
            | LoadError::Lost(CommandError::Interrupted(interrupted)),
        ) => Err(interrupted),
        Err(error) => Ok(Err(error.to_string())),
    }
}
