//! The `encrypt` section.

use std::str::FromStr;

use redcedar_config::cedar::Extensions;
use redcedar_config::{Config, Diagnostic, Document, Section, Severity};
use redcedar_engine::plan::{Actions, Builtin, Function};

use super::NAME;
use super::age_files::Recipient;

/// How files are encrypted, and for whom.
#[derive(Debug, Clone)]
pub(super) enum Method {
    /// By GnuPG, for keys that it has.
    Gpg(Vec<String>),
    /// By us, in the format of age.
    Age(Vec<Recipient>),
}

/// Reads the section, and complains about it.
pub(super) fn read(document: &Document) -> (Option<Method>, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let Some(section) = document.section(NAME) else {
        return (None, vec![document.root().missing(NAME)]);
    };
    let method = method(section, &mut findings);
    let is_valid = findings.iter().all(|finding| finding.severity != Severity::Error);
    (method.filter(|_| is_valid), findings)
}

fn method(section: Section<'_>, findings: &mut Vec<Diagnostic>) -> Option<Method> {
    let recipients = section.read_list("age_recipient", Recipient::from_str, findings);
    let mode = section.read("encrypt_mode", mode, findings);
    // What is for the originals is not missing where age does the work.
    let is_age = !recipients.is_empty() || section.scalar("encrypt_mode").is_some_and(|mode| *mode == "age");
    if is_age {
        if recipients.is_empty() {
            findings.push(section.missing("age_recipient"));
        }
        findings.extend(section.scalars("further_target").map(|target| {
            Diagnostic::warning(target.span, "`further_target` means nothing beside `age_recipient`")
        }));
        return Some(Method::Age(recipients.into_iter().map(|recipient| recipient.value).collect()));
    }
    let mode = mode.required(section, "encrypt_mode", findings);
    let targets: Vec<_> =
        section.scalar("encrypt_target").into_iter().chain(section.scalars("further_target")).collect();
    if section.scalar("encrypt_target").is_none() {
        findings.push(section.missing("encrypt_target"));
    }
    mode.map(|_| Method::Gpg(targets.iter().map(|target| (*target.value).to_owned()).collect()))
}

/// The originals know `gpg` only.
fn mode(text: &str) -> Result<(), &'static str> {
    match text {
        "gpg" | "age" => Ok(()),
        _ => Err("must be `gpg` or (ours) `age`"),
    }
}

/// Warns when something of this configuration stores or uploads before anything is encrypted.
pub(super) fn check_order(document: &Document, config: &Config) -> Option<Diagnostic> {
    let section = document.section(NAME)?;
    let too_early = stored_before(config.extensions.as_ref(), config.store.is_some())?;
    let message = format!("`{too_early}` runs before files are encrypted: clear text leaves this machine");
    let hint =
        "give the action that encrypts an index above 200 (stage) and below that of `store` and `amazons3`";
    Some(Diagnostic::warning(section.name_span(), message).with_hint(hint))
}

