//! How a server is reached: through proxies, by TLS, as whoever a profile says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redcedar_testing::program;
use redcedar_testing::s3::{Proxy, Response};

use super::machine::{Machine, answer};

/// A server that nobody finds but by a proxy.
const ELSEWHERE: &str = "http://store.invalid";
/// What ends TLS in front of a server.
const TLS: &str = r#"
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for side in source, target:
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
def serve(stream):
    try:
        stream = context.wrap_socket(stream, server_side=True)
        behind = socket.create_connection(("127.0.0.1", int(sys.argv[3])))
    except OSError:
        return
    threading.Thread(target=copy, args=(stream, behind), daemon=True).start()
    copy(behind, stream)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

/// A server of TLS in front of that of the machine, which ends with the value.
struct Tls {
    child: Child,
    port: u16,
}

impl Tls {
    /// With a certificate of its own, `cert.pem`; nothing where that cannot be made.
    fn start(machine: &Machine) -> Option<Self> {
        let (Some(openssl), Some(python)) = (program::find("openssl"), program::find("python3")) else {
            program::cannot_test("TLS", "openssl or python3 is not installed");
            return None;
        };
        let (cert, key) = (machine.path("cert.pem"), machine.path("key.pem"));
        let mut command = program::command(openssl);
        command.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' '));
        command.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.arg("-keyout").arg(&key).arg("-out").arg(&cert);
        program::succeed(&mut command);
        let mut command = program::command(python);
        command.args(["-c", TLS]).arg(&cert).arg(&key).arg(machine.server.port().to_string());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Self { child, port: line.trim().parse().unwrap() })
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A proxy that lets through what is encrypted, and counts how often. It ends with the test.
fn tunnel() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let count = Arc::new(AtomicUsize::new(0));
    let own = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let own = Arc::clone(&own);
            std::thread::spawn(move || connect(stream, &own));
        }
    });
    (url, count)
}

fn connect(mut stream: TcpStream, count: &AtomicUsize) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let place = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    count.fetch_add(1, Ordering::SeqCst);
    // The name means nothing to anybody but us.
    let mut behind = TcpStream::connect(place.replace("store.invalid", "127.0.0.1")).ok()?;
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
    let (mut from, mut to) = (stream.try_clone().ok()?, behind.try_clone().ok()?);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
    });
    drop(std::io::copy(&mut behind, &mut stream));
    stream.shutdown(Shutdown::Both).ok()
}

/// `redcedar` with more in its environment.
fn sync_with(machine: &Machine, variables: &[(&str, &str)]) -> super::machine::Answer {
    let mut command: Command = machine.command(&["sync", "home", "s3://bucket/p", "--checksum"]);
    command.envs(variables.iter().copied());
    answer(&mut command)
}

#[test]
fn what_is_not_encrypted_goes_through_the_proxy_of_the_environment_unless_its_host_is_excepted() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a", "a");
    let proxy = Proxy::start(&machine.server, |request, forward| {
        let Some(path) = request.path.strip_prefix(ELSEWHERE) else {
            return Some(Response::error(400, "NotThroughProxy"));
        };
        request.path = path.to_owned();
        Some(forward(request))
    });
    let url = proxy.url();
    let sent = sync_with(&machine, &[("AWS_ENDPOINT_URL", ELSEWHERE), ("HTTP_PROXY", &url)]);
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    assert!(proxy.count("PUT") == 1 && machine.names("p/") == ["a"], "{:?}", proxy.asked());
    let excepted =
        sync_with(&machine, &[("HTTP_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "127.0.0.1,x.example")]);
    assert_eq!(excepted.code, 0, "{}", excepted.stderr);
}

#[test]
fn only_a_server_whose_certificate_is_in_the_bundle_is_believed() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a", "a");
    let Some(tls) = Tls::start(&machine) else { return };
    let url = tls.url();
    let bundle = machine.path("cert.pem").display().to_string();
    let sent = sync_with(&machine, &[("AWS_ENDPOINT_URL", &url), ("AWS_CA_BUNDLE", &bundle)]);
    assert_eq!((sent.code, machine.names("p/")), (0, vec!["a".to_owned()]), "{}", sent.stderr);
    let unknown = sync_with(&machine, &[("AWS_ENDPOINT_URL", &url), ("AWS_MAX_ATTEMPTS", "1")]);
    assert_eq!(unknown.code, 6);
    assert!(unknown.stderr.to_lowercase().contains("certificate"), "{}", unknown.stderr);
    let absent = sync_with(&machine, &[("AWS_ENDPOINT_URL", &url), ("AWS_CA_BUNDLE", "/nonexistent.pem")]);
    assert!(absent.code == 6 && absent.stderr.contains("/nonexistent.pem"), "{}", absent.stderr);
}

#[test]
fn what_is_encrypted_goes_through_a_tunnel_that_the_proxy_makes() {
    let Some(machine) = Machine::new() else { return };
    machine.write("home/a", "a");
    let Some(tls) = Tls::start(&machine) else { return };
    let bundle = machine.path("cert.pem").display().to_string();
    let (proxy, count) = tunnel();
    let url = tls.url();
    let through = [("AWS_CA_BUNDLE", bundle.as_str()), ("HTTPS_PROXY", &proxy), ("AWS_MAX_ATTEMPTS", "1")];
    let sent = sync_with(&machine, &[&through[..], &[("AWS_ENDPOINT_URL", &url)]].concat());
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    assert!(count.load(Ordering::SeqCst) > 0);
    // Whom the proxy leads to has to prove who he is.
    let elsewhere = format!("https://store.invalid:{}", tls.port);
    let refused = sync_with(&machine, &[&through[..], &[("AWS_ENDPOINT_URL", &elsewhere)]].concat());
    assert!(refused.code == 6 && refused.stderr.to_lowercase().contains("certificate"), "{}", refused.stderr);
}
