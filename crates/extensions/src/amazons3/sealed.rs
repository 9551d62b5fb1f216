//! Encrypts a day before it is sent: each file by the configured command, run by the backup user, into a tree with the same
//! names. All of the tree is there before anything is sent, so that its size is known.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use redcedar_engine::remote::Identity;
use redcedar_system::fs::Directory;
use redcedar_system::{Owner, System, escape};

use super::contents::{Contents, File};
use super::store::Failure;
use super::template::Template;

/// What the tree is called among what is kept of a day.
pub(super) const TREE: &str = "tree";

const MODE: u32 = 0o700;

/// Who encrypts, and how.
pub(super) struct Sealing<'a> {
    pub(super) template: &'a Template,
    pub(super) identity: &'a Identity,
    pub(super) owner: Option<Owner>,
    pub(super) system: &'a System,
}

impl Sealing<'_> {
    /// Encrypts the files of the directory `day` into the tree in `attempt`.
    pub(super) fn seal(
        &self,
        day: &Path,
        contents: &Contents,
        attempt: &Directory,
    ) -> Result<Contents, Failure> {
        attempt.remove_all(OsStr::new(TREE))?;
        check_space(attempt, contents.bytes())?;
        let tree = self.prepare(contents, attempt)?;
        for file in contents.files.iter().filter(|file| file.size > 0) {
            self.system.interrupt.check()?;
            self.encrypt(&day.join(&file.name), &tree.path().join(&file.name))?;
        }
        let sealed = Contents::of(attempt.open_directory(OsStr::new(TREE))?)?;
        check(contents, &sealed)?;
        Ok(sealed)
    }

    /// Makes the tree with all directories and those files that are empty, before anybody else can do anything in it.
    fn prepare(&self, contents: &Contents, attempt: &Directory) -> io::Result<Directory> {
        let (tree, _) = attempt.create_directory(OsStr::new(TREE), MODE, None)?;
        for path in &contents.directories {
            let (parent, name) = place(path);
            descend(&tree, parent)?.create_directory(name, MODE, self.owner)?;
        }
        for File { name, .. } in contents.files.iter().filter(|file| file.size == 0) {
            let (parent, name) = place(name);
            descend(&tree, parent)?.create_file(name)?.publish(0o600, self.owner)?;
        }
        tree.set_owner_and_mode(self.owner, MODE)?;
        Ok(tree)
    }

    fn encrypt(&self, input: &Path, output: &Path) -> Result<(), Failure> {
        let words = self.template.command(input, output);
        let finished = self.system.runner.run(&self.identity.command(&words))?;
        if finished.success() {
            return Ok(());
        }
        let program = words.first().map_or_else(String::new, |word| word.to_string_lossy().into_owned());
        let how = finished.explain(&program);
        Err(Failure::Refused(format!("cannot encrypt {}: {how}", escape::display(input))))
    }
}

/// The directory of a path, and its name there.
fn place(path: &Path) -> (&Path, &OsStr) {
    (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default())
}

/// A directory below another one, by way of no link.
fn descend(tree: &Directory, path: &Path) -> io::Result<Directory> {
    let here = tree.open_directory(OsStr::new("."))?;
    path.iter().try_fold(here, |directory, name| directory.open_directory(name))
}

/// The tree takes about as much room as the day.
fn check_space(attempt: &Directory, needed: u64) -> Result<(), Failure> {
    let disk = rustix::fs::fstatvfs(attempt).map_err(io::Error::from)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < needed {
        let place = escape::display(attempt.path());
        return Err(Failure::Refused(format!(
            "{needed} bytes are needed to encrypt it in {place}, and {free} are free"
        )));
    }
    Ok(())
}

/// Whether each file has its encrypted form, and there is nothing else.
fn check(contents: &Contents, sealed: &Contents) -> Result<(), Failure> {
    let odd = |name: &Path, how: &str| Err(Failure::Refused(format!("{} {how}", escape::display(name))));
    let mut sealed = sealed.files.iter().peekable();
    for file in &contents.files {
        match sealed.next_if(|sealed| sealed.name <= file.name) {
            Some(sealed) if sealed.name != file.name => return odd(&sealed.name, "is no file of the day"),
            Some(sealed) if sealed.size == 0 && file.size > 0 => {
                return odd(&file.name, "was encrypted into nothing");
            }
            Some(_) => {}
            None => return odd(&file.name, "was not encrypted, though the command ended well"),
        }
    }
    match sealed.next() {
        Some(sealed) => odd(&sealed.name, "is no file of the day"),
        None => Ok(()),
    }
}
