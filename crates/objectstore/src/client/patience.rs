//! Servers that have too much to do.

use std::time::Duration;

use tokio::time::Instant;

use super::Client;
use crate::error::{Error, Kind};

/// How long a server may have too much to do.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long it is left in peace when the SDK has given up, which asks a few times, with longer and longer pauses.
const PAUSE: Duration = Duration::from_secs(3);

impl Client {
    /// Asks until the server has time. That those who ask wait is what relieves it.
    pub(super) async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let began = Instant::now();
        loop {
            match ask().await {
                Err(error) if error.kind() == Kind::Busy && began.elapsed() < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }
}
