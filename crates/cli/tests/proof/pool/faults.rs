//! One client is in trouble. The other is staged all the same; of the one, nothing is half there, nothing is acknowledged, the
//! run says why, and when the trouble is over, everything is there.

use super::*;
use redcedar_testing::faults::SmallFileSystem;
use redcedar_testing::sshd;
use redcedar_testing::trees;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Child;
use std::time::{Duration, Instant};

/// A pool with a client that is well and one that will be ill.
struct Clinic {
    master: Master,
    well: Client,
    ill: Client,
    days: Vec<(Day, Snapshot)>,
}

impl Clinic {
    /// Both have been staged on a good day, and have collected on the next one.
    fn new(seed: u64) -> Option<Self> {
        let mut master = Master::new()?;
        "<retries>0</retries>".clone_into(&mut master.stage);
        let well = master.client("well", seed, |_| Access::Free);
        let ill = master.client("ill", seed + 1, |_| Access::Free);
        let mut clinic = Self { master, well, ill, days: Vec::new() };
        clinic.configure(&clinic.master.network.scp());
        clinic.collect(Self::YESTERDAY);
        clinic.master.stage(Self::YESTERDAY, 0);
        clinic.collect(Self::TODAY);
        Some(clinic)
    }

    const YESTERDAY: Day = Day::FIRST;
    const TODAY: Day = Day::FIRST.next();

    fn configure(&self, rcp: &str) {
        self.master.configure(rcp, &[&self.well, &self.ill]);
    }

    /// Lets files of the one who will be ill come at one megabyte a second: its trouble comes half-way.
    fn slow_down(&mut self, options: &str) {
        let scp = self.master.network.scp();
        self.ill.extra = format!("<rcp_command>{scp} -l 8000 {options}</rcp_command>");
        self.configure(&scp);
    }

    /// Lets it come at full speed, by the usual command.
    fn cure(&mut self) {
        self.ill.extra.clear();
        self.configure(&self.master.network.scp());
    }

    /// Both change and collect; one of them has something large.
    fn collect(&mut self, day: Day) {
        self.well.world.change(10);
        self.ill.world.change(10);
        let noise = self.ill.world.rng.bytes(3_000_000);
        fs_err::write(self.ill.world.tree().join("large"), noise).unwrap();
        for client in [&self.well, &self.ill] {
            client.collect(day);
        }
        self.days.push((day, self.ill.world.snapshot()));
    }

