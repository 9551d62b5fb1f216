//! Conversations with `redcedar`.

mod discs;
mod drills;
mod errors;
mod examples;
mod help;
mod interactive;
mod json;
mod machine;
mod managed;
mod mount;
mod peer;
mod pool;
mod purge;
mod rebuild;
mod repair;
mod sandbox;
mod shares;
mod snapshot;
mod sources;
mod span;
mod status;
mod story;

use sandbox::Sandbox;
