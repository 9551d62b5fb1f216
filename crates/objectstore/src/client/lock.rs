//! Objects that nobody can delete or change for a time.

use std::fmt;
use std::str::FromStr;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ObjectLockMode;
use jiff::Timestamp;

use super::Client;
use super::list::timestamp;
use crate::error::{Error, Kind};

/// Who can end a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Whoever has a permission of its own for that.
    Governance,
    /// Nobody.
    Compliance,
}

impl LockMode {
    fn of_sdk(self) -> ObjectLockMode {
        match self {
            Self::Governance => ObjectLockMode::Governance,
            Self::Compliance => ObjectLockMode::Compliance,
        }
    }
}

/// A text that is no [`LockMode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither governance nor compliance")]
pub struct LockModeError;

impl FromStr for LockMode {
    type Err = LockModeError;

    fn from_str(text: &str) -> Result<Self, LockModeError> {
        match text.to_ascii_lowercase().as_str() {
            "governance" => Ok(Self::Governance),
            "compliance" => Ok(Self::Compliance),
            _ => Err(LockModeError),
        }
    }
}

/// A lock of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Who can end it.
    pub mode: LockMode,
    /// Until when it holds.
    pub until: Timestamp,
}

impl Lock {
    pub(super) fn mode(self) -> ObjectLockMode {
        self.mode.of_sdk()
    }

    pub(super) fn until(self) -> DateTime {
        DateTime::from_secs(self.until.as_second())
    }

    pub(super) fn read(mode: Option<&ObjectLockMode>, until: Option<&DateTime>) -> Option<Self> {
        let mode = match mode? {
            ObjectLockMode::Compliance => LockMode::Compliance,
            _ => LockMode::Governance,
        };
        Some(Self { mode, until: until.and_then(timestamp)? })
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            LockMode::Governance => "governance",
            LockMode::Compliance => "compliance",
        };
        write!(f, "it is locked until {} ({mode})", self.until.strftime("%Y-%m-%d %H:%M UTC"))
    }
}

impl Client {
    /// What it means that an object could not be deleted: whether it is locked is asked for only then.
    pub(super) async fn explain_refusal(&self, key: &str, error: Error) -> Error {
        if error.kind() != Kind::Forbidden {
            return error;
        }
        match self.head(key).await {
            Ok(Some(head)) => match head.lock {
                Some(lock) => {
                    Error::new(Kind::Locked, format!("delete {}", self.show(key)), lock.to_string())
                }
                None => error,
            },
            // The refusal itself is what matters.
            Ok(None) | Err(_) => error,
        }
    }
}
