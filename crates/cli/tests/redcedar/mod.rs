//! Conversations with `redcedar`.

mod examples;
mod help;
mod machine;
mod sandbox;

use sandbox::Sandbox;
