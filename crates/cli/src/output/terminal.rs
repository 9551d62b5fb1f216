//! The monitor of the modern command line: messages and progress on standard error, everything also in the log file.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use redcedar_system::escape;
use redcedar_system::monitor::{Level, Monitor, Progress};

use super::progress::describe;
use super::style::Style;
use crate::logging::Log;

/// How often a progress bar is drawn.
const BAR_PERIOD: Duration = Duration::from_millis(100);
/// How often a line is printed where there is no terminal.
const LINE_PERIOD: Duration = Duration::from_secs(10);

/// When to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ProgressMode {
    /// When standard error is a terminal
    #[default]
    Auto,
    /// Also without a terminal: a line every ten seconds
    Always,
    /// Not at all
    Never,
}

/// How a [`Terminal`] behaves.
pub(crate) struct TerminalOptions {
    /// The lowest level that is shown.
    pub(crate) threshold: Level,
    pub(crate) progress: ProgressMode,
    /// Whether standard error is a terminal.
    pub(crate) is_terminal: bool,
    /// Whether to use colours on standard error.
    pub(crate) colored: bool,
    /// Hears everything too.
    pub(crate) log: Option<Log>,
}

/// Standard error.
pub(crate) struct Terminal {
    threshold: Level,
    colored: bool,
    display: Display,
    task: Mutex<Task>,
    log: Option<Log>,
}

enum Display {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

struct Task {
    title: String,
    started: Instant,
    shown: Option<Instant>,
}

impl Terminal {
    pub(crate) fn new(options: TerminalOptions) -> Self {
        let display = match (options.progress, options.is_terminal) {
            (ProgressMode::Never, _) | (ProgressMode::Auto, false) => Display::Nothing,
            (ProgressMode::Always, false) => Display::Lines,
            (_, true) => Display::Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())),
        };
        Self {
            threshold: options.threshold,
            colored: options.colored,
            display,
            task: Mutex::new(Task { title: String::new(), started: Instant::now(), shown: None }),
            log: options.log,
        }
    }

    /// Takes the progress bar away, before results are printed.
    pub(crate) fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    /// Prints a line of our own, not one of the library's.
    pub(crate) fn print(&self, line: &str) {
        match &self.display {
            Display::Bar(bar) => bar.suspend(|| write_line(line)),
            Display::Nothing | Display::Lines => write_line(line),
        }
    }

    fn show(&self, progress: &Progress, path: Option<&Path>) {
        let period = match &self.display {
            Display::Nothing => return,
            Display::Lines => LINE_PERIOD,
            Display::Bar(_) => BAR_PERIOD,
        };
        // Another thread is showing progress right now.
        let Ok(mut task) = self.task.try_lock() else { return };
        let now = Instant::now();
        let due = task.shown.unwrap_or(task.started) + period;
        if now < due {
            return;
        }
        task.shown = Some(now);
        let text = describe(progress, now - task.started);
        match &self.display {
            Display::Nothing => {}
            Display::Lines => write_line(&format!("{}: {text}", task.title)),
            Display::Bar(bar) => {
                bar.set_length(progress.total_bytes.unwrap_or(0));
                bar.set_position(progress.bytes);
                bar.set_style(style(progress.total_bytes.is_some()));
                let path = path.map(|path| format!("  {}", escape::display(path)));
                bar.set_message(format!("{text}{}", path.unwrap_or_default()));
            }
        }
    }
}

impl Monitor for Terminal {
    fn log(&self, level: Level, message: &str) {
        if let Some(log) = &self.log {
            log.log(level, message);
        }
        if level < self.threshold {
            return;
        }
        let message = escape::multiline(message);
        self.print(&match level {
            Level::Debug => format!("debug: {message}"),
            Level::Info => message.into_owned(),
            Level::Warning => format!("{} {message}", Style::Yellow.paint("warning:", self.colored)),
            Level::Error => format!("{} {message}", Style::Red.paint("error:", self.colored)),
        });
    }

    fn output(&self, line: &[u8]) {
        if let Some(log) = &self.log {
            log.output(line);
        }
        if self.threshold <= Level::Debug {
            self.print(&format!("  | {}", escape::display_bytes(line)));
        }
    }

    fn task(&self, title: &str) {
        if let Ok(mut task) = self.task.lock() {
            *task = Task { title: title.to_owned(), started: Instant::now(), shown: None };
        }
        if let Display::Bar(bar) = &self.display {
            bar.set_style(style(false));
            bar.set_prefix(title.to_owned());
            bar.set_message("");
            bar.set_length(0);
            bar.set_position(0);
        }
    }

    fn progress(&self, progress: &Progress, path: Option<&Path>) {
        self.show(progress, path);
    }
}

fn style(with_bar: bool) -> ProgressStyle {
    // Two lines: a title can be long, and time left must be seen on 80 columns.
    let template = if with_bar { "{prefix}\n[{bar:14}] {wide_msg}" } else { "{prefix}\n{wide_msg}" };
    ProgressStyle::with_template(template).expect("a template that is written here").progress_chars("=> ")
}

fn write_line(line: &str) {
    // When standard error is gone, there is nobody left to tell.
    let _unheard = writeln!(std::io::stderr().lock(), "{line}");
}
