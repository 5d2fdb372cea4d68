//! Tests of the command line as a whole: it is consistent, and old spellings are still read.

use super::{Arguments, with_default_command};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::ffi::OsString;

fn read(words: &[&str]) -> Result<Arguments, clap::Error> {
    let words = ["trm"].iter().chain(words).map(OsString::from);
    Arguments::try_parse_from(with_default_command(words))
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn the_default_command_takes_flags_and_the_program_keeps_its_own() {
    let with_default = |words: &[&str]| {
        let words = with_default_command(words.iter().map(OsString::from));
        words.join(&OsString::from(" ")).into_string().unwrap()
    };
    assert_eq!(with_default(&["trm"]), "trm dev");
    assert_eq!(with_default(&["trm", "--port", "1"]), "trm dev --port 1");
    for own in ["serve", "srve", "-h", "--help", "-V", "--version", "help"] {
        assert_eq!(with_default(&["trm", own]), format!("trm {own}"));
    }
}

#[test]
fn every_invocation_that_scripts_use_is_read() {
    for line in [
        "",
        "dev",
        "dev --chaos mongodb=dead@jobs --chaos redis=slow:200",
        "serve",
        "new notes --route /api/notes --template write",
        "new sweep --template job",
        "check",
        "check --spin",
        "build",
        "build --cpu x86-64-v3",
        "test",
        "test jobs jobs-by-id",
        "record GET /api/jobs --out a.json",
        "record POST /api/jobs -H x-a:b -H c:d -d {} --out a.json",
        "record POST /api/jobs -d -1",
        "replay a.json b.json",
        "trial",
        "trial --build jobs --at 1",
        "inspect jobs",
        "bench",
        "bench --out results --json",
        "bench --json --out results",
        "health",
        "indexes",
        "sample",
        "admin key",
        "admin reload",
        "admin cache flush",
        "admin cache invalidate jobs:*",
        "admin cache invalidate --tag jobs:list",
    ] {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(read(&words).is_ok(), "trm {line}");
    }
}

#[test]
fn wrong_usage_is_refused() {
    for (line, kind) in [
        ("srve", ErrorKind::InvalidSubcommand),
        ("--prt 1", ErrorKind::UnknownArgument),
        ("serve extra", ErrorKind::UnknownArgument),
        ("new notes --template raed", ErrorKind::InvalidValue),
        ("build --cpu z80", ErrorKind::InvalidValue),
        ("bench --out", ErrorKind::InvalidValue),
        ("bench --out a --out b", ErrorKind::ArgumentConflict),
        ("record GET", ErrorKind::MissingRequiredArgument),
        ("replay", ErrorKind::MissingRequiredArgument),
        ("record GET / -H nothing", ErrorKind::ValueValidation),
        ("admin cache invalidate", ErrorKind::MissingRequiredArgument),
        (
            "admin cache invalidate a --tag b",
            ErrorKind::ArgumentConflict,
        ),
        ("dev --chaos disk=dead", ErrorKind::ValueValidation),
        ("serve --log-level lodu", ErrorKind::InvalidValue),
        (
            "serve --redis-url redis://a --redis-host b",
            ErrorKind::ArgumentConflict,
        ),
        ("new notes --help", ErrorKind::DisplayHelp),
        ("--version", ErrorKind::DisplayVersion),
    ] {
        let words: Vec<&str> = line.split_whitespace().collect();
        let refused = read(&words).err().map(|error| error.kind());
        assert_eq!(refused, Some(kind), "trm {line}");
    }
}
