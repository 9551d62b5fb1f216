//! The executable. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    redcedar_cli::main(std::env::args_os())
}
