//! Databases of real servers: dumped, staged, verified, and brought back.

mod broken_off;
mod drill;
mod failures;
mod machine;
mod mysql;
mod original;
mod postgresql;
mod treated;

use machine::Machine;
