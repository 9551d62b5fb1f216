//! Conversations with `redcedar`.

mod discs;
mod drills;
mod errors;
mod examples;
mod help;
mod json;
mod machine;
mod managed;
mod peer;
mod pool;
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
