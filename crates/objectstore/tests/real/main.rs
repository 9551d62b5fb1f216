//! Against a real server, and against everything that can go wrong on the way to it.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod bucket;
mod fetch;
mod listing;
mod matrix;
mod parts;
mod place;
mod stretches;
mod sync;
mod weather;
