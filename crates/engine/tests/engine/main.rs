//! The engine beside the programs whose files it shares: Python's pickle and the original.

mod hand_over;
mod pickle;
