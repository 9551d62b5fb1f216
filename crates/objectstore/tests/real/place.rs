//! A directory, a bucket, and what both have in common.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_objectstore::sync::{Change, Filter, Outcome, Request, SyncError, sync};
use redcedar_objectstore::{Access, Address, Bucket, Key};
use redcedar_system::clock::FixedClock;
use redcedar_system::fake::RecordingMonitor;
use redcedar_system::{Environment, System};
use redcedar_testing::s3::{BUCKET, KEY, Proxy, Request as Asked, Response, Server};

/// A source, a server and what is kept between runs.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) root: tempfile::TempDir,
    pub(crate) system: System,
    pub(crate) monitor: Arc<RecordingMonitor>,
}

/// What a run came to, and what it told.
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) told: Vec<String>,
}

impl Place {
    /// Nothing where this cannot be tested.
    pub(crate) fn new() -> Option<Self> {
        let server = Server::required()?;
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("source")).unwrap();
        // Far behind everything that the test does: nothing happens within the tick of the clock.
        let (mut system, monitor) = redcedar_system::fake::system("2000-01-01T00:00:00");
        system.clock = Arc::new(FixedClock::parse("2100-01-01T00:00:00").unwrap());
        Some(Self { server, root, system, monitor })
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.root.path().join("source")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.source().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, content).unwrap();
        path
    }

    pub(crate) fn remove(&self, name: &str) {
        fs_err::remove_file(self.source().join(name)).unwrap();
    }

    /// Files `f00` and so on, of which each has its name for its content.
    pub(crate) fn write_many(&self, count: usize) {
        for number in 0..count {
            let name = format!("f{number:04}");
            self.write(&name, &name);
        }
    }

    pub(crate) fn bucket(&self) -> Bucket {
        self.bucket_at(&self.server.url())
    }

    pub(crate) fn bucket_at(&self, url: &str) -> Bucket {
        let access = Access {
            endpoint: Some(url.to_owned()),
            region: Some("us-east-1".to_owned()),
            profile: None,
            key: Some(Key { id: KEY.to_owned(), secret: KEY.to_owned() }),
        };
        let environment = Environment::default();
        Bucket::connect(BUCKET, &access, &environment, &*self.monitor, &self.system.interrupt).unwrap()
    }

    /// A proxy in front of the server.
    pub(crate) fn proxy(
        &self,
        fault: impl Fn(&mut Asked, &dyn Fn(&Asked) -> Response) -> Option<Response> + Send + Sync + 'static,
    ) -> Proxy {
        Proxy::start(&self.server, fault)
    }

    /// Keeps `p/` equal to the source, deletions included.
    pub(crate) fn sync(&self) -> Ran {
        self.try_sync_at(&self.server.url(), |_| {}).unwrap()
    }

    pub(crate) fn sync_with(&self, change: impl FnOnce(&mut Request<'_>)) -> Ran {
        self.try_sync_at(&self.server.url(), change).unwrap()
    }

    pub(crate) fn try_sync_at(
        &self,
        url: &str,
        change: impl FnOnce(&mut Request<'_>),
    ) -> Result<Ran, SyncError> {
        let (source, state) = (self.source(), self.root.path().join("state"));
        let (target, filter) = (Address::new(BUCKET, "p"), Filter::default());
        let mut request = Request {
            source: &source,
            target: &target,
            acts: true,
            delete: true,
            limit: None,
            filter: &filter,
            links: redcedar_objectstore::sync::Links::Follow,
            reread: false,
            attributes: redcedar_objectstore::Attributes::default(),
            state: Some(&state),
        };
        change(&mut request);
        let mut told = Vec::new();
        let mut hear = |change: Change, name: &str, _size: u64| told.push(format!("{change:?} {name}"));
        let outcome = sync(&self.bucket_at(url), &request, &self.system, &mut hear)?;
        Ok(Ran { outcome, told })
    }

    /// The keys below `p/`, without it.
    pub(crate) fn names(&self) -> Vec<String> {
        let keys = self.server.keys();
        keys.iter().filter_map(|key| key.strip_prefix("p/")).map(str::to_owned).collect()
    }

    pub(crate) fn object(&self, name: &str) -> Option<String> {
        self.server.object(&format!("p/{name}")).map(|content| String::from_utf8(content).unwrap())
    }
}

/// Gives a file the times of another.
pub(crate) fn set_modified(path: &Path, seconds: i64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.unsigned_abs());
    let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
    file.file().set_modified(time).unwrap();
}
