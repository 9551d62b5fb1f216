//! Conversations with `redcedar`.

mod errors;
mod examples;
mod help;
mod json;
mod machine;
mod peer;
mod sandbox;
mod sources;
mod story;

use sandbox::Sandbox;
