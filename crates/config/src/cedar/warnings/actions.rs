//! Names of actions that do not exist, and hooks and overrides that lack a half.

use crate::Located;
use crate::cedar::Config;
use crate::cedar::extensions::BUILT_IN;
use crate::diagnostic::Diagnostic;

pub(super) fn check(config: &Config, findings: &mut Vec<Diagnostic>) {
    check_hooks(config, findings);
    check_overrides(config, findings);
    if let Some(names) = &config.options.managed_actions {
        check_managed(config, names, findings);
    }
    for peer in config.peers.iter().flat_map(|peers| &peers.remote) {
        if let Some(names) = &peer.managed_actions {
            check_managed(config, names, findings);
        }
    }
}

fn is_action(config: &Config, name: &str) -> bool {
    let mut extended = config.extensions.iter().flat_map(|extensions| &extensions.actions);
    BUILT_IN.contains(&name) || extended.any(|action| *action.name == name)
}

fn check_hooks(config: &Config, findings: &mut Vec<Diagnostic>) {
    for hook in &config.options.hooks {
        let kind = hook.kind.element();
        match (&hook.action, &hook.command) {
            (Some(action), _) if action.as_str() == "all" || !is_action(config, action) => {
                let message = format!("this `{kind}` never runs: there is no action `{}`", action.trim_end());
                findings.push(Diagnostic::warning(action.span, message));
            }
            (Some(action), None) => {
                let message = format!("this `{kind}` has no `command`");
                findings.push(Diagnostic::warning(action.span, message));
            }
            (None, Some(command)) => {
                let message = format!("this `{kind}` never runs: it has no `action`");
                findings.push(Diagnostic::warning(command.span, message));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

fn check_overrides(config: &Config, findings: &mut Vec<Diagnostic>) {
    let overrides = &config.options.overrides;
    for (index, element) in overrides.iter().enumerate() {
        match (&element.command, &element.abs_path) {
            (Some(command), None) => {
                let message = "this `override` has no effect: it has no `abs_path`";
                findings.push(Diagnostic::warning(command.span, message));
            }
            (None, Some(path)) => {
                let message = "this `override` has no effect: it has no `command`";
                findings.push(Diagnostic::warning(path.span, message));
            }
            (Some(command), Some(_))
                if overrides[index + 1..].iter().any(|later| later.command.as_ref() == Some(command)) =>
            {
                let message =
                    format!("this `override` has no effect: there is a later one for `{}`", **command);
                findings.push(Diagnostic::warning(command.span, message));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

fn check_managed(config: &Config, names: &[Located<String>], findings: &mut Vec<Diagnostic>) {
    for name in names.iter().filter(|name| !is_action(config, name)) {
        let message = format!("`{}` is no action of this machine, so it is never run on others", **name);
        findings.push(Diagnostic::warning(name.span, message));
    }
}
