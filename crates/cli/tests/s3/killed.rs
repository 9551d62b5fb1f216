//! The machine stops in the middle of what it does with a bucket. What was there is whole, and the next run completes it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use redcedar_testing::rng::Rng;
use redcedar_testing::s3::{Proxy, Request, Response};
use rustix::process::{Pid, Signal, kill_process};

use super::amazons3;
use super::machine::{Machine, answer};

/// Contents by their names.
type Tree = BTreeMap<String, Vec<u8>>;

/// Before and after: most files are the same, some are changed, some are new, some are gone, and one is sent in parts.
fn trees() -> (Tree, Tree) {
    let content = |number: usize, what: &str| format!("{number} {what}").repeat(50).into_bytes();
    let before: Tree =
        (0..20).map(|number| (format!("d{}/f{number}", number % 3), content(number, "old"))).collect();
    let mut after: Tree =
        before.iter().skip(4).map(|(name, content)| (name.clone(), content.clone())).collect();
    for (number, (_, old)) in after.iter_mut().enumerate().take(6) {
        *old = content(number, "new");
    }
    after.insert("e/new".to_owned(), content(99, "new"));
    after.insert("large".to_owned(), Rng::new(5).bytes((5 << 20) + 1000));
    (before, after)
}

fn write(machine: &Machine, directory: &str, tree: &Tree) {
    let path = machine.path(directory);
    if path.exists() {
        fs_err::remove_dir_all(path).unwrap();
    }
    for (name, content) in tree {
        machine.write(&format!("{directory}/{name}"), content);
    }
}

fn read(directory: &Path) -> Tree {
    let (mut tree, mut left) = (Tree::new(), vec![directory.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                tree.insert(name, fs_err::read(path).unwrap());
            }
        }
    }
    tree
}

fn objects(machine: &Machine, prefix: &str) -> Tree {
    let object = |name: String| {
        let content = machine.server.object(&format!("{prefix}{name}")).unwrap();
        (name, content)
    };
    machine.names(prefix).into_iter().map(object).collect()
}

/// Everything is as it was before or as it is to be, and what is to stay is there.
fn assert_whole(at: usize, found: &Tree, before: &Tree, after: &Tree) {
    for (name, content) in found {
        let is_whole = before.get(name) == Some(content) || after.get(name) == Some(content);
        assert!(is_whole, "{at}: {name} is torn: {} bytes", content.len());
    }
    let is_lost = |name: &&String| after.contains_key(*name) && !found.contains_key(*name);
    let lost: Vec<_> = before.keys().filter(is_lost).collect();
    assert!(lost.is_empty(), "{at}: lost {lost:?}");
}

/// Ends a process that we started, and all that it started.
fn kill(process: u32) {
    let children = fs_err::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let pid = Pid::from_raw(process.cast_signed()).unwrap();
    // It may be gone by now.
    let _gone = kill_process(pid, Signal::KILL);
    for child in children.unwrap_or_default().split_whitespace() {
        kill(child.parse().unwrap());
    }
}

/// A machine that sees its server through a proxy.
struct Scene {
    machine: Machine,
    proxy: Proxy,
    trap: Arc<Trap>,
}

/// Who is killed, and when.
#[derive(Default)]
struct Trap {
    /// The request at which it happens; 0: none.
    at: AtomicUsize,
    asked: AtomicUsize,
    victim: AtomicU32,
}

impl Trap {
    fn answer(&self, request: &Request, forward: &dyn Fn(&Request) -> Response) -> Option<Response> {
        let (number, at) = (self.asked.fetch_add(1, Ordering::SeqCst) + 1, self.at.load(Ordering::SeqCst));
        if number != at {
            return Some(forward(request));
        }
        // The server gets it, or not.
        if at.is_multiple_of(2) {
            forward(request);
        }
        while self.victim.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(self.victim.load(Ordering::SeqCst));
        None
    }
}

impl Scene {
    fn new() -> Option<Self> {
        let machine = Machine::new()?;
        machine.write(
            ".aws/config",
            "[default]\ns3 =\n  multipart_threshold = 1MB\n  multipart_chunksize = 5MB\n",
        );
        let trap = Arc::new(Trap::default());
        let own = Arc::clone(&trap);
        let proxy = Proxy::start(&machine.server, move |request, forward| own.answer(request, forward));
        Some(Self { machine, proxy, trap })
    }

