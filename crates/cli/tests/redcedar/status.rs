//! `redcedar status`: a pool with peers in every state.

use super::Sandbox;

#[test]
fn a_pool_is_shown_with_what_is_overdue_missing_and_suspicious() {
    let mut sandbox = pool();
    let first = sandbox.talk("status");
    for day in 23..=27 {
        sandbox.at(&format!("2026-11-{day}T02:00:00"));
        sandbox.write("/home/anna/report.odt", noise(30_000 + day));
        if day == 27 {
            sandbox.write("/home/anna/film", noise(4_000_000));
        }
        assert_eq!(sandbox.run("run collect stage").code, 0);
        for (peer, size) in [("db", if day == 27 { 1 } else { 100 }), ("web", 40)] {
            if peer == "web" && day > 24 {
                continue;
            }
            let at = |name: &str| format!("/base/stage/2026/11/{day}/{peer}/{name}");
            sandbox.write(&at("mysqldump-shop.txt.gz"), vec![0; size * 1024]);
            if day != 27 {
                sandbox.write(&at("var-lib.tar.gz"), "x");
            }
            sandbox.write(&at("cback.collect"), "");
        }
        if day < 26 {
            sandbox.write(&format!("/base/stage/2026/11/{day}/cback.store"), "");
            sandbox.write(&format!("/base/stage/2026/11/{day}/cback.amazons3"), "");
        }
    }
    sandbox.write("/base/stage/2024/01/31/old\n/cback.collect", "");
    let result = r#"{"peer":"web","status":"failed","error":"ssh: connect to host web: No route to host"}"#;
    sandbox.write("/base/stage/2026/11/27/cback.result", result);
    sandbox.at("2026-11-28T12:00:00");
    let late = sandbox.talk("status");
    insta::assert_snapshot!([first, late, sandbox.talk("status -q --max-age 60")].join("\n"));
    let json: serde_json::Value = serde_json::from_str(&sandbox.run("status --json").stdout).unwrap();
    assert_eq!(json["result"], "incomplete");
    assert!(json["space"]["free"].as_u64() <= json["space"]["total"].as_u64());
    let [db, me, old, web] = &json["peers"].as_array().unwrap()[..] else { panic!("{json}") };
    insta::assert_snapshot!(serde_json::to_string_pretty(&[db, old, web]).unwrap());
    assert_eq!(me["last"]["kind"], "increment");
    assert_eq!(me["last"]["suspicion"], "large");
}

#[test]
fn without_a_stage_section_there_is_no_pool() {
    let sandbox = pool();
    let config = sandbox.read("/etc/redcedar.conf");
    let (before, rest) = config.split_once("<stage>").unwrap();
    sandbox.write("/etc/redcedar.conf", format!("{before}{}", rest.split_once("</stage>").unwrap().1));
    insta::assert_snapshot!(sandbox.talk("status"));
}

#[test]
fn a_staging_directory_that_cannot_be_read_is_an_error_and_no_empty_pool() {
    let sandbox = pool();
    sandbox.write("/base/stage", "no directory");
    insta::assert_snapshot!(sandbox.talk("status"));
}

/// What does not shrink.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// A master that collects and stages itself and expects two others; there is no staging directory yet.
fn pool() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("/home/anna/report.odt", noise(30_000));
    for directory in ["/etc", "/base/collect", "/base/work"] {
        fs_err::create_dir_all(sandbox.path(directory)).unwrap();
    }
    assert_eq!(sandbox.run("init /home/anna --base /base").code, 0);
    let peer = |name: &str, more: &str| {
        format!(
            "<peer><name>{name}</name><type>local</type><collect_dir>/nowhere</collect_dir>\
             <ignore_failures>all</ignore_failures>{more}</peer>"
        )
    };
    let peers = format!("{}{}</peers>", peer("db", "<max_age>1</max_age>"), peer("web", ""));
    let host = format!("<name>{}</name>", redcedar_system::account::host_name());
    let config =
        sandbox.read("/etc/redcedar.conf").replace(&host, "<name>me</name>").replace("</peers>", &peers);
    sandbox.write("/etc/redcedar.conf", config);
    sandbox
}
