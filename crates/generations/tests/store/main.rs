//! Stores as a whole: histories, faults, what other programs left.

mod faults;
mod history;
mod original;
mod pruned;
mod world;
