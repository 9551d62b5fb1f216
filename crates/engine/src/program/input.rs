//! What a program gets to know.

use redcedar_config::Section;
use redcedar_config::cedar::ExtendedAction;
use serde_json::{Value, json};

use super::Facts;

/// The document on its standard input. Of the sections it holds the program's own only: others may hold passwords.
pub(super) fn document(action: &ExtendedAction, section: &str, facts: &Facts<'_>) -> Value {
    let Facts { config, document, full, actions } = *facts;
    let options = &config.options;
    let xml = document.section(section).map(Section::source_text);
    let collect = config.collect.as_ref().map(|collect| json!({ "collect_dir": collect.collect_dir.value }));
    let stage = config.stage.as_ref().map(|stage| json!({ "staging_dir": stage.staging_dir.value }));
    let store = config.store.as_ref().map(|store| json!({ "source_dir": store.source_dir.value }));
    let purge = config.purge.as_ref().map(|purge| {
        let dirs = purge.dirs.iter();
        let dirs: Vec<_> = dirs
            .map(|dir| json!({ "abs_path": dir.abs_path.value, "retain_days": dir.retain_days }))
            .collect();
        json!({ "dirs": dirs })
    });
    let peers = config.peers.as_ref().map(|peers| {
        let local = peers.local.iter().map(|peer| json!({ "name": peer.name.value, "type": "local" }));
        let remote = peers.remote.iter().map(|peer| json!({ "name": peer.name.value, "type": "remote" }));
        local.chain(remote).collect::<Vec<_>>()
    });
    json!({
        "protocol": 1,
        "action": action.name.value,
        "module": action.module.value,
        "function": action.function.value,
        "config_path": document.source().path().to_str(),
        "options": { "full": full, "actions": actions },
        "config": {
            "options": {
                "starting_day": options.starting_day.to_string(),
                "working_dir": options.working_dir.value,
                "backup_user": options.backup_user.value,
                "backup_group": options.backup_group.value,
            },
            "collect": collect,
            "stage": stage,
            "store": store,
            "purge": purge,
            "peers": peers,
        },
        "section": xml.map(|xml| json!({ "name": section, "xml": xml })),
    })
}
