//! A configuration of a pool of one, for tests.

use std::path::Path;

use redcedar_config::Config;
use redcedar_config::cedar::{
    Collect, CollectDir, Exclusions, Keep, LocalPeer, Options, PeerList, RemotePeer, Stage,
};
use redcedar_config::value::{ArchiveMode, CollectMode, StartingDay};

/// Everything below `root`: `source` is collected to `collect`, staged to `staging`; state in `work`.
pub(crate) fn config(root: &Path) -> Config {
    let options = Options {
        starting_day: StartingDay::Monday,
        working_dir: root.join("work").into(),
        backup_user: "root".to_owned().into(),
        backup_group: "root".to_owned().into(),
        rcp_command: "/usr/bin/scp".to_owned().into(),
        rsh_command: None,
        cback_command: None,
        managed_actions: None,
        managed_time_limit: None,
        overrides: Vec::new(),
        hooks: Vec::new(),
    };
    let dir = CollectDir {
        abs_path: root.join("source").into(),
        collect_mode: None,
        archive_mode: None,
        ignore_file: None,
        link_depth: None,
        dereference: None,
        recursion_level: None,
        one_file_system: None,
        exclude_caches: None,
        exclude: Exclusions::default(),
    };
    let collect = Collect {
        collect_dir: root.join("collect").into(),
        collect_mode: Some(CollectMode::Daily),
        archive_mode: Some(ArchiveMode::TarGzip),
        ignore_file: Some(".ignore".to_owned().into()),
        exclude: Exclusions::default(),
        one_file_system: None,
        exclude_caches: None,
        files: Vec::new(),
        dirs: vec![dir],
    };
    Config {
        reference: None,
        extensions: None,
        options,
        peers: Some(PeerList { local: vec![local_peer("me", &root.join("collect"))], remote: Vec::new() }),
        collect: Some(collect),
        stage: Some(Stage {
            staging_dir: root.join("staging").into(),
            peers: None,
            jobs: None,
            peer_time_limit: None,
            retries: None,
            wait_until: None,
        }),
        store: None,
        purge: None,
    }
}

pub(crate) fn local_peer(name: &str, collect_dir: &Path) -> LocalPeer {
    LocalPeer {
        name: name.to_owned().into(),
        collect_dir: collect_dir.to_owned().into(),
        ignore_failures: None,
        max_age: None,
        keep: Keep::default(),
    }
}

pub(crate) fn managed_peer(name: &str, actions: Option<&[&str]>) -> RemotePeer {
    RemotePeer {
        name: name.to_owned().into(),
        collect_dir: Path::new("/collect").to_owned().into(),
        ignore_failures: None,
        max_age: None,
        keep: Keep::default(),
        backup_user: None,
        rcp_command: None,
        rsh_command: None,
        cback_command: None,
        managed: Some(true),
        managed_actions: actions.map(|list| list.iter().map(|name| (*name).to_owned().into()).collect()),
    }
}
