//! Conversations with `cback3` and `cback`.

mod conversation;
mod oracle;
mod own;
mod sandbox;
