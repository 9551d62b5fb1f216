//! The AWS CLI, where the configuration names one: the commands of the original, in an order in which nothing is lost.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use md5::{Digest, Md5};
use redcedar_engine::remote::Identity;
use redcedar_system::{System, escape};
use serde::Deserialize;

use super::contents::File;
use super::store::{Failure, Sent, Store, Upload};

/// What the original asks for, and the ETag besides.
const QUERY: &str = "Contents[].{Key: Key, Size: Size, ETag: ETag}";
/// What the original leaves out.
const EXCLUDED: &str = "*cback.*";

/// The program that the configuration names, run by the backup user.
pub(super) struct Aws {
    pub(super) program: String,
    pub(super) identity: Identity,
}

/// What a listing says of an object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key: String,
    size: u64,
    #[serde(rename = "ETag", default)]
    etag: String,
}

impl Store for Aws {
    fn upload(&self, upload: &Upload<'_>, system: &System) -> Result<Sent, Failure> {
        let run = Run { aws: self, upload, system };
        run.copy()?;
        let listed = run.list()?;
        let unproved = run.verify(&listed)?;
        let deleted = run.delete_others(&listed)?;
        let contents = upload.contents;
        Ok(Sent { files: contents.files.len() as u64, bytes: contents.bytes(), deleted, unproved })
    }

    /// The program does not say.
    fn preview(&self, _upload: &Upload<'_>, _system: &System) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}

struct Run<'a> {
    aws: &'a Aws,
    upload: &'a Upload<'a>,
    system: &'a System,
}

impl Run<'_> {
    fn copy(&self) -> Result<(), Failure> {
        let Upload { directory, target, contents, .. } = self.upload;
        let mut from = OsString::from(directory);
        from.push("/");
        self.run(&["s3", "cp", "--recursive", "--exclude", EXCLUDED], &[from, format!("{target}/").into()])?;
        // The pattern fits more than indicators.
        let excluded =
            |file: &&File| file.name.as_os_str().as_bytes().windows(6).any(|some| some == b"cback.");
        for File { name, .. } in contents.files.iter().filter(excluded) {
            self.run(&["s3", "cp"], &[directory.join(name).into(), self.url(name)])?;
        }
        Ok(())
    }

    fn list(&self) -> Result<HashMap<String, Listed>, Failure> {
        let (bucket, prefix) = self.place();
        let prefix = format!("{prefix}/");
        let words = [
            "s3api",
            "list-objects",
            "--bucket",
            bucket,
            "--prefix",
            &prefix,
            "--output",
            "json",
            "--query",
            QUERY,
        ];
        let words = self.words(&words, &[]);
        let mut answer = Vec::new();
        let finished = self.system.runner.stream(&self.aws.identity.command(&words), &mut answer)?;
        if !finished.success() {
            return Err(Failure::Refused(finished.explain(&self.aws.program)));
        }
        let listed: Option<Vec<Listed>> = serde_json::from_slice(&answer).map_err(|error| {
            Failure::Refused(format!("what {} lists cannot be understood: {error}", self.aws.program))
        })?;
        let below = |listed: Listed| Some((listed.key.strip_prefix(&prefix)?.to_owned(), listed));
        Ok(listed.unwrap_or_default().into_iter().filter_map(below).collect())
    }

    /// Compares what is there with what should be. Returns how many are proved by their sizes alone.
    fn verify(&self, listed: &HashMap<String, Listed>) -> Result<u64, Failure> {
        let (mut different, mut proved) = (None, 0);
        for file in &self.upload.contents.files {
            self.system.interrupt.check()?;
            let shown = escape::display(&file.name).to_string();
            let found = file.name.to_str().and_then(|name| listed.get(name));
            let found = found.ok_or_else(|| Failure::Refused(format!("{shown} did not arrive")))?;
            if found.size != file.size {
                let Listed { size, .. } = found;
                let text = format!("{shown} has {} bytes, and {size} arrived", file.size);
                return Err(Failure::Refused(text));
            }
            match is_same(&self.upload.directory.join(&file.name), &found.etag)? {
                Some(true) => proved += 1,
                Some(false) => different = Some(shown),
                None => {}
            }
        }
        // Where none fits, the ETags of this server are no digests.
        match different {
            Some(shown) if proved > 0 => Err(Failure::Refused(format!("{shown} arrived damaged"))),
            _ => Ok(self.upload.contents.files.len() as u64 - proved),
        }
    }

    fn delete_others(&self, listed: &HashMap<String, Listed>) -> Result<u64, Failure> {
        let wanted: HashSet<_> =
            self.upload.contents.files.iter().filter_map(|file| file.name.to_str()).collect();
        let is_folder = |name: &str, listed: &Listed| name.ends_with('/') && listed.size == 0;
        let mut others: Vec<_> = listed
            .iter()
            .filter(|(name, listed)| !wanted.contains(name.as_str()) && !is_folder(name, listed))
            .map(|(name, _)| name)
            .collect();
        others.sort_unstable();
        for name in &others {
            self.run(&["s3", "rm"], &[self.url(Path::new(name))])?;
        }
        Ok(others.len() as u64)
    }

    /// Bucket, and what keys begin with.
    fn place(&self) -> (&str, &str) {
        let place = self.upload.target.strip_prefix("s3://").unwrap_or(self.upload.target);
        place.split_once('/').unwrap_or((place, ""))
    }

    fn url(&self, name: &Path) -> OsString {
        let mut url = OsString::from(format!("{}/", self.upload.target));
        url.push(name);
        url
    }

    fn words(&self, words: &[&str], paths: &[OsString]) -> Vec<OsString> {
        let words = std::iter::once(self.aws.program.as_str()).chain(words.iter().copied());
        words.map(OsString::from).chain(paths.iter().cloned()).collect()
    }

    fn run(&self, words: &[&str], paths: &[OsString]) -> Result<(), Failure> {
        let words = self.words(words, paths);
        let finished = self.system.runner.run(&self.aws.identity.command(&words))?;
        if finished.success() {
            return Ok(());
        }
        Err(Failure::Refused(finished.explain(&self.aws.program)))
    }
}

/// Whether a file has the content that an ETag stands for, where it stands for the content of one request.
fn is_same(path: &Path, etag: &str) -> io::Result<Option<bool>> {
    let etag = etag.trim_matches('"');
    if etag.len() != 32 || !etag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let mut file = fs_err::File::open(path)?;
    let (mut digest, mut buffer) = (Md5::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let hex = digest.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Ok(Some(hex.eq_ignore_ascii_case(etag)))
}
