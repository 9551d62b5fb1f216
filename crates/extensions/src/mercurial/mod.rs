//! `mercurial`, ours: repositories as bundles, with a list of heads, bookmarks and phases beside each. Belongs to `collect`.

use std::io::Write;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use redcedar_archive::Compression;
use redcedar_archive::repository::snapshot::{self, Ref};
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, ExtensionError, program};
use redcedar_system::System;
use redcedar_system::account::Account;
use redcedar_system::command::Command;

use crate::items::OwnSource;
use crate::items::bundle::{self, Bundler, Look, lines, owner_of};
use crate::items::program::{Failure, failure, finished, output};
use crate::items::session;
use crate::items::settings::Rules;
use crate::section::LONGEST;

const RULES: Rules = Rules {
    section: "mercurial",
    element: "repository",
    directory: Some("repository_dir"),
    is_compressed: true,
    is_incremental: true,
};

/// What is listed, and the sets of changesets that it is.
const SETS: [(&str, &str); 4] = [
    ("head", "heads(all())"),
    ("public", "heads(public())"),
    ("secret", "roots(secret())"),
    ("parent", "parents()"),
];

/// A part of the template: each bookmark of each changeset that has some.
const BOOKMARKS: &str = r#"{revset('bookmark()') % "{bookmarks % '{node}\tbookmark {bookmark}\n'}"}"#;

/// The extension.
pub(crate) const SOURCE: OwnSource = OwnSource { rules: &RULES, run };

fn run(call: &Call<'_>) -> Result<Outcome, ExtensionError> {
    let program = program("hg", &call.config.options);
    session::run(call, &RULES, |repository, session| {
        let bundler = Repository::open(&repository.path, repository.compression, &program, call.system)?;
        bundle::back_up(snapshot::Kind::Mercurial, &bundler, repository, session)
    })
}

/// A repository, and whom `hg` runs as there.
struct Repository<'a> {
    program: &'a str,
    path: PathBuf,
    compression: Compression,
    account: Option<Account>,
    system: &'a System,
}

impl<'a> Repository<'a> {
    fn open(
        path: &Path,
        compression: Compression,
        program: &'a str,
        system: &'a System,
    ) -> Result<Self, Failure> {
        let dot_hg = path.join(".hg");
        if !dot_hg.is_dir() {
            return Err(Failure::Other("it is no Mercurial repository".to_owned()));
        }
        Ok(Self { program, path: path.to_owned(), compression, account: owner_of(&dot_hg)?, system })
    }

    fn command(&self) -> Command {
        Command::new(self.program)
            .arg("--repository")
            .arg(&self.path)
            .run_as(self.account.clone())
            .time_limit(Some(LONGEST))
            .variable("HGPLAIN", "1")
            .variable("HGENCODING", "UTF-8")
            .variable("LC_ALL", "C")
    }
}

impl Bundler for Repository<'_> {
    fn look(&self) -> Result<Look, Failure> {
        let sets = SETS.map(|(name, set)| format!("{{revset('{set}') % '{{node}}\t{name}\n'}}"));
        let template = sets.concat() + BOOKMARKS;
        let command = self.command().args(["log", "--rev", "null", "--template", &template]);
        let answer = output(&command, self.system)?;
        let line = |line: &[u8]| {
            let (node, name) = line.split_once_str(b"\t")?;
            Some(Ref { value: node.to_str_lossy().into_owned(), name: name.to_vec() })
        };
        let refs: Vec<_> = answer.lines().filter_map(line).collect();
        let heads = refs.iter().filter(|one| one.name == b"head");
        let mut tips: Vec<_> = heads.map(|head| head.value.clone()).collect();
        tips.sort();
        let has_working_copy = refs.iter().any(|one| one.name == b"parent");
        Ok(Look { refs, tips, has_working_copy, object_format: None })
    }

    fn present(&self, objects: &[String]) -> Result<Vec<String>, Failure> {
        let sets = objects.iter().flat_map(|node| ["--rev".to_owned(), format!("present({node})")]);
        let command = self.command().args(["log", "--template", "{node}\n"]).args(sets);
        Ok(lines(&output(&command, self.system)?))
    }

    /// Mercurial compresses its bundles itself, so that it can read them as they are.
    fn bundle(&self, look: &Look, base: &[String], output: &mut dyn Write) -> Result<bool, Failure> {
        let kind = match self.compression {
            Compression::None => "none-v2",
            Compression::Gzip => "gzip-v2",
            Compression::Bzip2 => "bzip2-v2",
            Compression::Zstd => "zstd-v2",
        };
        let nothing = ["null".to_owned()];
        let base = if base.is_empty() { &nothing } else { base };
        let command = self
            .command()
            .args(["bundle", "--quiet", "--type", kind])
            .args(base.iter().flat_map(|node| ["--base", node]))
            .args(look.tips.iter().flat_map(|node| ["--rev", node]))
            // It writes to named files only.
            .arg("/dev/stdout");
        let ended = finished(&command, output, self.system)?;
        match ended.status {
            0 => Ok(true),
            // No changes found.
            1 if ended.tail.is_empty() => Ok(false),
            _ => Err(failure(&command, &ended)),
        }
    }
}
