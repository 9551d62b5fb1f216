//! The environment as the original fills it in before anything else: what `{NAME}` sees and what its children get.

use std::ffi::OsString;

use redcedar_system::Environment;
use redcedar_system::account::{self, Accounts};

/// Adds what is not set; `HOME` is always that of the effective user.
pub(super) fn completed(inherited: &Environment) -> Environment {
    let uid = account::current().uid;
    let account = Accounts::new().user_name(uid).and_then(|name| account::account(&name).ok());
    let mut pairs: Vec<(OsString, OsString)> =
        inherited.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut path = OsString::new();
    if let Some(account) = &account {
        pairs.retain(|(name, _)| name != "HOME");
        pairs.push(("HOME".into(), account.home.clone().into()));
        path.push(account.home.join(".local/bin"));
        path.push(":");
    }
    path.push("/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin");
    let name = account.map(|account| OsString::from(account.name));
    let defaults = [
        ("LOGNAME", name.clone()),
        ("USER", name),
        ("LANG", Some("en_US.UTF-8".into())),
        ("PATH", Some(path)),
    ];
    for (variable, value) in defaults {
        if let Some(value) = value
            && !pairs.iter().any(|(name, _)| name == variable)
        {
            pairs.push((variable.into(), value));
        }
    }
    Environment::from_pairs(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_added_and_home_is_that_of_the_user() {
        let completed =
            completed(&Environment::from_pairs([("HOME", "/elsewhere"), ("USER", "somebody"), ("X", "y")]));
        let account =
            Accounts::new().user_name(account::current().uid).and_then(|name| account::account(&name).ok());
        let account = account.expect("tests are run by somebody who has a name");
        assert_eq!(completed.get("HOME"), Some(account.home.as_os_str()));
        assert_eq!(completed.get("LOGNAME"), Some(account.name.as_ref()));
        assert_eq!(
            (completed.get("USER"), completed.get("X")),
            (Some("somebody".as_ref()), Some("y".as_ref()))
        );
        assert!(
            completed
                .get("PATH")
                .unwrap()
                .to_str()
                .unwrap()
                .ends_with(".local/bin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin")
        );
    }
}
