//! Conversations with `redcedar`.

mod errors;
mod help;
mod machine;
mod sandbox;

use sandbox::Sandbox;
