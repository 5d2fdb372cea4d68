//! Where the manifest is, as cargo searches its own: in this folder, else in the nearest parent that has one.

use std::path::{Path, PathBuf};

const NAME: &str = "spin.toml";

/// The manifest of the nearest parent; none where `folder` has one itself, which the default finds.
pub(super) fn in_parents(folder: &Path) -> Option<PathBuf> {
    if folder.join(NAME).is_file() {
        return None;
    }
    let above = folder.ancestors().skip(1).map(|folder| folder.join(NAME));
    above.into_iter().find(|manifest| manifest.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_parent_is_found_and_the_folder_itself_goes_before() {
        let top = std::env::temp_dir().join(format!("trm-parents-{}", std::process::id()));
        let deep = top.join("a/b/c");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(top.join(NAME), "").unwrap();
        assert_eq!(in_parents(&deep), Some(top.join(NAME)));
        std::fs::write(top.join("a/b").join(NAME), "").unwrap();
        assert_eq!(in_parents(&deep), Some(top.join("a/b").join(NAME)));
        assert_eq!(in_parents(&top.join("a/b")), None);
        // A folder of this name is no manifest.
        std::fs::create_dir(deep.join(NAME)).unwrap();
        assert_eq!(in_parents(&deep), Some(top.join("a/b").join(NAME)));
        std::fs::remove_dir_all(&top).unwrap();
    }
}
