//! How a pool is: what came when, how big, what is missing. First the facts are gathered, then they are judged.

mod attempts;
mod facts;
mod judge;
mod name;

pub use attempts::Attempt;
pub use facts::{Content, Expected, Facts, GoodDay, Item, Kind, Marks, PeerFacts, Space, StatusError, look};
pub use judge::{Last, Missing, PeerReport, Report, Rules, State, Suspicion, judge};

#[cfg(test)]
mod tests;