    fn command(&self, day: u32, words: &[&str]) -> Command {
        let mut command = self.machine.command(words);
        self.proxy.environment(&mut command);
        command.env("REDCEDAR_NOW", format!("2026-11-{day}T03:00:00"));
        command
    }

    /// Runs a command, which must succeed.
    fn succeed(&self, day: u32, words: &[&str]) {
        let answer = answer(&mut self.command(day, words));
        assert_eq!(answer.code, 0, "{:?}: {answer:?}", self.trap.at);
    }

    /// Kills a command when it makes its request `at`. Says whether it came so far.
    fn kill_at(&self, at: usize, day: u32, words: &[&str]) -> bool {
        self.trap.victim.store(0, Ordering::SeqCst);
        self.trap.asked.store(0, Ordering::SeqCst);
        self.trap.at.store(at, Ordering::SeqCst);
        let mut command = self.command(day, words);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.trap.victim.store(child.id(), Ordering::SeqCst);
        child.wait().unwrap();
        self.trap.at.store(0, Ordering::SeqCst);
        self.trap.asked.load(Ordering::SeqCst) >= at
    }
}

fn uploads(machine: &Machine) -> usize {
    let answer = machine.server.ask(&Request::new("GET", "/bucket?uploads", b"")).unwrap();
    String::from_utf8(answer.body).unwrap().matches("<UploadId>").count()
}

/// Kills a run that sends at each of some requests. Says whether the last was made.
fn sends(points: &[usize]) -> Option<bool> {
    let scene = Scene::new()?;
    let machine = &scene.machine;
    let (before, after) = trees();
    let mut reached = true;
    for &at in points {
        let target = &format!("s3://bucket/p{at}");
        let words = ["sync", "home", target, "--delete"];
        write(machine, "home", &before);
        scene.succeed(23, &words);
        write(machine, "home", &after);
        reached = scene.kill_at(at, 24, &words);
        let found = objects(machine, &format!("p{at}/"));
        assert_whole(at, &found, &before, &after);
        if before.keys().any(|name| !found.contains_key(name)) {
            let is_there = |(name, content)| found.get(name) == Some(content);
            assert!(after.iter().all(is_there), "{at}: deleted too early");
        }
        scene.succeed(24, &words);
        assert!(objects(machine, &format!("p{at}/")) == after, "{at}");
        assert_eq!(uploads(machine), 0, "{at}: parts are left");
    }
    Some(reached)
}

/// The same for a run that fetches.
fn fetches(points: &[usize]) -> Option<bool> {
    let scene = Scene::new()?;
    let machine = &scene.machine;
    let (before, after) = trees();
    write(machine, "source", &after);
    scene.succeed(23, &["sync", "source", "s3://bucket/p"]);
    let is_left_over =
        |name: &String| name.rsplit('/').next().is_some_and(|name| name.starts_with(".redcedar-"));
    let mut reached = true;
    for &at in points {
        write(machine, "home", &before);
        let words = ["sync", "s3://bucket/p", "home", "--delete"];
        reached = scene.kill_at(at, 24, &words);
        let mut found = read(&machine.path("home"));
        found.retain(|name, _| !is_left_over(name));
        assert_whole(at, &found, &before, &after);
        scene.succeed(24, &words[..3]);
        let found = read(&machine.path("home"));
        let left: Vec<_> = found.keys().filter(|name| is_left_over(name)).collect();
        assert!(left.is_empty(), "{at}: {left:?} stays");
        assert!(after.iter().all(|(name, content)| found.get(name) == Some(content)), "{at}");
        scene.succeed(24, &words);
        assert!(read(&machine.path("home")) == after, "{at}");
    }
    Some(reached)
}

