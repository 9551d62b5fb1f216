//! `backup`, the program of jw.backup, from outside: real `ssh`, real `rsync`, a machine that is reached over loopback.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod failing;
mod interrupted;
mod machine;
mod sending;
mod switches;
