//! Redcedar as a library: backups for a small pool of machines, with the restore.
//!
//! This crate is the front door. It does nothing itself; it names, in one place, what the others offer. Each task below is an
//! example that runs.
//!
//! # Back directories up, and bring them back
//!
//! ```
//! use std::num::NonZero;
//! use std::sync::Arc;
//!
//! use redcedar::archive::Compression;
//! use redcedar::engine::{BackupRequest, backup};
//! use redcedar::restore::{RestoreRequest, Source, restore};
//! use redcedar::system::{Environment, Interrupt, System, clock::OsClock, command::OsRunner, monitor::Silent};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scratch = tempfile::tempdir()?;
//! let photos = scratch.path().join("photos");
//! fs_err::create_dir(&photos)?;
//! fs_err::write(photos.join("cedar.txt"), "a tree")?;
//!
//! let monitor = Arc::new(Silent);
//! let interrupt = Interrupt::from_signals()?;
//! let system = System {
//!     clock: Arc::new(OsClock),
//!     runner: Arc::new(OsRunner::new(&Environment::inherited(), monitor.clone(), interrupt.clone())),
//!     monitor,
//!     interrupt,
//! };
//! let outcome = backup(
//!     &BackupRequest {
//!         dirs: vec![photos.clone()],
//!         destination: scratch.path().join("backups"),
//!         exclude: vec!["*.tmp".to_owned()],
//!         one_file_system: true,
//!         exclude_caches: true,
//!         compression: Compression::Gzip,
//!         host: "home".to_owned(),
//!         full: false,
//!         threads: std::thread::available_parallelism().map_or(1, NonZero::get),
//!         dry_run: false,
//!     },
//!     &system,
//! )?;
//! assert!(outcome.is_complete());
//!
//! let target = scratch.path().join("restored");
//! let report = restore(
//!     &Source::open(&scratch.path().join("backups"))?,
//!     &RestoreRequest::to(&target),
//!     &*system.monitor,
//!     &system.interrupt,
//! )?;
//! assert!(report.failures.is_empty());
//! let again = target.join(fs_err::canonicalize(&photos)?.strip_prefix("/")?).join("cedar.txt");
//! assert_eq!(fs_err::read_to_string(again)?, "a tree");
//! # Ok(())
//! # }
//! ```
//!
//! # Read a configuration, with everything that is wrong with it
//!
//! ```
//! use redcedar::config::{Config, Source};
//!
//! let text = "<cb_config>\n  <options>\n    <starting_day>Monday</starting_day>\n  </options>\n</cb_config>\n";
//! let findings = Config::parse(Source::new("cback3.conf", text)).unwrap_err().to_string();
//! assert!(findings.contains("cback3.conf:3:"), "{findings}");
//! assert!(findings.contains("must be one of: monday, tuesday"), "{findings}");
//! assert!(findings.contains("working_dir"), "{findings}");
//! ```
//!
//! # Ask how a pool is
//!
//! ```
//! use redcedar::config::{Config, Source};
//! use redcedar::engine::status::{Rules, State, judge, look};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scratch = tempfile::tempdir()?;
//! let day = scratch.path().join("2026/11/23/home");
//! fs_err::create_dir_all(&day)?;
//! fs_err::write(day.join("etc.tar.gz"), "an archive")?;
//! fs_err::write(day.join("cback.collect"), "")?;
//!
//! let text = format!(
//!     "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir><backup_user>b</backup_user>\
//!      <backup_group>b</backup_group><rcp_command>scp</rcp_command></options><peers><peer><name>home</name><type>local</type>\
//!      <collect_dir>/c</collect_dir></peer></peers><stage><staging_dir>{}</staging_dir></stage></cb_config>",
//!     scratch.path().display()
//! );
//! let config = Config::parse(Source::new("cback3.conf", &text)).map_err(|findings| findings.to_string())?.config;
//! let facts = look(&config)?;
//! let report = judge(&facts, "2026-11-24".parse()?, &Rules::default());
//! assert_eq!(report.peers[0].state, State::Good);
//! assert!(judge(&facts, "2026-12-24".parse()?, &Rules::default()).is_overdue());
//! # Ok(())
//! # }
//! ```
//!
//! # Select the files of a directory
//!
//! ```
//! use redcedar::archive::select::{Exclude, Selection, select_directory};
//! use redcedar::system::Interrupt;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scratch = tempfile::tempdir()?;
//! fs_err::write(scratch.path().join("kept"), "")?;
//! fs_err::write(scratch.path().join("left.o"), "")?;
//! let exclude = Exclude::new(Vec::new(), &[r".*\.o"], &[])?;
//! let selection = Selection {
//!     root: scratch.path(),
//!     ignore_file: None,
//!     exclude: &exclude,
//!     link_depth: 0,
//!     dereference: false,
//!     one_file_system: false,
//!     exclude_caches: false,
//!     never_enter: &[],
//! };
//! let fileset = select_directory(&selection, &Interrupt::new())?;
//! assert_eq!(fileset.total_files(), 1);
//! # Ok(())
//! # }
//! ```

/// From a directory to one compressed tar archive with a manifest, and back.
pub use redcedar_archive as archive;
/// Configuration files of Cedar Backup 2 and 3.
pub use redcedar_config as config;
/// The pool: plan, collect, stage, purge, validate.
pub use redcedar_engine as engine;
/// Discs, and the programs that write them.
pub use redcedar_media as media;
/// Sources, chains, list, restore, verify.
pub use redcedar_restore as restore;
/// The outside world, with a fake for each part of it.
pub use redcedar_system as system;
