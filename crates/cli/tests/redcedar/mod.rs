//! Conversations with `redcedar`.

mod errors;
mod examples;
mod help;
mod json;
mod machine;
mod pool;
mod sandbox;
mod sources;
mod story;

use sandbox::Sandbox;
