//! What is looked at, and what was found.

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The user who talks to peers is there, with a home and a key.
    BackupUser,
    /// The name of the peer leads somewhere.
    HostName,
    /// Something answers there.
    Port,
    /// It is known to be the right one.
    HostKey,
    /// It lets us in.
    Login,
    /// The copy command works, to the far side and back.
    CopyProgram,
    /// The collect directory is there, can be read, and takes our indicator.
    CollectDirectory,
    /// Something was collected, not long ago.
    Indicator,
    /// There is space for the next collect.
    SpaceThere,
    /// There is space for what was collected.
    SpaceHere,
    /// The program that runs actions there.
    Program,
    /// The two machines agree about the time.
    Clock,
}

impl Step {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::BackupUser => "backup user",
            Self::HostName => "host name",
            Self::Port => "port",
            Self::HostKey => "host key",
            Self::Login => "login",
            Self::CopyProgram => "copy program",
            Self::CollectDirectory => "collect directory",
            Self::Indicator => "indicator",
            Self::SpaceThere => "space there",
            Self::SpaceHere => "space here",
            Self::Program => "program there",
            Self::Clock => "clock",
        }
    }
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is as it should be.
    Ok,
    /// Somebody should look at it.
    Warning,
    /// It is in the way of staging.
    Failed,
    /// It could not be looked at; the reason is in the detail.
    Skipped,
}

/// What was found at one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub step: Step,
    /// How it went.
    pub status: Status,
    /// What was seen, in one line.
    pub detail: String,
    /// The command that mends it.
    pub mend: Option<String>,
}

impl Finding {
    pub(super) fn new(step: Step, status: Status, detail: impl Into<String>) -> Self {
        Self { step, status, detail: detail.into(), mend: None }
    }

    pub(super) fn ok(step: Step, detail: impl Into<String>) -> Self {
        Self::new(step, Status::Ok, detail)
    }

    pub(super) fn warning(step: Step, detail: impl Into<String>) -> Self {
        Self::new(step, Status::Warning, detail)
    }

    /// Whoever reads of a failure is told what mends it.
    pub(super) fn failed(step: Step, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(step, Status::Failed, detail).mend(mend)
    }

    pub(super) fn skipped(step: Step, detail: impl Into<String>) -> Self {
        Self::new(step, Status::Skipped, detail)
    }

    pub(super) fn mend(mut self, command: impl Into<String>) -> Self {
        self.mend = Some(command.into());
        self
    }
}

/// All that was found about one peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerReport {
    /// The peer.
    pub peer: String,
    /// `user@host`, for one on another machine.
    pub address: Option<String>,
    /// One finding for each step that there is for such a peer.
    pub findings: Vec<Finding>,
}

impl PeerReport {
    /// Whether anything is in the way of staging.
    pub fn has_failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.status == Status::Failed)
    }
}
