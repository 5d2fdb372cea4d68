//! A function that cargo does not build, kept out of the workspace whose glob would take its folder for a package; reads no file.

/// The workspace's Cargo.toml with the folder among what it excludes; the rest stays as it was written.
pub(super) fn with(text: &str, folder: &str) -> Option<String> {
    let begin = text
        .match_indices("[workspace]\n")
        .map(|(at, line)| (at, at + line.len()))
        .find(|(at, _)| *at == 0 || text[..*at].ends_with('\n'))?
        .1;
    let end = text[begin..]
        .find("\n[")
        .map_or(text.len(), |at| begin + at);
    let (before, table, after) = (&text[..begin], &text[begin..end], &text[end..]);
    let key = "exclude = [";
    let table = match table.split_once(key) {
        Some((above, below)) if below.trim_start().starts_with(']') => {
            format!("{above}{key}\"{folder}\"{}", below.trim_start())
        }
        Some((above, below)) => format!("{above}{key}\"{folder}\", {}", below.trim_start()),
        None => format!("{key}\"{folder}\"]\n{table}"),
    };
    Some([before, &table, after].concat())
}

#[cfg(test)]
mod tests {
    use super::with;

    #[test]
    fn the_folder_is_excluded_beside_what_was() {
        for (before, after) in [
            (
                "[workspace]\nmembers = [\"functions/*\"]\n",
                vec!["functions/a"],
            ),
            (
                "[workspace]\nexclude = []\n[profile.release]\nx = 1\n",
                vec!["functions/a"],
            ),
            (
                "a = 1\n[workspace]\nexclude = [\n  \"b\",\n]\n",
                vec!["functions/a", "b"],
            ),
        ] {
            let made: toml::Table = toml::from_str(&with(before, "functions/a").unwrap()).unwrap();
            let excluded = made["workspace"]["exclude"].as_array().unwrap();
            let excluded: Vec<_> = excluded.iter().filter_map(|one| one.as_str()).collect();
            assert_eq!(excluded, after, "{before}");
        }
        assert_eq!(with("[package]\n", "functions/a"), None);
    }
}
