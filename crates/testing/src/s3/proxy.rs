//! Whoever stands between client and server, and does not always pass on what is said.

use super::http::{self, Request, Response};
use super::{Server, free_port};
use std::io::BufReader;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Asks the server.
type Forward<'a> = &'a dyn Fn(&Request) -> Response;

type Fault = dyn Fn(&mut Request, Forward<'_>) -> Option<Response> + Send + Sync;

/// A proxy in front of a [`Server`], which must live longer.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    server: u16,
    fault: Box<Fault>,
    is_over: AtomicBool,
    asked: Mutex<Vec<String>>,
}

impl Proxy {
    /// Listens. `fault` is given every request: it may change it, have it answered by the server, change the answer or make one
    /// up, or cut the connection by answering nothing.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(
        server: &Server,
        fault: impl Fn(&mut Request, Forward<'_>) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let (is_over, asked) = (AtomicBool::new(false), Mutex::default());
        let shared = Arc::new(Shared { server: server.port(), fault: Box::new(fault), is_over, asked });
        let own = Arc::clone(&shared);
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let own = Arc::clone(&own);
                if let Ok(stream) = stream {
                    std::thread::spawn(move || own.serve(&stream));
                }
            }
        });
        Self { port, shared, listening: Some(listening) }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What tells the AWS CLI and us where it is.
    pub fn environment(&self, command: &mut Command) {
        super::Login::new(self.port, super::KEY, super::KEY).environment(command);
    }

    /// What was asked so far: methods and paths.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests were asked of this method.
    pub fn count(&self, method: &str) -> usize {
        self.asked().iter().filter(|asked| asked.starts_with(&format!("{method} "))).count()
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        let Ok(reading) = stream.try_clone() else { return };
        let mut reader = BufReader::new(reading);
        while let Ok(Some(mut request)) = http::read_request(&mut reader) {
            let asked = format!("{} {}", request.method, request.path);
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
            let forward = |request: &Request| {
                http::forward(self.server, request).unwrap_or_else(|| Response::error(502, "Gone"))
            };
            let answer = (self.fault)(&mut request, &forward);
            let written = answer.map(|answer| http::write_response(stream, &request, &answer));
            if !matches!(written, Some(Ok(()))) {
                break;
            }
        }
        let _already_closed = stream.shutdown(Shutdown::Both);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Somebody has to knock so that it wakes up.
        drop(super::connect(self.port));
        let ended = self.listening.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()), "the proxy failed");
    }
}
