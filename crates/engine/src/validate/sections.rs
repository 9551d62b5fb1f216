//! What the owners of sections find in them, and sections that have none.

use redcedar_config::cedar::ExtendedAction;
use redcedar_config::{Config, Diagnostic, Diagnostics, Document, Section, Severity};
use redcedar_system::{Interrupted, System};

use crate::extension::Extension;
use crate::plan::{self, EXTENSIONS, Function};
use crate::program::{self, Facts, Program};

/// Lets every extension that is configured look at its section. An action that cannot be run is a warning: nobody has asked for
/// it.
///
/// # Errors
/// When it was interrupted.
pub fn sections(
    config: &Config,
    document: &Document,
    extensions: &[&dyn Extension],
    system: &System,
) -> Result<Diagnostics, Interrupted> {
    let mut check = Check { config, document, extensions, read: Vec::new(), findings: Vec::new() };
    for action in config.extensions.iter().flat_map(|extensions| &extensions.actions) {
        check.action(action, system)?;
    }
    if config.collect.is_some() {
        for extension in extensions.iter().filter(|extension| extension.belongs_to_collect()) {
            if document.section(extension.name()).is_some() {
                check.extension(*extension);
            }
        }
    }
    for section in document.foreign_sections() {
        check.unread(section);
    }
    Ok(document.diagnostics(check.findings))
}

struct Check<'a> {
    config: &'a Config,
    document: &'a Document,
    extensions: &'a [&'a dyn Extension],
    /// The sections that something reads.
    read: Vec<&'a str>,
    findings: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn action(&mut self, action: &'a ExtendedAction, system: &System) -> Result<(), Interrupted> {
        match plan::function(&action.module, &action.function) {
            Function::Builtin(_) => {}
            Function::Extension(name) => {
                let known = self.extensions.iter().find(|extension| extension.name() == name);
                match known {
                    // Several actions may run one extension.
                    Some(_) if self.read.contains(&name) => {}
                    Some(extension) => self.extension(*extension),
                    None => {
                        self.read.push(name);
                        let message =
                            format!("action `{}` is not available in this version of Redcedar", *action.name);
                        self.findings.push(Diagnostic::warning(action.module.span, message));
                    }
                }
            }
            Function::Program => self.program(action, system)?,
            Function::NoAction => {
                let message =
                    format!("`{}` of `{}` is no action of the original", *action.function, *action.module);
                self.findings.push(Diagnostic::error(action.function.span, message));
            }
        }
        Ok(())
    }

    fn extension(&mut self, extension: &'a dyn Extension) {
        self.read.push(extension.name());
        self.findings.extend(extension.check(self.document, self.config));
    }

    fn program(&mut self, action: &'a ExtendedAction, system: &System) -> Result<(), Interrupted> {
        self.read.push(program::section(action));
        match Program::find(action, self.document) {
            Ok(program) => {
                let actions = [action.name.as_str()];
                let facts =
                    Facts { config: self.config, document: self.document, full: false, actions: &actions };
                self.findings.extend(program.check(&facts, system)?);
            }
            Err(finding) => self.findings.push(Diagnostic { severity: Severity::Warning, ..finding }),
        }
        Ok(())
    }

    fn unread(&mut self, section: Section<'_>) {
        let name = section.name();
        if self.read.contains(&name) {
            return;
        }
        let message = format!("nothing reads `{name}`");
        let hint = if EXTENSIONS.contains(&name) {
            "add an action that runs this extension to `extensions`"
        } else if self.extensions.iter().any(|extension| extension.name() == name) {
            "it is read by `collect`, which is not configured"
        } else {
            "it belongs to no extension that is configured; is its name right?"
        };
        self.findings.push(Diagnostic::warning(section.name_span(), message).with_hint(hint));
    }
}

#[cfg(test)]
mod tests {
    use redcedar_config::{Loaded, Source};
    use redcedar_system::fake;

    use super::*;
    use crate::Outcome;
    use crate::extension::{Call, ExtensionError, Kind};

    /// Complains about whatever it is called.
    struct Grumpy(&'static str, bool);

    impl Extension for Grumpy {
        fn name(&self) -> &'static str {
            self.0
        }

        fn kind(&self) -> Kind {
            Kind::Source
        }

        fn belongs_to_collect(&self) -> bool {
            self.1
        }

        fn check(&self, document: &Document, _config: &Config) -> Vec<Diagnostic> {
            let span = document.section(self.0).unwrap().name_span();
            vec![Diagnostic::error(span, format!("{} is wrong", self.0))]
        }

        fn run(&self, _call: &Call<'_>) -> Result<Outcome, ExtensionError> {
            unreachable!("nothing runs here")
        }
    }

    fn found(actions: &[(&str, &str)], sections: &str) -> Vec<String> {
        let actions = actions.iter().enumerate().map(|(index, (module, function))| {
            format!(
                "<action><name>x{index}</name><module>{module}</module><function>{function}</function><index>1</index></action>"
            )
        });
        let text = format!(
            "<cb_config><extensions>{}</extensions><options><starting_day>monday</starting_day>\
            <working_dir>/w</working_dir><backup_user>root</backup_user><backup_group>root</backup_group>\
            <rcp_command>scp</rcp_command></options><collect><collect_dir>/c</collect_dir></collect>{sections}</cb_config>",
            actions.collect::<String>()
        );
        let Loaded { config, document, .. } = Config::parse(Source::new("f", &text)).unwrap();
        let extensions: [&dyn Extension; 2] = [&Grumpy("mysql", false), &Grumpy("git", true)];
        let findings = super::sections(&config, &document, &extensions, &fake::system("2026-11-24T02:00").0);
        let findings = findings.unwrap();
        findings
            .iter()
            .map(|finding| {
                let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
                format!("{severity} at {}: {}", &text[finding.span.range()], finding.message)
            })
            .collect()
    }

    #[test]
    fn each_extension_that_is_configured_is_asked_once() {
        let mysql = ("CedarBackup3.extend.mysql", "executeAction");
        assert_eq!(found(&[mysql, mysql], "<mysql/>"), ["error at mysql: mysql is wrong"]);
        assert_eq!(found(&[], "<git/>"), ["error at git: git is wrong"]);
        assert_eq!(found(&[("CedarBackup2.actions.collect", "executeCollect")], ""), [""; 0]);
    }

    #[test]
    fn what_cannot_be_run_is_a_warning_and_what_is_no_action_an_error() {
        assert_eq!(
            found(
                &[
                    ("CedarBackup3.extend.amazons3", "executeAction"),
                    ("CedarBackup3.extend.mysql", "nosuch"),
                    ("nosuch.module", "run"),
                ],
                "<amazons3/>"
            ),
            [
                "warning at CedarBackup3.extend.amazons3: action `x0` is not available in this version of Redcedar",
                "error at nosuch: `nosuch` of `CedarBackup3.extend.mysql` is no action of the original",
                "warning at x2: action `x2` has no program that can be run: cannot open \
                 /usr/libexec/redcedar: No such file or directory (os error 2)",
            ]
        );
    }

    #[test]
    fn sections_that_nothing_reads_are_told() {
        assert_eq!(
            found(&[("nosuch.module", "run")], "<x0/><acme/><mysql/>")[1..],
            ["warning at acme: nothing reads `acme`", "warning at mysql: nothing reads `mysql`"]
        );
    }
}
