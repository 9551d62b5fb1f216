//! Discs to be read: images, and what is put into a drive one after the other.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use redcedar_media::label;
use redcedar_media::read::ReadError;
use redcedar_restore::place::{Changer, Disc, Places};
use redcedar_system::{command, escape};

use super::{CommandError, Context};
use crate::answers::Answers;
use crate::exit::Exit;

/// Opens the disc in a drive and, if its label says that there are more, asks for them; or opens an image. `is_again` says that
/// a disc of this drive has been read already, and another one is meant.
pub(crate) fn open(
    path: &Path,
    session: Option<u32>,
    is_again: bool,
    context: &Context,
) -> Result<Places, CommandError> {
    let open = || Disc::open(path, session, &context.system).map_err(no_disc);
    let is_in_drive =
        |disc: &Disc| disc.is_in_drive().map_err(|error| CommandError::new(Exit::Failed, error));
    let first = open()?;
    if !is_in_drive(&first)? {
        return Ok(vec![Arc::new(first)]);
    }
    if !io::stdin().is_terminal() {
        if is_again {
            let drive = escape::display(path);
            let message = format!("there is no terminal on which to ask for another disc in {drive}");
            return Err(CommandError::message(Exit::Usage, message));
        }
        if let Some((_, number, count)) = label::of_set(first.label()).filter(|(.., count)| *count > 1) {
            let text =
                format!("this is disc {number} of {count}, and there is no terminal to ask for the others");
            context.system.monitor.warning(text);
        }
        return Ok(vec![Arc::new(first)]);
    }
    let somebody = Arc::new(Somebody::new(context));
    let failed = |error| CommandError::new(Exit::Failed, anyhow::Error::from(error));
    let first = if is_again {
        somebody.ask(path, "another disc").map_err(failed)?;
        open()?
    } else {
        first
    };
    let wanted = others(first.label());
    let mut discs: Places = vec![Arc::new(first.with_changer(somebody.clone()))];
    for label in wanted {
        loop {
            if !somebody.ask(path, &format!("the disc {label}")).map_err(failed)? {
                context.system.monitor.warning(format!("{label} is not looked at"));
                break;
            }
            let disc = open()?;
            if disc.label() == label {
                discs.push(Arc::new(disc.with_changer(somebody.clone())));
                break;
            }
            context.system.monitor.warning(format!("that was {}", escape::display(disc.label())));
        }
    }
    Ok(discs)
}

/// What the other discs of a set are called.
fn others(label: &str) -> Vec<String> {
    let Some((begin, number, count)) = label::of_set(label) else { return Vec::new() };
    (1..=count).filter(|other| *other != number).map(|other| format!("{begin} {other}/{count}")).collect()
}

fn no_disc(error: ReadError) -> CommandError {
    let (exit, hint) = match &error {
        ReadError::Lost(command::CommandError::Interrupted(_)) => (Exit::Interrupted, None),
        ReadError::NoTool(_) => (Exit::Failed, Some("it is in the package xorriso")),
        ReadError::Foreign { .. } => (
            Exit::Failed,
            Some("where only the end of a disc is damaged, an earlier session may be readable: --session N"),
        ),
        _ => (Exit::Failed, None),
    };
    let error = CommandError::new(exit, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Whoever sits at the terminal and changes discs.
struct Somebody(Mutex<Answers>);

impl Somebody {
    fn new(context: &Context) -> Self {
        Self(Mutex::new(Answers::of_standard_input(context.system.interrupt.clone())))
    }

    /// Whether a disc is in the drive now; `no` says that it will not come.
    fn ask(&self, drive: &Path, disc: &str) -> io::Result<bool> {
        let drive = escape::display(drive);
        let prompt = format!("Put {disc} into {drive}, and press return (or answer no): ");
        let mut screen = io::stderr();
        screen.write_all(prompt.as_bytes()).and_then(|()| screen.flush())?;
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner).line();
        Ok(!answer.map_err(io::Error::other)?.starts_with(['n', 'N']))
    }
}

impl Changer for Somebody {
    fn change(&self, drive: &Path, label: &str) -> io::Result<()> {
        if self.ask(drive, &format!("the disc {label}"))? {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, format!("the disc {label} is not there")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_discs_of_a_set_are_asked_for() {
        assert_eq!(
            others("CEDAR BACKUP 24-NOV-2026 2/3"),
            ["CEDAR BACKUP 24-NOV-2026 1/3", "CEDAR BACKUP 24-NOV-2026 3/3"]
        );
        assert_eq!(others("CEDAR BACKUP 24-NOV-2026"), [""; 0]);
    }
}
