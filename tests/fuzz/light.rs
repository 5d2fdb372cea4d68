//! The targets without a fuzzer, for each run of the tests: what the corpus keeps, then changes of it by chance, for some seconds
//! each, the same in each run; no sanitizer looks on, and nothing leads it to new code.

// The targets name the fuzzer for one macro, of which there is another here.
extern crate self as libfuzzer_sys;

mod mutations;

use mutations::Mutations;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// As many inputs as a target gets where it is quick enough, and however slow it is.
const MOST: usize = 50_000;
const LEAST: usize = 100;
/// One that takes so long is a fault.
const LONGEST: Duration = Duration::from_secs(10);

macro_rules! targets {
    ($($name:ident)*) => {
        #[path = "targets"]
        mod targets {
            $(pub mod $name;)*
        }

        /// Those that are run.
        const TARGETS: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                withstands(stringify!($name), targets::$name::once);
            }
        )*
    };
}

targets!(boundary conditions entries filters grants heads manifests queries questions records routes storing
    stored_documents telemetry tokens views);

/// A target as a function; after the targets, which name it by its path.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:block) => {
        pub fn once($bytes: &[u8]) {
            $body
        }
    };
}

fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// The files of a folder by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<_> = files
        .map(|file| file.expect("a file of it").path())
        .collect();
    files.sort_unstable();
    files
}

fn from_environment(name: &str, usual: u64) -> u64 {
    match std::env::var(name) {
        Ok(given) => given.parse().expect("a number"),
        Err(_) => usual,
    }
}

/// Gives a target one input. What breaks it is kept in a file, which the target can be given again.
fn give(name: &str, target: fn(&[u8]), input: &[u8], from: &str) {
    let begun = Instant::now();
    let held = std::panic::catch_unwind(|| target(input)).is_ok();
    if held && begun.elapsed() < LONGEST {
        return;
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broke-{name}"));
    std::fs::write(&kept, input).expect("it is kept");
    let how = if held { "is slow with" } else { "is broken by" };
    panic!(
        "{name} {how} {from}, kept in {}: {}",
        kept.display(),
        input.escape_ascii()
    );
}

fn withstands(name: &str, target: fn(&[u8])) {
    let (seed, seconds) = (
        from_environment("FUZZ_SEED", 1),
        from_environment("FUZZ_SECONDS", 3),
    );
    let files = files(&here("corpus").join(name));
    let mut corpus = Vec::new();
    for file in &files {
        let input = std::fs::read(file).expect("it is read");
        give(name, target, &input, &file.display().to_string());
        corpus.push(input);
    }
    assert!(corpus.len() >= 10, "the corpus of {name} is lost");
    let (mut mutations, begun) = (Mutations::new(seed, name), Instant::now());
    let mut round = 0;
    let end = Duration::from_secs(seconds);
    while round < LEAST || (round < MOST && begun.elapsed() < end) {
        let input = mutations.of(&corpus);
        give(
            name,
            target,
            &input,
            &format!("round {round} of seed {seed}"),
        );
        round += 1;
    }
    println!(
        "{name}: {} kept inputs and {round} of seed {seed} in {:.1} s",
        corpus.len(),
        begun.elapsed().as_secs_f32()
    );
}

#[test]
fn every_target_is_run() {
    let found = files(&here("targets"));
    let names = found.iter().filter_map(|file| file.file_stem()?.to_str());
    let mut run = TARGETS.to_vec();
    run.sort_unstable();
    assert_eq!(names.collect::<Vec<_>>(), run);
}

#[test]
fn what_breaks_a_target_is_named() {
    let target = |input: &[u8]| assert!(!input.starts_with(b"b"), "it begins with b");
    give("harmless", target, b"a", "nowhere");
    let said = std::panic::catch_unwind(|| give("broken", target, b"b\n", "round 7 of seed 1"));
    let said = said.expect_err("it is broken");
    let said = said.downcast_ref::<String>().expect("a text");
    assert!(said.starts_with("broken is broken by round 7 of seed 1, kept in"));
    assert!(said.ends_with(": b\\n"), "{said}");
}
