//! Where is kept what makes the next `sync` of a directory quick.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_objectstore::digest::Md5Sum;
use redcedar_objectstore::{Access, Address};
use redcedar_system::Environment;

/// The server that is meant, as far as the environment and the command line say.
pub(crate) fn endpoint(access: &Access, environment: &Environment) -> String {
    let named = |name| environment.get(name).map(|url| url.to_string_lossy().into_owned());
    let from_environment = || named("AWS_ENDPOINT_URL_S3").or_else(|| named("AWS_ENDPOINT_URL"));
    access.endpoint.clone().or_else(from_environment).unwrap_or_default()
}

/// A directory for this source and this target alone, below `$XDG_STATE_HOME` or `~/.local/state`; none without either.
pub(crate) fn directory(
    environment: &Environment,
    source: &Path,
    endpoint: &str,
    target: &Address,
) -> Option<PathBuf> {
    let source = fs_err::canonicalize(source).ok()?;
    Some(base(environment)?.join("sync").join(name(&[source.as_os_str().as_bytes()], endpoint, target)))
}

/// A directory in which backups into this place are put together.
pub(crate) fn of_backups(environment: &Environment, endpoint: &str, place: &Address) -> Option<PathBuf> {
    Some(base(environment)?.join("backup").join(name(&[], endpoint, place)))
}

fn base(environment: &Environment) -> Option<PathBuf> {
    let home = || environment.get("HOME").map(|home| Path::new(home).join(".local/state"));
    let base = environment.get("XDG_STATE_HOME").map(PathBuf::from).or_else(home)?;
    Some(base.join("redcedar"))
}

fn name(what: &[&[u8]], endpoint: &str, place: &Address) -> String {
    let all = [what, &[endpoint.as_bytes(), place.bucket().as_bytes(), place.prefix().as_bytes()]].concat();
    Md5Sum::of(&all.join(&0)).hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_and_target_has_a_directory_of_its_own() {
        let environment = Environment::from_pairs([("HOME", "/home/anna")]);
        let of = |source: &str, endpoint: &str, target: &str| {
            directory(&environment, Path::new(source), endpoint, &target.parse().unwrap()).unwrap()
        };
        let one = of("/usr", "", "s3://b/p");
        assert_eq!(one, of("/usr/./", "", "s3://b/p/"));
        assert!(one.starts_with("/home/anna/.local/state/redcedar/sync"));
        for other in
            [of("/usr/bin", "", "s3://b/p"), of("/usr", "http://x", "s3://b/p"), of("/usr", "", "s3://b/q")]
        {
            assert_ne!(one, other);
        }
        assert_eq!(
            directory(&Environment::default(), Path::new("/usr"), "", &"s3://b".parse().unwrap()),
            None
        );
    }
}
