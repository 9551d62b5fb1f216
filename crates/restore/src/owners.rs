//! Owners: by rules that were given, by name where this machine knows the name, else by number.

use std::collections::HashMap;
use std::str::FromStr;

use redcedar_archive::manifest::Entry;
use redcedar_system::account;

/// Whose files become whose: `USER[:GROUP]=USER[:GROUP]`, names or numbers. What is left out is not looked at on the left side,
/// and stays as it is on the right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRule {
    user: Option<String>,
    group: Option<String>,
    new_user: Option<u32>,
    new_group: Option<u32>,
}

/// Text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnerRuleError {
    /// It has another form.
    #[error("expected USER[:GROUP]=USER[:GROUP], such as anna=bob or 1000:1000=anna:users")]
    Form,
    /// The new owner is nobody here.
    #[error("there is no {what} {name} on this machine; a number can be given")]
    Unknown {
        /// User or group.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl FromStr for OwnerRule {
    type Err = OwnerRuleError;

    fn from_str(text: &str) -> Result<Self, OwnerRuleError> {
        let (old, new) = text.split_once('=').ok_or(OwnerRuleError::Form)?;
        let (user, group) = names(old)?;
        let (new_user, new_group) = names(new)?;
        let new_user = new_user.map(|name| id("user", name, account::user_id)).transpose()?;
        let new_group = new_group.map(|name| id("group", name, account::group_id)).transpose()?;
        Ok(Self { user: user.map(str::to_owned), group: group.map(str::to_owned), new_user, new_group })
    }
}

/// `USER`, `USER:GROUP` or `:GROUP`
fn names(text: &str) -> Result<(Option<&str>, Option<&str>), OwnerRuleError> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let name = |name: &'_ str| !name.is_empty();
    match (Some(user).filter(|user| name(user)), Some(group).filter(|group| name(group))) {
        (None, None) => Err(OwnerRuleError::Form),
        (_, Some(group)) if group.contains([':', '=']) => Err(OwnerRuleError::Form),
        names => Ok(names),
    }
}

fn id<E>(
    what: &'static str,
    name: &str,
    look_up: impl Fn(&str) -> Result<u32, E>,
) -> Result<u32, OwnerRuleError> {
    let unknown = |_| OwnerRuleError::Unknown { what, name: name.to_owned() };
    name.parse().or_else(|_| look_up(name)).map_err(unknown)
}

impl OwnerRule {
    fn matches(&self, entry: &Entry) -> bool {
        let is = |wanted: Option<&String>, name: Option<&String>, id: u32| {
            wanted.is_none_or(|wanted| name == Some(wanted) || wanted.parse() == Ok(id))
        };
        is(self.user.as_ref(), entry.user.as_ref(), entry.uid)
            && is(self.group.as_ref(), entry.group.as_ref(), entry.gid)
    }
}

/// Looks up owners and remembers them.
pub(crate) struct Owners {
    numeric: bool,
    rules: Vec<OwnerRule>,
    users: HashMap<String, Option<u32>>,
    groups: HashMap<String, Option<u32>>,
}

impl Owners {
    pub(crate) fn new(numeric: bool) -> Self {
        Self { numeric, rules: Vec::new(), users: HashMap::new(), groups: HashMap::new() }
    }

    /// Lets `rules` decide first; of several that match, the first that says anything.
    pub(crate) fn map(&mut self, rules: &[OwnerRule]) {
        self.rules = rules.to_vec();
    }

    /// User and group id for an entry.
    pub(crate) fn of(&mut self, entry: &Entry) -> (u32, u32) {
        let rules = || self.rules.iter().filter(|rule| rule.matches(entry));
        let (new_user, new_group) =
            (rules().find_map(|rule| rule.new_user), rules().find_map(|rule| rule.new_group));
        let (uid, gid) = if self.numeric {
            (None, None)
        } else {
            (
                resolve(&mut self.users, entry.user.as_deref(), account::user_id),
                resolve(&mut self.groups, entry.group.as_deref(), account::group_id),
            )
        };
        (new_user.or(uid).unwrap_or(entry.uid), new_group.or(gid).unwrap_or(entry.gid))
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
    use redcedar_archive::{Kind, Timestamp};

    #[test]
    fn a_known_name_beats_the_number_and_an_unknown_one_does_not() {
        let look_up = |name: &str| if name == "root" { Ok(0) } else { Err(()) };
        let mut known = HashMap::new();
        assert_eq!(resolve(&mut known, Some("root"), look_up), Some(0));
        assert_eq!(resolve(&mut known, Some("nobody-here"), look_up), None);
        assert_eq!(resolve(&mut known, None, look_up), None);
        assert_eq!(known.len(), 2);
    }

    fn owned_by(user: &str, uid: u32, gid: u32) -> Entry {
        Entry {
            path: "/x".into(),
            kind: Kind::File,
            size: 0,
            mode: 0o644,
            uid,
            gid,
            user: Some(user.to_owned()),
            group: None,
            modified: Timestamp { seconds: 0, nanoseconds: 0 },
            link: None,
            hard_link: None,
            rdev: None,
            sha256: None,
            offset: None,
            flaw: None,
        }
    }

    #[test]
    fn rules_decide_first_and_each_half_on_its_own() {
        let mut owners = Owners::new(true);
        let rules = ["anna:77=7", "anna=1:2", ":50=:51", "1000=root"];
        owners.map(&rules.map(|rule| rule.parse().unwrap()));
        assert_eq!(owners.of(&owned_by("anna", 5, 6)), (1, 2));
        assert_eq!(owners.of(&owned_by("anna", 5, 77)), (7, 2));
        assert_eq!(owners.of(&owned_by("bob", 1000, 50)), (0, 51));
        assert_eq!(owners.of(&owned_by("bob", 1001, 8)), (1001, 8));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["", "anna", "=", "anna=", "=anna", ":=a", "a:b:c=d", "a=b=c:d=e"] {
            assert!(text.parse::<OwnerRule>().is_err(), "{text}");
        }
        let error = "anna=nobody-here".parse::<OwnerRule>().unwrap_err().to_string();
        assert_eq!(error, "there is no user nobody-here on this machine; a number can be given");
    }
}
