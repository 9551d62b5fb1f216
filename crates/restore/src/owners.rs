//! Owners, by name where this machine knows the name, else by number.

use std::collections::HashMap;

use redcedar_archive::manifest::Entry;
use redcedar_system::account;

/// Looks up owners and remembers them.
pub(crate) struct Owners {
    numeric: bool,
    users: HashMap<String, Option<u32>>,
    groups: HashMap<String, Option<u32>>,
}

impl Owners {
    pub(crate) fn new(numeric: bool) -> Self {
        Self { numeric, users: HashMap::new(), groups: HashMap::new() }
    }

    /// User and group id for an entry.
    pub(crate) fn of(&mut self, entry: &Entry) -> (u32, u32) {
        if self.numeric {
            return (entry.uid, entry.gid);
        }
        let uid = resolve(&mut self.users, entry.user.as_deref(), account::user_id);
        let gid = resolve(&mut self.groups, entry.group.as_deref(), account::group_id);
        (uid.unwrap_or(entry.uid), gid.unwrap_or(entry.gid))
    }
}

fn resolve<E>(
    known: &mut HashMap<String, Option<u32>>,
    name: Option<&str>,
    look_up: impl Fn(&str) -> Result<u32, E>,
) -> Option<u32> {
    let name = name?;
    if let Some(id) = known.get(name) {
        return *id;
    }
    let id = look_up(name).ok();
    known.insert(name.to_owned(), id);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_name_beats_the_number_and_an_unknown_one_does_not() {
        let look_up = |name: &str| if name == "root" { Ok(0) } else { Err(()) };
        let mut known = HashMap::new();
        assert_eq!(resolve(&mut known, Some("root"), look_up), Some(0));
        assert_eq!(resolve(&mut known, Some("nobody-here"), look_up), None);
        assert_eq!(resolve(&mut known, None, look_up), None);
        assert_eq!(known.len(), 2);
    }
}
