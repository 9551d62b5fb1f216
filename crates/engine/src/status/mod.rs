//! How a pool is: what came when, how big, what is missing. First the facts are gathered, then they are judged.

mod anomaly;
mod attempts;
mod facts;
mod gate;
mod judge;
mod name;

pub use anomaly::{Anomaly, AnomalyKind};
pub use attempts::Attempt;
pub use facts::{Content, Expected, Facts, GoodDay, Item, Kind, Marks, PeerFacts, Space, StatusError, look};
pub(crate) use gate::suspects;
pub use gate::{Anomalies, anomalies};
pub use judge::{Last, Missing, PeerReport, Report, Rules, State, Suspicion, judge};
pub(crate) use name::item as item_of;

#[cfg(test)]
mod tests;
