//! Where backed-up data is read from.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use redcedar_engine::schedule::weekday;
use redcedar_restore::browse::{Browser, View};
use redcedar_restore::place::{Directory, Place, Places};
use redcedar_restore::{Keys, Source, SourceError};
use redcedar_system::environment::REDCEDAR_IDENTITY;
use redcedar_system::terminal::ask_secret;
use redcedar_system::{System, escape};

use super::{CommandError, Context, bucket, configuration, discs, snapshot};
use crate::exit::Exit;

/// The arguments that choose what is read.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// Where the backup is: the DEST of `backup`, a staging directory, a collect directory, a directory with archives, a place in
    /// a bucket (s3://BUCKET/PREFIX) with any of these, a drive with a disc, or an image of one; may be given several times,
    /// for what lies in several places. `list`, `restore` and `verify` take a store of snapshots, too [default: the staging or
    /// collect directory of the configuration]
    #[arg(long, value_name = "SOURCE")]
    from: Vec<PathBuf>,
    /// Read a disc as it was after its session N, counted from 1 [default: the last one]
    #[arg(long, value_name = "N", requires = "from")]
    session: Option<u32>,
    /// Only this machine
    #[arg(long, value_name = "NAME")]
    pub(crate) peer: Option<OsString>,
    /// File with secret keys of age, or with one of SSH, for what is encrypted with age; may be given several times. For what is
    /// encrypted with gpg, gpg is asked [default: $REDCEDAR_IDENTITY]
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

/// What was found.
pub(crate) struct Found {
    pub(crate) source: Source,
    /// The configured first day of the week, which matters for archives that do not say whether they are full.
    pub(crate) starting_day: Option<Weekday>,
}

impl SourceArgs {
    /// Looks at the places that were chosen. Only without `--from` the configuration is read.
    pub(crate) fn find(&self, context: &Context) -> Result<Found, CommandError> {
        let (paths, starting_day) = match &self.from[..] {
            [] => configured(context).map(|(directory, day)| (vec![directory], Some(day)))?,
            paths => (paths.to_vec(), None),
        };
        if self.session.is_some() && !paths.iter().any(|path| is_disc(path)) {
            let message = "there are sessions on discs only, and --from names neither a drive nor an image";
            return Err(CommandError::message(Exit::Usage, message));
        }
        let keys = self.keys(context)?;
        let mut places: Places = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            if is_disc(path) {
                let is_again = paths[..number].contains(path);
                places.extend(discs::open(path, self.session, is_again, context)?);
            } else {
                places.push(place(path, context)?);
            }
        }
        let source = Source::open_places(places, &keys);
        let source = source.map_err(|error| CommandError::new(Exit::Failed, error))?;
        Ok(Found { source, starting_day })
    }

    /// The store of snapshots that was chosen, if it is one: what there is in it, `snapshot` knows.
    pub(crate) fn snapshots(&self) -> Result<Option<&Path>, CommandError> {
        match &self.from[..] {
            [path] if snapshot::is_store(path) => match &self.peer {
                None => Ok(Some(path)),
                Some(_) => Err(CommandError::message(
                    Exit::Usage,
                    "the snapshots of a store are of one machine, and --peer chooses nothing",
                )),
            },
            paths if paths.len() > 1 && paths.iter().any(|path| snapshot::is_store(path)) => {
                let message = "a store of snapshots cannot be looked at together with other places";
                Err(CommandError::message(Exit::Usage, message).hint("name it alone"))
            }
            _ => Ok(None),
        }
    }

    /// Looks at a directory instead of what was chosen.
    pub(crate) fn open_directory(&self, path: &Path, context: &Context) -> Result<Source, CommandError> {
        let source = Source::open_places(vec![place(path, context)?], &self.keys(context)?);
        source.map_err(|error| CommandError::new(Exit::Failed, error))
    }

    /// What opens what is encrypted.
    fn keys(&self, context: &Context) -> Result<Keys, CommandError> {
        let from_environment = || context.environment.get(REDCEDAR_IDENTITY).map(PathBuf::from);
        let files = if self.identity.is_empty() {
            from_environment().into_iter().collect()
        } else {
            self.identity.clone()
        };
        let ask = |file: &Path| {
            let question = format!("Passphrase of {}: ", escape::display(file));
            ask_secret(&question, &context.system.interrupt)
        };
        let hint = "`age-keygen` makes such files; a private key ssh-ed25519 or ssh-rsa is one";
        Keys::new(Arc::clone(&context.system.runner), &files, &ask)
            .map_err(|error| CommandError::new(Exit::Failed, error).hint(hint))
    }

    /// Looks at the place that was chosen; the chosen machine must be there.
    pub(crate) fn open(&self, context: &Context) -> Result<Source, CommandError> {
        self.find_peer(context).map(|found| found.source)
    }

    /// Looks around in the place that was chosen.
    pub(crate) fn browse(
        &self,
        as_of: Option<Date>,
        numeric_owner: bool,
        context: &Context,
    ) -> Result<Browser, CommandError> {
        let Found { source, starting_day } = self.find_peer(context)?;
        let view = View { peer: self.peer.clone(), as_of, numeric_owner, starting_day };
        let System { monitor, interrupt, .. } = &context.system;
        let browser = Browser::new(source, &view, Arc::clone(monitor), interrupt.clone());
        if browser.machines().is_empty() {
            let until = as_of.map(|day| format!(" up to {day}")).unwrap_or_default();
            let message = format!("there is no archive of a directory in the backup{until}");
            return Err(
                CommandError::message(Exit::Failed, message).hint("`redcedar list` shows what there is")
            );
        }
        Ok(browser)
    }

    fn find_peer(&self, context: &Context) -> Result<Found, CommandError> {
        let found = self.find(context)?;
        let source = &found.source;
        match &self.peer {
            Some(peer) if !source.peers().contains(&peer.as_os_str()) => {
                let known: Vec<_> =
                    source.peers().iter().map(|peer| escape::display(peer).to_string()).collect();
                let message = format!("there are no backups of {}", escape::display(peer));
                Err(CommandError::message(Exit::Failed, message)
                    .hint(format!("there are backups of {}", known.join(", "))))
            }
            _ => Ok(found),
        }
    }
}

/// Where the configured machine's backups are gathered; if it gathers none, where it collects its own.
fn configured(context: &Context) -> Result<(PathBuf, Weekday), CommandError> {
    const HINT: &str = "say where the backup is: --from SOURCE";
    let config = configuration::load(context).map_err(|error| error.hint(HINT))?;
    let staging = config.stage.map(|stage| stage.staging_dir.value);
    let directory = staging.or(config.collect.map(|collect| collect.collect_dir.value)).ok_or_else(|| {
        let message = "the configuration names no staging or collect directory";
        CommandError::message(Exit::Configuration, message).hint(HINT)
    })?;
    Ok((directory, weekday(config.options.starting_day)))
}

/// What `--from` names, if it is no disc.
fn place(path: &Path, context: &Context) -> Result<Arc<dyn Place>, CommandError> {
    if path.as_os_str().as_bytes().starts_with(b"s3://") {
        return bucket::place(path, context);
    }
    match Directory::new(path) {
        Ok(directory) => Ok(Arc::new(directory)),
        Err(source) => {
            let error = SourceError::Io { path: path.to_owned(), source };
            Err(CommandError::new(Exit::Failed, error))
        }
    }
}

/// Whether it is what a disc can be in: a drive, or an image. Whatever else it is, it is taken for a directory.
fn is_disc(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs_err::metadata(path).is_ok_and(|found| found.is_file() || found.file_type().is_block_device())
}
