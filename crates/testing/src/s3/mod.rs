//! A real server of S3, on loopback, that ends with the value; and a proxy in front of it, for everything that goes wrong between
//! client and server.

mod ceph;
mod daemon;
mod garage;
mod http;
mod proxy;
mod strict;
mod wire;

use crate::program;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use ceph::Ceph;
pub use garage::Garage;
pub use http::{Request, Response, encode};
pub use proxy::Proxy;
pub use strict::Strict;
pub use wire::{Plan, Trouble, Whose, Wire};

/// The bucket that is there.
pub const BUCKET: &str = "bucket";
/// The id of a key that the server knows.
pub const KEY: &str = "testing";
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// MiniStack: everything is in its memory. It checks every checksum and no signature.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// A server with an empty bucket; none after having said aloud that this cannot be tested here.
    ///
    /// # Panics
    /// When it cannot be started, or is missing where everything must be there (`CI` is set).
    pub fn required() -> Option<Self> {
        match find() {
            Ok(ministack) => Some(Self::start(&ministack)),
            Err(why) => {
                program::cannot_test("S3", &why);
                None
            }
        }
    }

    fn start(ministack: &Path) -> Self {
        let port = free_port();
        let mut command = program::command(ministack);
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string()).env("SERVICES", "s3");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("MiniStack can be started");
        let server = Self { child, port };
        let started = Instant::now();
        while server
            .ask(&Request::new("PUT", &format!("/{BUCKET}"), b""))
            .is_none_or(|answer| answer.status != 200)
        {
            assert!(started.elapsed() < PATIENCE, "MiniStack does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Asks it something; nothing when it does not answer.
    pub fn ask(&self, request: &Request) -> Option<Response> {
        http::forward(self.port, request)
    }

    /// The content of an object.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        let answer = self.ask(&Request::new("GET", &format!("/{BUCKET}/{}", http::encode(key)), b""))?;
        (answer.status == 200).then_some(answer.body)
    }

    /// Stores an object, as somebody else would.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn store(&self, key: &str, content: &[u8]) {
        let request = Request::new("PUT", &format!("/{BUCKET}/{}", http::encode(key)), content);
        assert_eq!(self.ask(&request).map(|answer| answer.status), Some(200), "{key} cannot be stored");
    }

    /// All keys, in their order.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after =
                keys.last().map(|key| format!("&start-after={}", http::encode(key))).unwrap_or_default();
            let path = format!("/{BUCKET}?list-type=2&encoding-type=url{after}");
            let answer = self.ask(&Request::new("GET", &path, b"")).expect("the server answers");
            let text = String::from_utf8(answer.body).expect("listings are UTF-8");
            let found: Vec<_> =
                text.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>")).collect();
            if found.is_empty() {
                return keys;
            }
            keys.extend(found.iter().map(|(key, _)| http::decode(key)));
        }
    }

    /// The way to it.
    pub fn login(&self) -> Login {
        Login::new(self.port, KEY, KEY)
    }

    /// What tells the AWS CLI and us where it is.
    pub fn environment(&self, command: &mut Command) {
        self.login().environment(command);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        assert!(std::thread::panicking() || ended.is_ok(), "MiniStack does not end");
    }
}

/// Where a server is, and as whom it is asked.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its URL.
    pub url: String,
    /// The id of a key.
    pub id: String,
    /// The secret of the key.
    pub secret: String,
}

impl Login {
    fn new(port: u16, id: &str, secret: &str) -> Self {
        Self { url: format!("http://127.0.0.1:{port}"), id: id.to_owned(), secret: secret.to_owned() }
    }

    /// What tells the AWS CLI and us to use this server, with this key, and nothing else.
    pub fn environment(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", &self.id)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
    }
}

/// Where `./check` installs it, if `REDCEDAR_MINISTACK` does not say.
fn find() -> Result<PathBuf, String> {
    if let Some(path) = program::variable("REDCEDAR_MINISTACK") {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!("REDCEDAR_MINISTACK names {}, which is not there", path.display()))
        };
    }
    program::variable("HOME")
        .map(|home| PathBuf::from(home).join(".cache/redcedar-s3/bin/ministack"))
        .filter(|path| path.is_file())
        .ok_or_else(|| "MiniStack is not installed; ./check installs it".to_owned())
}

/// The AWS CLI, where `./check` installs it.
pub fn aws() -> Option<PathBuf> {
    let home = program::variable("HOME")?;
    Some(PathBuf::from(home).join(".cache/redcedar-s3/aws/bin/aws")).filter(|path| path.is_file())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

fn connect(port: u16) -> Option<TcpStream> {
    TcpStream::connect(("127.0.0.1", port)).ok()
}
