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
    let home = || environment.get("HOME").map(|home| Path::new(home).join(".local/state"));
    let base = environment.get("XDG_STATE_HOME").map(PathBuf::from).or_else(home)?;
    let source = fs_err::canonicalize(source).ok()?;
    let both = [source.as_os_str().as_bytes(), endpoint.as_bytes(), target.bucket().as_bytes()];
    let name = [&both.join(&0)[..], b"\0", target.prefix().as_bytes()].concat();
    Some(base.join("redcedar/sync").join(Md5Sum::of(&name).hex()))
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
