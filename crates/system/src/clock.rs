//! The clock. Days, weekdays and ages all come from here, so that a test can choose the day.

use std::sync::Arc;

use jiff::{Timestamp, Zoned, civil::DateTime, tz::TimeZone};

use crate::environment::{Environment, REDCEDAR_NOW};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The current time in the local zone.
    fn now(&self) -> Zoned;
}

/// The machine's clock, in the zone of `TZ` or `/etc/localtime`.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsClock;

impl Clock for OsClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Zoned {
        Zoned::now()
    }
}

/// A clock that stands still.
#[derive(Debug, Clone)]
pub struct FixedClock(pub Zoned);

impl FixedClock {
    /// A clock that stands at `text`, a civil time such as `2026-11-24T02:30` in the local zone or a time with
    /// its own zone.
    ///
    /// # Errors
    /// When `text` is neither.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        if let Ok(zoned) = text.parse::<Zoned>() {
            return Ok(Self(zoned));
        }
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(Self(instant.to_zoned(TimeZone::system())));
        }
        let civil: DateTime = text.parse()?;
        civil.to_zoned(TimeZone::system()).map(Self)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Zoned {
        self.0.clone()
    }
}

/// Measures how long something takes, whatever happens to the time of day.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Begins to measure.
    #[must_use]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// How long ago that was.
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

/// The machine's clock, or one that stands still where `REDCEDAR_NOW` says.
///
/// # Errors
/// When that variable is no time.
pub fn from_environment(environment: &Environment) -> Result<Arc<dyn Clock>, jiff::Error> {
    match environment.get(REDCEDAR_NOW) {
        None => Ok(Arc::new(OsClock)),
        Some(text) => Ok(Arc::new(FixedClock::parse(&text.to_string_lossy())?)),
    }
}
