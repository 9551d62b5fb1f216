//! Who we are, by the files of the AWS CLI: programs, roles, and what somebody who logged in was given.

use std::sync::{Arc, Mutex};

use redcedar_testing::s3::{Proxy, Response};

use super::machine::{Machine, answer};

/// What a role is answered with.
const ROLE: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
    <AccessKeyId>AKIDOFROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

/// Sends a file as whom the profile `x` says. Returns what was asked of whom as whom.
fn send_as(machine: &Machine, config: &str) -> Vec<String> {
    machine.write("home/a", "a");
    machine.write(".aws/config", format!("[profile x]\nregion = us-east-1\n{config}"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&asked);
    let proxy = Proxy::start(&machine.server, move |request, forward| {
        let find = |name: &str| request.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        let value = |name: &str| find(name).map(|(_, value)| value.clone()).unwrap_or_default();
        let authorization = value("authorization");
        let key = authorization.split_once("Credential=").map_or("", |(_, rest)| rest);
        let key = key.split('/').next().unwrap_or_default();
        let path = request.path.split('?').next().unwrap_or_default();
        own.lock().unwrap().push(format!("{} {path} {key}", request.method));
        if String::from_utf8_lossy(&request.body).contains("Action=AssumeRole") {
            let headers = vec![("Content-Type".to_owned(), "text/xml".to_owned())];
            return Some(Response { status: 200, headers, body: ROLE.as_bytes().to_vec() });
        }
        Some(forward(request))
    });
    let mut command = machine.command(&["sync", "home", "s3://bucket/p", "--profile", "x"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let sent = answer(command.env("AWS_ENDPOINT_URL", proxy.url()));
    assert_eq!((sent.code, machine.names("p/")), (0, vec!["a".to_owned()]), "{}", sent.stderr);
    asked.lock().unwrap().clone()
}

#[test]
fn a_program_provides_credentials() {
    let Some(machine) = Machine::new() else { return };
    let answer = r#"{"Version": 1, "AccessKeyId": "AKIDOFPROGRAM", "SecretAccessKey": "s"}"#;
    let path = machine.write("answer", answer).display().to_string();
    let asked = send_as(&machine, &format!("credential_process = cat {path}\n"));
    assert_eq!(asked, ["GET /bucket/ AKIDOFPROGRAM", "PUT /bucket/p/a AKIDOFPROGRAM"]);
}

#[test]
fn a_role_is_assumed_with_the_key_of_another_profile() {
    let Some(machine) = Machine::new() else { return };
    machine.write(".aws/credentials", "[base]\naws_access_key_id = AKIDOFBASE\naws_secret_access_key = s\n");
    let config = "role_arn = arn:aws:iam::123456789012:role/backup\nsource_profile = base\n\n[profile base]\nregion = us-east-1\n";
    let asked = send_as(&machine, config);
    assert_eq!(asked, ["POST / AKIDOFBASE", "GET /bucket/ AKIDOFROLE", "PUT /bucket/p/a AKIDOFROLE"]);
}

#[test]
fn a_login_that_is_over_is_said_to_be_over() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a", "a");
    let session =
        "[sso-session company]\nsso_region = us-east-1\nsso_start_url = https://company.example/start\n";
    let profile =
        "[profile x]\nsso_session = company\nsso_account_id = 123456789012\nsso_role_name = backup\n";
    machine.write(".aws/config", format!("{session}\n{profile}region = us-east-1\n"));
    // The name is the SHA-1 of that of the session.
    let token = r#"{"accessToken": "of-the-login", "expiresAt": "2020-01-01T00:00:00Z", "region": "us-east-1",
        "startUrl": "https://company.example/start"}"#;
    machine.write(".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json", token);
    let mut command = machine.command(&["sync", "home", "s3://bucket/p", "--profile", "x"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let refused = answer(&mut command);
    assert_eq!(refused.code, 6, "{}", refused.stdout);
    assert!(refused.stderr.contains("expired"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("of-the-login"), "{}", refused.stderr);
}
