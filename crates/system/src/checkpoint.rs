//! Named points at which a test can kill the process, to see what the next run makes of what is left.

/// Ends the process as a power failure would, if it was started with `REDCEDAR_CHECKPOINT` set to `name`. Does nothing in
/// release builds.
pub fn reach(name: &str) {
    #[cfg(debug_assertions)]
    debug::reach(name);
    #[cfg(not(debug_assertions))]
    let _: &str = name;
}

#[cfg(debug_assertions)]
mod debug {
    use std::ffi::OsString;
    use std::sync::OnceLock;

    #[expect(clippy::disallowed_methods, reason = "read here, once, in debug builds only")]
    pub(super) fn reach(name: &str) {
        static WANTED: OnceLock<Option<OsString>> = OnceLock::new();
        let wanted = WANTED.get_or_init(|| std::env::var_os(crate::environment::REDCEDAR_CHECKPOINT));
        if wanted.as_deref().is_some_and(|wanted| wanted == name) {
            let died = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
            unreachable!("SIGKILL to ourselves returned {died:?}");
        }
    }
}
