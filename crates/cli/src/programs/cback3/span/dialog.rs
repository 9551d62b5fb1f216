//! Questions and answers.

use std::io::Write;
use std::os::fd::AsFd;

use redcedar_config::value;
use redcedar_media::fit::Algorithm;

use super::super::say;
use crate::answers::{Answers, NoAnswer};

/// What ends each block.
const RULE: &str = "===\n";
/// How much of a disc stays free unless something else is said, in percent.
const CUSHION: f64 = 4.5;

/// Whoever is asked, and where the questions appear.
pub(super) struct Dialog<I = std::io::Stdin, O = std::io::Stdout> {
    answers: Answers<I>,
    screen: O,
}

impl<I: AsFd, O: Write> Dialog<I, O> {
    pub(super) fn new(answers: Answers<I>, screen: O) -> Self {
        Self { answers, screen }
    }

    pub(super) fn say(&mut self, text: &str) {
        say(&mut self.screen, text);
    }

    /// Ends a block.
    pub(super) fn rule(&mut self) {
        self.say(RULE);
    }

    fn ask(&mut self, prompt: &str) -> Result<String, NoAnswer> {
        self.say(prompt);
        self.answers.line()
    }

    /// A question at which a block ends.
    pub(super) fn agrees(&mut self, question: &str) -> Result<bool, NoAnswer> {
        let agreed = self.retries(question, true)?;
        if agreed {
            self.rule();
        }
        Ok(agreed)
    }

    /// The same in the middle of a block. An empty answer is `default`; of any other the first letter counts.
    pub(super) fn retries(&mut self, question: &str, default: bool) -> Result<bool, NoAnswer> {
        let choices = if default { "[Y/n]" } else { "[y/N]" };
        let answer = self.ask(&format!("{question} {choices}: "))?;
        Ok(if answer.is_empty() { default } else { answer.starts_with(['y', 'Y']) })
    }

    /// Waits until a disc is in the drive.
    pub(super) fn wait(&mut self, request: &str) -> Result<(), NoAnswer> {
        self.ask(&format!("{request}\nPress return when ready."))?;
        self.rule();
        Ok(())
    }

    /// How much of a disc stays free, in percent. Asks until that leaves some room.
    pub(super) fn cushion(&mut self) -> Result<f64, NoAnswer> {
        loop {
            let answer = self.ask(&format!("What cushion percentage? [{CUSHION:.2}]: "))?;
            let cushion =
                if answer.is_empty() { Ok(CUSHION) } else { value::float(&answer).map(|f| f.value) };
            match cushion {
                Ok(cushion) if (0.0..100.0).contains(&cushion) => {
                    self.rule();
                    return Ok(cushion);
                }
                Ok(_) => self.say("It has to be 0 or more, and less than 100.\n"),
                Err(_) => self.say("That is no number.\n"),
            }
        }
    }

    /// An algorithm. An empty answer is `worst`, but not any more once another was wrong.
    pub(super) fn algorithm(&mut self) -> Result<Algorithm, NoAnswer> {
        let mut default = Some(Algorithm::Worst);
        loop {
            let answer = self.ask("Which algorithm? [worst]: ")?;
            if let Some(algorithm) = answer.parse().ok().or(default.filter(|_| answer.is_empty())) {
                self.rule();
                return Ok(algorithm);
            }
            default = None;
            self.say("It has to be one of first, best, worst, alternate.\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_system::Interrupt;
    use std::io::PipeReader;

    fn dialog(typed: &str) -> Dialog<PipeReader, Vec<u8>> {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(typed.as_bytes()).unwrap();
        Dialog::new(Answers::new(reader, Interrupt::new()), Vec::new())
    }

    fn said(dialog: &Dialog<PipeReader, Vec<u8>>) -> &str {
        std::str::from_utf8(&dialog.screen).unwrap()
    }

    #[test]
    fn yes_and_no_are_first_letters() {
        let mut dialog = dialog("\ny\nYup\nno\nfoo\n\n");
        let answers: Vec<_> = (0..5).map(|_| dialog.agrees("Continue?").unwrap()).collect();
        assert_eq!(answers, [true, true, true, false, false]);
        assert!(!dialog.retries("Rewrite the disc first?", false).unwrap());
        assert!(said(&dialog).starts_with("Continue? [Y/n]: ===\nContinue? [Y/n]: ===\n"));
        assert!(said(&dialog).ends_with("Continue? [Y/n]: Continue? [Y/n]: Rewrite the disc first? [y/N]: "));
        assert!(matches!(dialog.agrees("x"), Err(NoAnswer::Nobody)));
    }

    #[test]
    fn a_cushion_is_asked_for_until_it_leaves_room() {
        let mut dialog = dialog("x\n100\n-5\nnan\n 1e1 \n\n");
        assert!((dialog.cushion().unwrap() - 10.0).abs() < f64::EPSILON);
        assert_eq!(said(&dialog).matches("What cushion percentage? [4.50]: ").count(), 5);
        assert!((dialog.cushion().unwrap() - 4.5).abs() < f64::EPSILON);
    }

    #[test]
    fn an_algorithm_has_a_default_only_before_the_first_mistake() {
        let mut dialog = dialog("\nbad\n\nbest\n");
        assert_eq!(dialog.algorithm().unwrap(), Algorithm::Worst);
        assert_eq!(dialog.algorithm().unwrap(), Algorithm::Best);
        assert_eq!(said(&dialog).matches("Which algorithm? [worst]: ").count(), 4);
    }
}