    /// Begins to stage and returns when a part of the large file is there.
    fn stage_until_half(&self) -> Child {
        let mut command = program::command(env!("CARGO_BIN_EXE_redcedar"));
        command.env("REDCEDAR_NOW", Self::TODAY.time().replace(' ', "T"));
        command.arg("--config").arg(self.master.pool.config()).args(["run", "stage"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let stage = command.spawn().unwrap();
        let day = self.master.pool.staging_dir().join(Self::TODAY.path());
        let started = Instant::now();
        let is_half = |path: &PathBuf| {
            let is_ill = !path.starts_with(day.join("well"));
            is_ill && fs_err::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.len() > 300_000)
        };
        while !(day.exists() && trees::walk(&day).is_ok_and(|paths| paths.iter().any(is_half))) {
            assert!(started.elapsed() < Duration::from_secs(20), "nothing comes: {}", self.ill.host.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        stage
    }

    /// What the run has to say at last; it must end with `status`.
    #[track_caller]
    fn end(stage: Child, status: i32) -> String {
        let output = stage.wait_with_output().unwrap();
        let said = describe(&output);
        assert_eq!(output.status.code(), Some(status), "{said}");
        said
    }

    /// The one is staged, of the other nothing is half there, and it knows.
    #[track_caller]
    fn assert_one_is_well(&self, said: &str) {
        self.master.assert_staged(&self.well, Self::TODAY);
        let collected = self.ill.world.pool.collect_dir();
        assert!(!collected.join("cback.stage").exists(), "the ill one was told that it was staged\n{said}");
        let staged = self.master.staged(&self.ill, Self::TODAY);
        assert!(!staged.join("cback.collect").exists(), "it counts as staged\n{said}");
        if staged.exists() {
            for name in names(&staged) {
                if name.contains(".tar") || name.contains("manifest") {
                    let same = fs_err::read(staged.join(&name)).unwrap()
                        == fs_err::read(collected.join(&name)).unwrap_or_default();
                    assert!(same, "{name} is half there\n{said}");
                }
            }
        }
        let (before, _) = self.days.split_at(1);
        self.master.assert_restores(&self.ill, before);
    }

    /// The trouble is over: everything of both days is there, and nothing else.
    #[track_caller]
    fn assert_recovers(&mut self) {
        self.cure();
        self.master.stage(Self::TODAY, 0);
        for client in [&self.well, &self.ill] {
            self.master.assert_staged(client, Self::TODAY);
        }
        let day = self.master.pool.staging_dir().join(Self::TODAY.path());
        let left: Vec<_> = names(&day).into_iter().filter(|name| !name.starts_with("cback.")).collect();
        assert_eq!(left, ["ill", "well"]);
        self.master.assert_restores(&self.ill, &self.days);
    }
}

#[test]
fn a_connection_that_is_cut_half_way() {
    let Some(mut clinic) = Clinic::new(301) else { return };
    clinic.slow_down("");
    let stage = clinic.stage_until_half();
    clinic.ill.host.cut();
    let said = Clinic::end(stage, 7);
    assert!(said.contains("ill"), "{said}");
    clinic.assert_one_is_well(&said);
    clinic.assert_recovers();
}

#[test]
fn a_connection_that_is_cut_once_is_made_again() {
    let Some(mut clinic) = Clinic::new(303) else { return };
    "<retries>2</retries>".clone_into(&mut clinic.master.stage);
    clinic.slow_down("");
    let stage = clinic.stage_until_half();
    clinic.ill.host.cut();
    let said = Clinic::end(stage, 0);
    clinic.master.assert_staged(&clinic.ill, Clinic::TODAY);
    assert!(said.contains("ill"), "{said}");
    clinic.assert_recovers();
}

#[test]
fn a_peer_that_hangs_half_way_is_given_up() {
    let Some(mut clinic) = Clinic::new(305) else { return };
    clinic.slow_down("-o ServerAliveInterval=1 -o ServerAliveCountMax=2");
    let stage = clinic.stage_until_half();
    clinic.ill.host.freeze();
    let said = Clinic::end(stage, 7);
    clinic.assert_one_is_well(&said);
    clinic.assert_recovers();
}

#[test]
fn a_peer_that_collects_again_meanwhile() {
    let Some(mut clinic) = Clinic::new(307) else { return };
    clinic.slow_down("");
    let stage = clinic.stage_until_half();
    clinic.ill.world.change(10);
    clinic.ill.collect(Clinic::TODAY);
    let said = Clinic::end(stage, 7);
    clinic.assert_one_is_well(&said);
    clinic.days.pop();
    clinic.days.push((Clinic::TODAY, clinic.ill.world.snapshot()));
    clinic.assert_recovers();
}

#[test]
fn a_host_that_has_another_key_than_yesterday() {
    let Some(clinic) = Clinic::new(309) else { return };
    clinic.master.network.distrust("ill");
    let said = clinic.master.stage(Clinic::TODAY, 7);
    assert!(said.contains("Host key verification failed"), "{said}");
    clinic.assert_one_is_well(&said);
}

#[test]
fn a_full_disk_of_the_master() {
    let Some(small) = SmallFileSystem::mount(30_000) else { return };
    let Some(mut clinic) = Clinic::new(311) else { return };
    let staging = clinic.master.pool.staging_dir();
    let moved = small.path().join("staging");
    program::succeed(program::command("mv").arg(&staging).arg(&moved));
    fs_err::os::unix::fs::symlink(&moved, &staging).unwrap();
    small.fill("filler", 1_500_000);
    // While one fills the disk, it is full for whoever is staged at the same time.
    clinic.master.stage.push_str("<jobs>1</jobs>");
    clinic.configure(&clinic.master.network.scp());
    let said = clinic.master.stage(Clinic::TODAY, 7);
    assert!(said.contains("No space left on device"), "{said}");
    clinic.assert_one_is_well(&said);
    fs_err::remove_file(small.path().join("filler")).unwrap();
    clinic.assert_recovers();
}

#[test]
fn peers_that_say_nothing_or_nonsense() {
    let Some(mut clinic) = Clinic::new(313) else { return };
    let silence = sshd::silence();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let nonsense = sshd::silence();
    clinic.master.network.alias("silent", port(&silence));
    clinic.master.network.alias("mad", port(&nonsense));
    std::thread::spawn(move || {
        for connection in nonsense.incoming() {
            // It may have hung up already.
            connection.unwrap().write_all(&[0x07, 0xff, b'\n', 0x00].repeat(5_000)).ok();
        }
    });
    let impatient = format!("<rcp_command>{} -o ConnectTimeout=2</rcp_command>", clinic.master.network.scp());
    for name in ["silent", "mad", "gone"] {
        clinic.master.stranger(name, "/c".as_ref(), &impatient);
    }
    clinic.cure();
    let said = clinic.master.stage(Clinic::TODAY, 7);
    for client in [&clinic.well, &clinic.ill] {
        clinic.master.assert_staged(client, Clinic::TODAY);
    }
    for name in ["silent", "mad", "gone"] {
        assert!(said.contains(name), "{name}: {said}");
    }
}

mod slow {
    use super::*;

    #[test]
    fn a_peer_that_takes_longer_than_it_may_is_given_up() {
        let Some(mut clinic) = Clinic::new(315) else { return };
        "<retries>0</retries><peer_time_limit>1</peer_time_limit>".clone_into(&mut clinic.master.stage);
        clinic.slow_down("");
        let started = Instant::now();
        let stage = clinic.stage_until_half();
        clinic.ill.host.freeze();
        let said = Clinic::end(stage, 7);
        assert!(started.elapsed() < Duration::from_secs(90), "{said}");
        clinic.assert_one_is_well(&said);
        clinic.assert_recovers();
    }
}
