//! A wire between client and server that breaks, or falls silent.

use super::{Server, connect, free_port};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Whose bytes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// What the client sends.
    Client,
    /// What the server answers.
    Server,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It breaks.
    Cut,
    /// Nothing comes through any more, and nobody says so.
    Silence,
}

/// When what happens.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Whose bytes are counted.
    pub from: Whose,
    /// As soon as so many have come through one connection.
    pub after: u64,
    /// This happens to it.
    pub trouble: Trouble,
    /// To so many connections, and to no more of them.
    pub times: i64,
}

/// A wire to a [`Server`], which must live longer. It knows nothing of what goes through it.
pub struct Wire {
    port: u16,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    server: u16,
    plan: Plan,
    /// How many connections are still to have trouble.
    left: AtomicI64,
    is_over: AtomicBool,
}

impl Wire {
    /// Listens.
    ///
    /// # Panics
    /// When it cannot.
    pub fn start(server: &Server, plan: Plan) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let (left, is_over) = (AtomicI64::new(plan.times), AtomicBool::new(false));
        let shared = Arc::new(Shared { server: server.port(), plan, left, is_over });
        let own = Arc::clone(&shared);
        let listening = std::thread::spawn(move || {
            for client in listener.incoming() {
                if own.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let server = connect(own.server);
                if let (Ok(client), Some(server)) = (client, server) {
                    own.join(&client, &server);
                }
            }
        });
        Self { port, shared, listening: Some(listening) }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many connections have had trouble.
    pub fn troubles(&self) -> i64 {
        self.shared.plan.times - self.shared.left.load(Ordering::SeqCst).max(0)
    }
}

impl Shared {
    fn join(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) {
        for (from, source, sink) in [(Whose::Client, client, server), (Whose::Server, server, client)] {
            let (Ok(source), Ok(sink)) = (source.try_clone(), sink.try_clone()) else { return };
            let own = Arc::clone(self);
            std::thread::spawn(move || own.pump(from, source, sink));
        }
    }

    fn pump(&self, from: Whose, mut source: TcpStream, mut sink: TcpStream) {
        let (mut buffer, mut passed) = (vec![0; 1 << 16], 0);
        while let Ok(read @ 1..) = source.read(&mut buffer) {
            passed += read as u64;
            if from == self.plan.from && passed > self.plan.after && self.is_due() {
                self.wait_if_silent();
                break;
            }
            if sink.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        for stream in [source, sink] {
            let _already_closed = stream.shutdown(Shutdown::Both);
        }
    }

    fn is_due(&self) -> bool {
        self.left.fetch_sub(1, Ordering::SeqCst) > 0
    }

    fn wait_if_silent(&self) {
        while self.plan.trouble == Trouble::Silence && !self.is_over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Somebody has to knock so that it wakes up.
        drop(connect(self.port));
        let ended = self.listening.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()), "the wire failed");
    }
}
