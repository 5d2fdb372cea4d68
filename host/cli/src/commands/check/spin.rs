//! What Spin 4 would refuse in a manifest that this host reads; knows Spin's names and runs no Spin.

use toml::{Table, Value};
use trm_policy::manifest::Fault;
use trm_policy::manifest::Places;

/// The tables whose keys Spin knows all: another key stops `spin up`.
const TOP: [&str; 5] = [
    "spin_manifest_version",
    "application",
    "variables",
    "trigger",
    "component",
];
const APPLICATION: [&str; 7] = [
    "name",
    "version",
    "description",
    "authors",
    "targets",
    "trigger",
    "tool",
];
const COMPONENT: [&str; 17] = [
    "source",
    "description",
    "variables",
    "environment",
    "files",
    "exclude_files",
    "allowed_http_hosts",
    "allowed_outbound_hosts",
    "key_value_stores",
    "sqlite_databases",
    "ai_models",
    "targets",
    "build",
    "tool",
    "dependencies_inherit_configuration",
    "dependencies",
    "profile",
];

/// The contract that a function of the SDK imports.
const PLATFORM: &str = "trm:platform";
const UNSERVED: &str = "trm:platform, which Spin does not serve itself, and";
/// The lines of a component's block by which Spin satisfies it: shared/platform over Spin's own database.
pub(in crate::commands) const PLATFORM_LINES: &str = "sqlite_databases = [\"default\"]
dependencies = { \"trm:platform@0.1.0\" = { component = \"platform\", inherit_configuration = [\"environment\", \"sqlite_databases\"] } }";

/// Every key and name that Spin would refuse.
pub(super) fn complain(table: &Table, places: &Places<'_>) -> Vec<Fault> {
    let mut faults = unknown(table, &[], &TOP, places);
    let application = table.get("application").and_then(Value::as_table);
    match application {
        Some(application) => {
            faults.extend(unknown(application, &["application"], &APPLICATION, places));
            if !application.contains_key("name") {
                faults.push(Fault {
                    line: places.line(&["application"]),
                    text: "[application] has no name; Spin wants one: name = \"…\"".to_owned(),
                });
            }
        }
        None => faults.push(Fault {
            line: 1,
            text: "there is no [application]; Spin wants one, with name = \"…\"".to_owned(),
        }),
    }
    let components = table.get("component").and_then(Value::as_table);
    for (name, component) in components.into_iter().flatten() {
        let place = ["component", name.as_str()];
        if !is_kebab(name) {
            faults.push(Fault {
                line: places.line(&place),
                text: format!(
                    "[component.{name}]: Spin names components by words of letters and digits joined by single hyphens, each beginning with a letter, like \"jobs-by-id\""
                ),
            });
        }
        if let Value::Table(component) = component {
            faults.extend(unknown(component, &place, &COMPONENT, places));
        }
    }
    faults
}

/// What a component that imports trm:platform lacks under Spin; nothing where its block has it all.
pub(super) fn lacks(table: &Table, name: &str) -> Option<String> {
    let components = table.get("component");
    let block = components?.get(name)?;
    let lines = PLATFORM_LINES.replace('\n', " and ");
    let Some(how) = supplied(block) else {
        return Some(format!(
            "{UNSERVED} it has no component that exports it; add to [component.{name}] {lines}"
        ));
    };
    let inherits = how.get("inherit_configuration").is_some_and(lends)
        || block.get("dependencies_inherit_configuration") == Some(&true.into());
    if !inherits || !block.get("sqlite_databases").is_some_and(has("default")) {
        return Some(format!(
            "{UNSERVED} its dependency may use no database; [component.{name}] needs {lines}"
        ));
    }
    let component = how.get("component").and_then(Value::as_str)?;
    components?.get(component).is_none().then(|| {
        format!("{UNSERVED} its dependency is the component \"{component}\", but there is no [component.{component}]")
    })
}

/// What a component that imports nothing of trm:platform has too much: one such line stops the whole application.
pub(super) fn idles(table: &Table, name: &str) -> Option<String> {
    supplied(table.get("component")?.get(name)?)?;
    Some(format!(
        "nothing of trm:platform, and Spin refuses a dependency that no import asks for; take it out of [component.{name}]"
    ))
}

/// How a component's block says that trm:platform is supplied.
fn supplied(block: &Value) -> Option<&Value> {
    let all = block.get("dependencies")?.as_table()?;
    let (_, how) = all.iter().find(|(name, _)| name.starts_with(PLATFORM))?;
    Some(how)
}

fn lends(inherited: &Value) -> bool {
    inherited == &true.into() || has("sqlite_databases")(inherited)
}

fn has(name: &str) -> impl Fn(&Value) -> bool {
    move |names: &Value| {
        let names = names.as_array().into_iter().flatten();
        names.filter_map(Value::as_str).any(|one| one == name)
    }
}

fn unknown(table: &Table, place: &[&str], known: &[&str], places: &Places<'_>) -> Vec<Fault> {
    let unknown = table.keys().filter(|key| !known.contains(&key.as_str()));
    unknown
        .map(|key| Fault {
            line: places.line(&[place, &[key]].concat()),
            text: format!(
                "[{}] {key}: Spin refuses a key that it does not know; here it knows {}",
                place.join("."),
                known.join(", ")
            ),
        })
        .collect()
}

/// As WIT spells names: words of one case.
pub(in crate::commands) fn is_kebab(name: &str) -> bool {
    name.split('-').all(|word| {
        let lower = word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let upper = word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        word.starts_with(|first: char| first.is_ascii_alphabetic()) && (lower || upper)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_spin_does_not_know_is_named_with_its_line() {
        let text = "spin_manifest_version = 2\nroutes = []\n[application]\nversion = \"1\"\n[component.a_b]\nsource = \"a.wasm\"\nallowed_hosts = []\n";
        let table = toml::from_str(text).unwrap();
        let faults = complain(&table, &Places::of(text).ok().unwrap());
        let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 3, 5, 7], "{faults:#?}");
    }

    #[test]
    fn what_the_platform_component_needs_is_missed_until_it_is_there() {
        let lacks = |block: &str| {
            let text = format!("[component.platform]\nsource = \"p.wasm\"\n[component.a]\n{block}");
            lacks(&toml::from_str(&text).unwrap(), "a")
        };
        assert!(lacks("").unwrap().contains("dependencies"));
        let (databases, dependencies) = PLATFORM_LINES.split_once('\n').unwrap();
        assert!(lacks(dependencies).unwrap().contains("no database"));
        let other = dependencies.replace("\"platform\"", "\"other\"");
        assert!(
            lacks(&format!("{databases}\n{other}"))
                .unwrap()
                .contains("no [component.other]")
        );
        assert_eq!(lacks(PLATFORM_LINES), None);
    }

    #[test]
    fn a_dependency_that_no_import_asks_for_is_one_too_many() {
        let idles = |block: &str| {
            let text = format!("[component.a]\nsource = \"a.wasm\"\n{block}");
            idles(&toml::from_str(&text).unwrap(), "a")
        };
        assert_eq!(idles("sqlite_databases = [\"default\"]"), None);
        let said = idles(PLATFORM_LINES).unwrap();
        assert!(said.contains("out of [component.a]"), "{said}");
    }

    #[test]
    fn names_are_words_joined_by_hyphens() {
        for good in ["jobs", "jobs-by-id", "v2", "API-v2"] {
            assert!(is_kebab(good), "{good}");
        }
        for bad in [
            "", "jobs_by", "jobs--by", "-jobs", "2jobs", "jobs-2", "Jobs",
        ] {
            assert!(!is_kebab(bad), "{bad}");
        }
    }
}
