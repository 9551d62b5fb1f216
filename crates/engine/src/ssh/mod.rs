//! OpenSSH, as far as somebody who looks after a pool has to understand it: which connection a copy command makes, with what
//! settings, and what went wrong.

mod connection;
mod options;
mod settings;
mod trouble;

pub(crate) use connection::{Connection, ask, said};
pub(crate) use settings::Settings;
pub(crate) use trouble::{CopyTrouble, Reached, Trouble};
