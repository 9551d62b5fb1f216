//! `--json` prints one document, with the keys that `docs/json.md` lists.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Sandbox;

#[test]
fn every_key_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let documentation = fs_err::read_to_string(path).unwrap();
    let sandbox = machine();
    let lines = [
        "backup /home/anna --to /mnt/backup",
        "run collect stage --dry-run",
        "run collect stage",
        "run purge --dry-run",
        "list --from /mnt/backup",
        "restore --from /mnt/backup --to /restored",
        "mount /days --from /mnt/backup --dry-run",
        "verify --from /mnt/backup",
        "restore --from /mnt/backup --to /other --dry-run",
        "drill --from /mnt/backup",
        "drill --from /mnt/backup --dry-run",
        "status",
        "validate",
        "init /etc --config /other.conf",
        "link /sbin",
        "man /sbin",
        "diagnostics",
        "peer check",
        "peer check web1",
        "peer add web2 --collect-dir /base/collect --dry-run",
        "snapshot create /home --to /mnt/store --init --system /mnt",
        "snapshot create /home --to /mnt/store --system /mnt --dry-run",
        "snapshot list --from /mnt/store",
        "snapshot restore --from /mnt/store --to /from-store",
        "snapshot verify --from /mnt/store",
        "snapshot rebuild-plan --from /mnt/store",
        "snapshot diff latest --from /mnt/store",
        "snapshot prune --from /mnt/store --keep-last 3 --dry-run",
    ];
    for line in lines {
        let answer = sandbox.run(&format!("{line} --json"));
        assert_eq!(answer.code, 0, "{line}: {}", answer.stderr);
        let document: Value = serde_json::from_str(&answer.stdout).unwrap();
        let command = document["command"].as_str().unwrap();
        assert_eq!(document["format"], 1, "{line}");
        assert!(line == command || line.starts_with(&format!("{command} ")), "{line}");
        let mut keys = BTreeSet::new();
        collect_keys(&document, &mut keys);
        for key in keys {
            assert!(documentation.contains(&format!("`{key}`")), "{key} of {command} is not documented");
        }
    }
}

#[test]
fn what_is_listed_and_restored_is_in_the_document() {
    let sandbox = machine();
    let get = |line: &str| -> Value { serde_json::from_str(&sandbox.run(line).stdout).unwrap() };
    let backup = get("backup /home/anna --to /mnt/backup --json");
    assert_eq!(backup["result"], "done");
    assert_eq!(backup["summary"]["new"], 2);
    let listing = get("list --from /mnt/backup --json");
    assert_eq!(listing["entries"].as_array().unwrap().len(), 1);
    assert_eq!(listing["entries"][0]["day"], "2026-11-23");
    assert_eq!(listing["entries"][0]["kind"], "full");
    assert_eq!(listing["entries"][0]["path"], sandbox.path("/home/anna").to_str().unwrap());
    let restored = get("restore --from /mnt/backup --to /restored --json");
    assert_eq!(restored["restored"], 2);
    assert_eq!(restored["bytes"], 5);
}

/// A machine with something to back up, and a configuration.
fn machine() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", "draft");
    for directory in ["/etc", "/mnt", "/sbin", "/base/collect", "/base/stage", "/base/work"] {
        fs_err::create_dir_all(sandbox.path(directory)).unwrap();
    }
    assert_eq!(sandbox.run("init /home/anna --base /base").code, 0);
    let name = format!("<name>{}</name>", redcedar_system::account::host_name());
    let config = sandbox.read("/etc/redcedar.conf").replace(&name, "<name>web1</name>");
    sandbox.write("/etc/redcedar.conf", config);
    sandbox
}

fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            collect_keys(value, keys);
        }),
        Value::Array(list) => list.iter().for_each(|value| collect_keys(value, keys)),
        _ => {}
    }
}