/// The same for a backup into a bucket.
fn backs_up(points: &[usize]) -> Option<bool> {
    let scene = Scene::new()?;
    let machine = &scene.machine;
    let (before, after) = trees();
    let home = machine.path("home");
    let mut reached = true;
    for &at in points {
        let place = &format!("s3://bucket/b{at}");
        let words = ["backup", home.to_str().unwrap(), "--to", place];
        write(machine, "home", &before);
        scene.succeed(23, &words);
        write(machine, "home", &after);
        reached = scene.kill_at(at, 24, &words);
        let assert_restored = |as_of: &str, wanted: &Tree| {
            scene.succeed(24, &["restore", "--from", place, "--to", "restored", "--as-of", as_of]);
            let restored = machine.path("restored");
            assert!(read(&restored.join(home.strip_prefix("/").unwrap())) == *wanted, "{at}: {as_of}");
            fs_err::remove_dir_all(restored).unwrap();
        };
        assert_restored("2026-11-23", &before);
        scene.succeed(24, &words);
        scene.succeed(24, &["verify", "--from", place]);
        assert_restored("2026-11-23", &before);
        assert_restored("2026-11-24", &after);
        assert_eq!(uploads(machine), 0, "{at}: parts are left");
    }
    Some(reached)
}

/// The same for a staged day.
fn stages(points: &[usize]) -> Option<bool> {
    let scene = Scene::new()?;
    let machine = &scene.machine;
    let (before, after) = trees();
    let words = ["--config", "cback3.conf", "run", "amazons3"];
    let mut reached = true;
    for &at in points {
        amazons3::configure(machine, "cback3.conf", "", &format!("<s3_bucket>bucket/a{at}</s3_bucket>"));
        let prefix = format!("a{at}/2026/11/24/");
        let stage = |tree: &Tree| {
            let day = machine.path("stage/2026/11/24");
            if day.exists() {
                fs_err::remove_dir_all(day).unwrap();
            }
            let files: Vec<_> = tree.iter().map(|(name, content)| (name.as_str(), content)).collect();
            amazons3::stage(machine, 24, &files);
        };
        stage(&before);
        scene.succeed(24, &words);
        stage(&after);
        reached = scene.kill_at(at, 24, &words);
        let found = objects(machine, &prefix);
        assert_whole(at, &found, &before, &after);
        assert!(!amazons3::is_sent(machine, 24) || found == after, "{at}: it is said to be sent");
        scene.succeed(24, &words);
        assert!(amazons3::is_sent(machine, 24));
        assert!(objects(machine, &prefix) == after, "{at}");
        assert_eq!(uploads(machine), 0, "{at}: parts are left");
    }
    Some(reached)
}

type Rounds = fn(&[usize]) -> Option<bool>;

/// Kills at some requests that differ from test to test.
fn some(rounds: Rounds, seed: u64, below: u64) {
    let mut rng = Rng::new(seed);
    let points: Vec<usize> = (0..2).map(|_| 1 + usize::try_from(rng.below(below)).unwrap()).collect();
    rounds(&points);
}

#[test]
fn a_bucket_survives_a_run_that_is_killed_while_it_sends() {
    some(sends, 1, 14);
}

#[test]
fn a_directory_survives_a_run_that_is_killed_while_it_fetches() {
    some(fetches, 2, 12);
}

#[test]
fn backups_survive_one_that_is_killed() {
    some(backs_up, 3, 16);
}

#[test]
fn a_staged_day_survives_a_run_that_is_killed_while_it_is_sent() {
    some(stages, 4, 14);
}

mod slow {
    use super::*;

    /// Kills at each request, until there are no more of them.
    fn all(rounds: Rounds) {
        for at in 1..200 {
            match rounds(&[at]) {
                Some(true) => {}
                Some(false) => {
                    assert!(at > 5, "it made {at} requests");
                    return;
                }
                None => return,
            }
        }
        panic!("there is no end to it");
    }

    #[test]
    fn a_bucket_survives_being_killed_at_any_request() {
        all(sends);
    }

    #[test]
    fn a_directory_survives_being_killed_at_any_request() {
        all(fetches);
    }

    #[test]
    fn backups_survive_being_killed_at_any_request() {
        all(backs_up);
    }

    #[test]
    fn a_staged_day_survives_being_killed_at_any_request() {
        all(stages);
    }
}