fn stored_before(extensions: Option<&Extensions>, has_store: bool) -> Option<String> {
    let actions = Actions::resolve(extensions).ok()?;
    let encrypt = actions.iter().find(|action| action.function == Function::Extension(NAME))?;
    let leaves = |function| match function {
        Function::Builtin(builtin) => builtin == Builtin::Store && has_store,
        Function::Extension(name) => name == "amazons3",
        // What a program does is not known.
        Function::Program | Function::NoAction => false,
    };
    let early = actions.iter().find(|action| leaves(action.function) && action.index < encrypt.index);
    early.map(|action| action.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_config::Source;

    const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    fn document(section: &str) -> Document {
        Document::parse(Source::new("c", &format!("<cb_config>{section}</cb_config>"))).unwrap()
    }

    fn encrypt(content: &str) -> (Option<Method>, Vec<String>) {
        let (method, findings) = read(&document(&format!("<encrypt>{content}</encrypt>")));
        (method, findings.into_iter().map(|finding| finding.message).collect())
    }

    #[test]
    fn gpg_needs_a_target_and_may_have_several() {
        let (method, findings) =
            encrypt("<encrypt_mode>gpg</encrypt_mode><encrypt_target>Backup User</encrypt_target>");
        assert!(findings.is_empty());
        assert!(matches!(method, Some(Method::Gpg(targets)) if targets == ["Backup User"]));
        let (method, _) = encrypt(
            "<encrypt_mode>gpg</encrypt_mode><encrypt_target>a</encrypt_target>\
             <further_target>b</further_target><further_target>c</further_target>",
        );
        assert!(matches!(method, Some(Method::Gpg(targets)) if targets == ["a", "b", "c"]));
    }

    #[test]
    fn age_takes_over_where_it_has_recipients() {
        for others in ["", "<encrypt_mode>gpg</encrypt_mode><encrypt_target>a</encrypt_target>"] {
            let (method, findings) = encrypt(&format!("{others}<age_recipient>{KEY}</age_recipient>"));
            assert!(findings.is_empty(), "{findings:?}");
            let Some(Method::Age(recipients)) = method else { panic!("{others}") };
            assert!(matches!(&recipients[..], [Recipient::Age(key)] if key.to_string() == KEY));
        }
    }

    #[test]
    fn keys_of_ssh_are_taken_if_age_can_use_them() {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIAch0z4fhFeuN7ShApnhg0Omm0u9PIBpBvkqWXtExTvg";
        let (method, findings) = encrypt(&format!(
            "<age_recipient>ssh-ed25519 {key} anna@desk</age_recipient><age_recipient>{KEY}</age_recipient>"
        ));
        assert!(findings.is_empty(), "{findings:?}");
        assert!(
            matches!(method, Some(Method::Age(keys)) if matches!(keys[..], [Recipient::Ssh(_), Recipient::Age(_)]))
        );
        for (wrong, why) in [
            ("ssh-ed25519 AAAA", "no whole public key of SSH"),
            (
                "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLJk",
                "ssh-ed25519 or ssh-rsa, not ecdsa-sha2-nistp256",
            ),
        ] {
            let (method, findings) = encrypt(&format!("<age_recipient>{wrong}</age_recipient>"));
            assert!(method.is_none() && findings[0].contains(why), "{findings:?}");
        }
    }

    #[test]
    fn whatever_leaves_the_machine_before_encryption_is_warned_of() {
        let warned = |encrypt: u32, amazons3: u32| {
            let action = |name: &str, index: u32| {
                format!(
                    "<action><name>{name}</name><module>CedarBackup2.extend.{name}</module>\
                     <function>executeAction</function><index>{index}</index></action>"
                )
            };
            let text = format!(
                "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir>\
                 <backup_user>u</backup_user><backup_group>g</backup_group><rcp_command>scp</rcp_command></options>\
                 <extensions>{}{}</extensions><purge/><encrypt/></cb_config>",
                action("encrypt", encrypt),
                action("amazons3", amazons3)
            );
            let loaded = Config::parse(Source::new("c", &text)).unwrap();
            check_order(&loaded.document, &loaded.config).map(|warning| warning.message)
        };
        assert_eq!(warned(210, 230), None);
        assert!(warned(301, 201).unwrap().contains("`amazons3` runs before"));
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        assert_eq!(read(&document("")).1[0].message, "`cb_config` lacks `encrypt`");
        assert_eq!(encrypt("").1, ["`encrypt` lacks `encrypt_mode`", "`encrypt` lacks `encrypt_target`"]);
        assert_eq!(encrypt("<encrypt_mode>age</encrypt_mode>").1, ["`encrypt` lacks `age_recipient`"]);
        let wrong = encrypt("<encrypt_mode>pgp</encrypt_mode><age_recipient>age1x</age_recipient>");
        assert!(wrong.1.iter().any(|message| message.contains("beginning with `age1`")), "{:?}", wrong.1);
        assert!(wrong.1.iter().any(|message| message.contains("must be `gpg`")), "{:?}", wrong.1);
        assert!(wrong.0.is_none());
    }
}
