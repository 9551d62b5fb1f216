//! Which messages of a stream go on.

use std::collections::HashSet;

use crate::{Key, Message};

/// Lets each message through once, as `grepmail -u` does: the first counts.
///
/// What may be a part of the message before it goes where that goes, so that no message is ever torn.
#[derive(Debug, Default)]
pub struct Sieve {
    seen: HashSet<Key>,
    last_passed: bool,
}

impl Sieve {
    /// Whether a message goes on. `is_wanted` is asked for messages that did not come before.
    pub fn passes(&mut self, message: &Message, is_wanted: impl FnOnce(&Message) -> bool) -> bool {
        let passes = self.seen.insert(message.key()) && is_wanted(message);
        if message.may_be_part() {
            return passes || self.last_passed;
        }
        self.last_passed = passes;
        passes
    }

    /// Everything that came by.
    pub fn into_seen(self) -> HashSet<Key> {
        self.seen
    }
}
