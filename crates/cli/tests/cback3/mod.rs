//! Conversations with `cback3` and `cback`.

mod conversation;
mod managed;
mod oracle;
mod own;
mod sandbox;
mod span;
