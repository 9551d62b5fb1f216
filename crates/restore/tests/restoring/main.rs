//! What was stored comes back, and nothing else happens.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod browsed;
mod choices;
mod damage;
mod drilled;
mod exact;
mod foreign;
mod found;
mod hostile;
mod machine;
mod mail;
mod policy;
mod verified;
