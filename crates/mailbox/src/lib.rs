//! Mailboxes (mbox) as a stream of messages, seen as grepmail sees them: where a message begins, what identifies it, when it
//! was sent.
//!
//! [`open`] tells a mailbox from other files, [`Messages`] gives one message after the other without ever holding more than
//! its header, [`Sieve`] drops duplicates. Nothing in here knows of files, configurations or days.

mod date;
mod header;
mod lines;
mod messages;
mod separator;
mod sieve;

pub use date::parse as parse_date;
pub use header::{Key, Sent};
pub use messages::{Content, Message, Messages, Other, open};
pub use sieve::Sieve;
