//! Users and groups: names to numbers and back.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use nix::unistd::{Gid, Group, Uid, User};

/// Who owns a file, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A user of this machine, with everything that a program running as that user has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The login name.
    pub name: String,
    /// User and primary group.
    pub owner: Owner,
    /// All groups, the primary one included.
    pub groups: Vec<u32>,
    /// The home directory.
    pub home: PathBuf,
}

/// A user or group that the machine does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No such user.
    #[error("user [{0}] does not exist on this machine")]
    NoUser(String),
    /// No such group.
    #[error("group [{0}] does not exist on this machine")]
    NoGroup(String),
    /// The account database could not be asked.
    #[error("cannot look up [{name}]: {source}")]
    Lookup {
        /// What was looked up.
        name: String,
        /// What the system said.
        source: nix::errno::Errno,
    },
}

/// Looks names and numbers up, and remembers what it found.
#[derive(Debug, Default)]
pub struct Accounts {
    users: Mutex<HashMap<u32, Option<String>>>,
    groups: Mutex<HashMap<u32, Option<String>>>,
}

impl Accounts {
    /// An empty cache over the machine's account database.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of a user id, if it has one.
    pub fn user_name(&self, uid: u32) -> Option<String> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users
            .entry(uid)
            .or_insert_with(|| User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name))
            .clone()
    }

    /// The name of a group id, if it has one.
    pub fn group_name(&self, gid: u32) -> Option<String> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups
            .entry(gid)
            .or_insert_with(|| Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name))
            .clone()
    }
}

/// The id of a user, by name only: a number is looked up as a name, as the original does.
///
/// # Errors
/// When there is no such user.
pub fn user_id(name: &str) -> Result<u32, AccountError> {
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(AccountError::NoUser(name.to_owned())),
        Err(source) => Err(AccountError::Lookup { name: name.to_owned(), source }),
    }
}

/// A user with groups and home directory.
///
/// # Errors
/// When there is no such user.
pub fn account(name: &str) -> Result<Account, AccountError> {
    let lookup = |source| AccountError::Lookup { name: name.to_owned(), source };
    let user = User::from_name(name).map_err(lookup)?.ok_or_else(|| AccountError::NoUser(name.to_owned()))?;
    let c_name = CString::new(name).map_err(|_| AccountError::NoUser(name.to_owned()))?;
    let groups = nix::unistd::getgrouplist(&c_name, user.gid).map_err(lookup)?;
    Ok(Account {
        name: user.name,
        owner: Owner { uid: user.uid.as_raw(), gid: user.gid.as_raw() },
        groups: groups.into_iter().map(Gid::as_raw).collect(),
        home: user.dir,
    })
}

/// The user with a number. One that the machine does not know by name has its number for a name and no further groups.
///
/// # Errors
/// When the account database cannot be asked.
pub fn account_of(owner: Owner) -> Result<Account, AccountError> {
    let lookup = |source| AccountError::Lookup { name: owner.uid.to_string(), source };
    match User::from_uid(Uid::from_raw(owner.uid)).map_err(lookup)? {
        Some(user) => account(&user.name),
        None => Ok(Account {
            name: owner.uid.to_string(),
            owner,
            groups: vec![owner.gid],
            home: PathBuf::from("/"),
        }),
    }
}

/// The id of a group, by name only.
///
/// # Errors
/// When there is no such group.
pub fn group_id(name: &str) -> Result<u32, AccountError> {
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(AccountError::NoGroup(name.to_owned())),
        Err(source) => Err(AccountError::Lookup { name: name.to_owned(), source }),
    }
}

/// Both ids of `user:group`.
///
/// # Errors
/// When either does not exist.
pub fn owner(user: &str, group: &str) -> Result<Owner, AccountError> {
    Ok(Owner { uid: user_id(user)?, gid: group_id(group)? })
}

/// Whether the real user is root.
pub fn is_root() -> bool {
    Uid::current().is_root()
}

/// Who we are.
pub fn current() -> Owner {
    Owner { uid: Uid::effective().as_raw(), gid: Gid::effective().as_raw() }
}

/// The name of this machine as the kernel has it, or `localhost` if it has none that is text.
pub fn host_name() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// `sysname release machine` of this machine, as `uname` prints them.
pub fn platform() -> (String, String, String) {
    let uname = rustix::system::uname();
    let text = |c: &CStr| c.to_string_lossy().into_owned();
    (text(uname.sysname()), text(uname.release()), text(uname.machine()))
}
