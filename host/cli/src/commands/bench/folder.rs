//! The folder that results are written to, tried before anything is measured; knows no figure.

use anyhow::Context;
use std::fs;
use std::path::PathBuf;

/// A folder that could be written to.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Made where it is not there yet.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let trial = path.join(format!(".trm-bench-{}", std::process::id()));
        fs::create_dir_all(&path)
            .and_then(|()| fs::write(&trial, ""))
            .and_then(|()| fs::remove_file(&trial))
            .with_context(|| {
                format!(
                    "--out {}: nothing can be written there; name another folder",
                    path.display()
                )
            })?;
        Ok(Self(path))
    }

    /// Writes files by these names, in place of those of before.
    pub fn write(
        &self,
        files: impl IntoIterator<Item = (&'static str, String)>,
    ) -> anyhow::Result<()> {
        for (name, text) in files {
            let path = self.0.join(name);
            fs::write(&path, text)
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        eprintln!("written to {}", self.0.display());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let name = format!("trm-bench-{name}-{}", std::process::id());
        std::env::temp_dir().join(name)
    }

    #[test]
    fn a_folder_is_made_with_those_around_it_and_holds_what_is_written_last() {
        let around = place("made");
        let path = around.join("results");
        let folder = Folder::open(path.clone()).unwrap();
        for text in ["before", "after"] {
            folder.write([("a.svg", text.to_owned())]).unwrap();
        }
        let held = fs::read_dir(&path).unwrap();
        let held: Vec<_> = held.map(|entry| entry.unwrap().file_name()).collect();
        let text = fs::read_to_string(path.join("a.svg")).unwrap();
        fs::remove_dir_all(&around).unwrap();
        assert_eq!(held, ["a.svg"]);
        assert_eq!(text, "after");
    }

    #[test]
    fn what_is_no_folder_is_refused_by_its_name() {
        let file = place("file");
        fs::write(&file, "kept").unwrap();
        let within = file.join("results");
        let refused = [file.clone(), within.clone()].map(|path| Folder::open(path).unwrap_err());
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(text, "kept");
        for (refused, path) in refused.iter().zip([file, within]) {
            let said = format!("{refused:#}");
            assert!(
                said.starts_with(&format!("--out {}: ", path.display())),
                "{said}"
            );
            assert!(said.contains("name another folder"), "{said}");
        }
    }
}
