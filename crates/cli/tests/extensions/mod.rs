//! Extensions from outside: what they make of a machine, programs of others, and what `validate` says about them.

mod machine;
mod programs;
mod sysinfo;
mod validate;

use machine::{Answer, Machine};
