//! Whom the programs that reach other machines run as.

use std::ffi::{OsStr, OsString};

use redcedar_config::cedar::Options;
use redcedar_system::account::{self, Account, AccountError, Accounts, Owner};
use redcedar_system::command::Command;

use super::quoting::{Quotes, quoted};
use crate::extension::overridden;

/// Whom the programs that reach other machines run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// As we are, for want of the right to be somebody else.
    Ourselves,
    /// As the backup user.
    Account(Account),
    /// As the backup user, by a program that takes the arguments of `su`.
    Su {
        /// The configured program.
        program: String,
        /// The backup user.
        user: String,
    },
}

impl Identity {
    /// Who talks to peers: root lets the backup user do it.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn of(options: &Options) -> Result<Self, AccountError> {
        if !account::is_root() {
            return Ok(Self::Ourselves);
        }
        let user = options.backup_user.value.clone();
        match overridden("su", options) {
            Some(program) => Ok(Self::Su { program, user }),
            None => account::account(&user).map(Self::Account),
        }
    }

    /// The account that it is.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn account(&self) -> Result<Account, AccountError> {
        match self {
            Self::Account(account) => Ok(account.clone()),
            Self::Su { user, .. } => account::account(user),
            Self::Ourselves => {
                let uid = account::current().uid;
                let name = Accounts::new().user_name(uid).unwrap_or_else(|| uid.to_string());
                account::account(&name)
            }
        }
    }

    /// Who has to own what it works with; none when that is ourselves.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn owner(&self) -> Result<Option<Owner>, AccountError> {
        match self {
            Self::Ourselves => Ok(None),
            _ => self.account().map(|account| Some(account.owner)),
        }
    }

    /// A program of this machine, run by whoever talks to peers.
    pub fn command<W: AsRef<OsStr>>(&self, words: &[W]) -> Command {
        match self {
            Self::Su { program, user } => {
                let words: Vec<OsString> =
                    words.iter().map(|word| quoted(word.as_ref(), Quotes::Foreign)).collect();
                Command::new(program).arg(user).arg("-c").arg(words.join(OsStr::new(" ")))
            }
            Self::Ourselves => direct(words, None),
            Self::Account(account) => direct(words, Some(account.clone())),
        }
    }
}

fn direct<W: AsRef<OsStr>>(words: &[W], account: Option<Account>) -> Command {
    let mut words = words.iter().map(AsRef::as_ref);
    Command::new(words.next().unwrap_or_default()).args(words).run_as(account)
}
