//! Conversations with `redcedar`.

mod drills;
mod errors;
mod examples;
mod help;
mod json;
mod machine;
mod managed;
mod peer;
mod pool;
mod sandbox;
mod shares;
mod snapshot;
mod sources;
mod status;
mod story;

use sandbox::Sandbox;
