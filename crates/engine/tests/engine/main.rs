//! The engine beside the programs whose files it shares: Python's pickle and the original.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod hand_over;
mod pickle;
