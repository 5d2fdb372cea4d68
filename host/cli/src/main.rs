//! The `trm` program: the allocator, and the call into the library that holds everything else.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    trm_cli::main()
}
