//! `git`, ours: repositories as bundles, with a list of all refs beside each. Belongs to `collect`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use redcedar_archive::repository::snapshot::{self, Ref};
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, ExtensionError, program};
use redcedar_system::System;
use redcedar_system::account::Account;
use redcedar_system::command::{Command, MemoryFile};

use crate::items::OwnSource;
use crate::items::bundle::{self, Bundler, Look, lines, owner_of};
use crate::items::program::{Failure, failure, finished, output};
use crate::items::session;
use crate::items::settings::Rules;
use crate::section::LONGEST;

const RULES: Rules = Rules {
    section: "git",
    element: "repository",
    directory: Some("repository_dir"),
    is_compressed: false,
    is_incremental: true,
};

/// The extension.
pub(crate) const SOURCE: OwnSource = OwnSource { rules: &RULES, run };

fn run(call: &Call<'_>) -> Result<Outcome, ExtensionError> {
    let program = program("git", &call.config.options);
    session::run(call, &RULES, |repository, session| {
        let bundler = Repository::open(&repository.path, &program, call.system)?;
        bundle::back_up(snapshot::Kind::Git, &bundler, repository, session)
    })
}

/// A repository, and whom `git` runs as there.
struct Repository<'a> {
    program: &'a str,
    directory: PathBuf,
    account: Option<Account>,
    has_working_copy: bool,
    system: &'a System,
}

impl<'a> Repository<'a> {
    fn open(path: &Path, program: &'a str, system: &'a System) -> Result<Self, Failure> {
        let dot_git = path.join(".git");
        let has_working_copy = fs_err::symlink_metadata(&dot_git).is_ok();
        let (directory, account) = if has_working_copy {
            (git_dir(path, &dot_git)?, owner_of(&dot_git)?)
        } else {
            (path.to_owned(), owner_of(path)?)
        };
        if !directory.join("HEAD").exists() || !directory.join("refs").exists() {
            return Err(Failure::Other("it is no Git repository".to_owned()));
        }
        if directory.join("shallow").exists() {
            let message = "it is a shallow clone, which a bundle cannot hold: fetch the rest (git fetch --unshallow), \
                or collect it as a directory";
            return Err(Failure::Other(message.to_owned()));
        }
        Ok(Self { program, directory, account, has_working_copy, system })
    }

    /// With the repository named, `git` looks for none and does not mind whose it is.
    fn command(&self) -> Command {
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(&self.directory);
        Command::new(self.program)
            .arg(git_dir)
            .run_as(self.account.clone())
            .time_limit(Some(LONGEST))
            .variable("LC_ALL", "C")
            // What a partial clone lacks is not fetched behind our back.
            .variable("GIT_NO_LAZY_FETCH", "1")
    }

    /// What HEAD is: the name of a branch or, when it is detached, a commit.
    fn head(&self) -> Result<Ref, Failure> {
        let name = b"HEAD".to_vec();
        let symbolic = self.command().args(["symbolic-ref", "-q", "HEAD"]);
        let mut answer = Vec::new();
        let ended = finished(&symbolic, &mut answer, self.system)?;
        match ended.status {
            0 => Ok(Ref { value: format!("ref: {}", line(&answer)), name }),
            1 => {
                let detached = self.command().args(["rev-parse", "--verify", "HEAD"]);
                Ok(Ref { value: line(&output(&detached, self.system)?), name })
            }
            _ => Err(failure(&symbolic, &ended)),
        }
    }
}

impl Bundler for Repository<'_> {
    fn look(&self) -> Result<Look, Failure> {
        let list = self.command().args(["for-each-ref", "--format=%(objectname)%09%(symref)%09%(refname)"]);
        let list = output(&list, self.system)?;
        let mut refs = vec![self.head()?];
        for line in list.lines() {
            let mut fields = line.splitn_str(3, b"\t");
            let (Some(object), Some(symref), Some(name)) = (fields.next(), fields.next(), fields.next())
            else {
                return Err(Failure::Other("the list of refs cannot be understood".to_owned()));
            };
            let value = if symref.is_empty() {
                object.to_str_lossy().into_owned()
            } else {
                format!("ref: {}", symref.to_str_lossy())
            };
            refs.push(Ref { value, name: name.to_vec() });
        }
        let is_object = |value: &&String| !value.starts_with("ref: ");
        let mut tips: Vec<_> = refs.iter().map(|one| &one.value).filter(is_object).cloned().collect();
        tips.sort();
        tips.dedup();
        let format = output(&self.command().args(["rev-parse", "--show-object-format"]), self.system);
        // Older ones know one format only, and not the question.
        let object_format = format.ok().map(|answer| line(&answer)).filter(|format| format == "sha256");
        Ok(Look { refs, tips, has_working_copy: self.has_working_copy, object_format })
    }

    fn present(&self, objects: &[String]) -> Result<Vec<String>, Failure> {
        let input = input(objects.iter().map(String::as_str))?;
        let command = self.command().args(["cat-file", "--batch-check"]).input_from(input.path());
        let answer = lines(&output(&command, self.system)?);
        let present = answer.iter().filter(|line| !line.ends_with(" missing"));
        Ok(present.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
    }

    /// All refs as they are when the bundle is made, and what they were before in any case: both may differ.
    fn bundle(&self, look: &Look, base: &[String], output: &mut dyn Write) -> Result<bool, Failure> {
        let excluded: Vec<_> = base.iter().map(|object| format!("^{object}")).collect();
        let input = input(look.tips.iter().chain(&excluded).map(String::as_str))?;
        let command = self.command().args(["bundle", "create", "-", "--all", "--stdin"]);
        let command = command.input_from(input.path());
        let ended = finished(&command, output, self.system)?;
        let is_empty = |line: &String| line.contains("Refusing to create empty bundle");
        match ended.status {
            0 => Ok(true),
            128 if ended.tail.last().is_some_and(is_empty) => Ok(false),
            _ => Err(failure(&command, &ended)),
        }
    }
}

/// Lines for a program to read: more than fit its arguments.
fn input<'l>(lines: impl Iterator<Item = &'l str>) -> io::Result<MemoryFile> {
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    MemoryFile::new(text.as_bytes())
}

fn line(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).trim_end().to_owned()
}

/// Where the repository of a working copy is: `.git`, or what the file of that name says.
fn git_dir(working_copy: &Path, dot_git: &Path) -> Result<PathBuf, Failure> {
    use std::os::unix::ffi::OsStrExt;
    if fs_err::metadata(dot_git)?.is_dir() {
        return Ok(dot_git.to_owned());
    }
    let text = fs_err::read(dot_git)?;
    let path = text.strip_prefix(b"gitdir: ").map(|path| path.trim_end_with(|c| c == '\n'));
    let path = path.ok_or_else(|| Failure::Other("its .git says nothing about where it is".to_owned()))?;
    Ok(working_copy.join(std::ffi::OsStr::from_bytes(path)))
}
