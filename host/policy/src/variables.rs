//! The application's variables: declared in spin.toml, given by the environment, resolved once at start; prints no value.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// One of spin.toml's `[variables]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    default: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    secret: bool,
}

/// The variables of the application, with their values where they have one.
#[derive(Default)]
pub struct Application(BTreeMap<String, String>);

/// What the application declares.
pub type Declared = BTreeMap<String, Declaration>;

/// A component's `[variables]`: text with `{{ name }}` in it, not yet filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    parts: BTreeMap<String, Vec<Part>>,
    declared: Arc<Declared>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// The variables of one component. They may be secrets, so they have no readable `Debug`.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// By which names the environment may have a variable: Spin's, which goes before, and the plain one.
pub fn names(plain: &str) -> [String; 2] {
    [format!("SPIN_VARIABLE_{plain}"), plain.to_owned()]
}

impl Application {
    /// Checks the declarations and gives each its value: `SPIN_VARIABLE_NAME`, else `NAME`, else the default.
    /// With `invents`, a required secret that nobody gave is a random one, for as long as this process lives.
    pub fn resolve(
        declared: &Declared,
        env: impl Fn(&str) -> Option<String>,
        invents: bool,
    ) -> Result<Self, String> {
        let (mut values, mut missing) = (BTreeMap::new(), Vec::new());
        for (name, declaration) in declared {
            let plain = name.to_uppercase();
            let given = names(&plain).iter().find_map(|name| env(name));
            // An empty value is how a compose file spells an absent one.
            let given = given.filter(|value| !value.is_empty() || !declaration.required);
            match given.or_else(|| declaration.default.clone()) {
                Some(value) => {
                    values.insert(name.clone(), value);
                }
                None if invents && declaration.secret => {
                    println!("{plain} is not set: a random one is used until this stops");
                    values.insert(name.clone(), random());
                }
                None => missing.push(plain),
            }
        }
        match missing.as_slice() {
            [] => Ok(Self(values)),
            names => Err(format!(
                "[variables] requires values that are not there; set {}",
                names.join(", ")
            )),
        }
    }
}

/// Checks spin.toml's `[variables]`.
pub fn check(declared: &Declared) -> Result<(), String> {
    for (name, declaration) in declared {
        check_name(name).map_err(|fault| format!("[variables] {fault}"))?;
        if declaration.required == declaration.default.is_some() {
            return Err(format!(
                "[variables] {name}: give it either required = true or a default"
            ));
        }
    }
    Ok(())
}

/// Lower-case words of letters and digits, joined by single underscores, as Spin has it.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if begins && name.len() <= 128 && name.split('_').all(is_word) {
        return Ok(());
    }
    Err(format!(
        "\"{name}\" is not a variable's name: lower-case letters, digits and single underscores"
    ))
}

impl Templates {
    /// Reads a component's variables; each may name only what the application declares.
    pub fn read(
        written: BTreeMap<String, String>,
        declared: &Arc<Declared>,
    ) -> Result<Self, String> {
        let mut templates = BTreeMap::new();
        for (name, text) in written {
            check_name(&name)?;
            let parts = parts(&text).map_err(|fault| format!("{name} = \"{text}\": {fault}"))?;
            for part in &parts {
                if let Part::Variable(of) = part
                    && !declared.contains_key(of)
                {
                    return Err(format!(
                        "{name} = \"{text}\": there is no \"{of}\" in [variables]"
                    ));
                }
            }
            templates.insert(name, parts);
        }
        Ok(Self {
            parts: templates,
            declared: declared.clone(),
        })
    }

    /// What the application declares.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// Fills them in.
    pub fn fill(&self, application: &Application) -> Variables {
        let filled = self.parts.iter().map(|(name, parts)| {
            let value = parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.as_str(),
                    Part::Variable(of) => application.0.get(of).map_or("", String::as_str),
                })
                .collect();
            (name.clone(), value)
        });
        Variables(filled.collect())
    }
}

impl Variables {
    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .ok_or_else(|| "a {{ has no }}".to_owned())?;
        check_name(name.trim())?;
        parts.push(Part::Text(before.to_owned()));
        parts.push(Part::Variable(name.trim().to_owned()));
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

/// 128 bits of the system's randomness; `RandomState` takes its keys from there, once for each thread.
fn random() -> String {
    let half = || {
        let state = std::thread::spawn(RandomState::new).join();
        state.unwrap_or_default().hash_one(())
    };
    format!("{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(toml: &str) -> Arc<Declared> {
        Arc::new(toml::from_str(toml).unwrap())
    }

    const DECLARED: &str = "jwt_secret = { required = true, secret = true }\nregion = { default = \"eu\" }\nhost = { required = true }";

    #[test]
    fn values_come_from_spins_name_then_the_plain_one_then_the_default() {
        let env = |name: &str| match name {
            "SPIN_VARIABLE_JWT_SECRET" => Some("spin".to_owned()),
            "JWT_SECRET" => Some("plain".to_owned()),
            "HOST" => Some("h".to_owned()),
            _ => None,
        };
        let declared = declared(DECLARED);
        let application = Application::resolve(&declared, env, false).unwrap();
        let written = BTreeMap::from([
            ("secret".to_owned(), "{{ jwt_secret }}".to_owned()),
            (
                "url".to_owned(),
                "https://{{host}}.{{ region }}/".to_owned(),
            ),
        ]);
        let filled = Templates::read(written, &declared)
            .unwrap()
            .fill(&application);
        assert_eq!(filled.get("secret"), Some("spin"));
        assert_eq!(filled.get("url"), Some("https://h.eu/"));
        assert_eq!(filled.get("jwt_secret"), None);
        assert!(!format!("{filled:?}").contains("spin"));
    }

    #[test]
    fn every_missing_value_is_named_and_only_secrets_are_invented() {
        let declared = declared(DECLARED);
        let none = |_: &str| None;
        let fault = Application::resolve(&declared, none, false).err().unwrap();
        assert!(
            fault.contains("JWT_SECRET") && fault.contains("HOST"),
            "{fault}"
        );
        let fault = Application::resolve(&declared, none, true).err().unwrap();
        assert!(
            !fault.contains("JWT_SECRET") && fault.contains("HOST"),
            "{fault}"
        );
        assert_ne!(random(), random());
    }

    #[test]
    fn what_is_written_wrong_is_named() {
        let declared = declared(DECLARED);
        let read = |text: &str| {
            let written = BTreeMap::from([("a".to_owned(), text.to_owned())]);
            Templates::read(written, &declared).err()
        };
        assert!(read("{{ nowhere }}").unwrap().contains("nowhere"));
        assert!(read("{{ region").unwrap().contains("{{"));
        assert!(read("a } b").is_none());
        for name in ["A", "a__b", "_a", "1a", "a-b", ""] {
            assert!(check_name(name).is_err(), "{name}");
        }
        let both = "a = { required = true, default = \"x\" }";
        assert!(check(&toml::from_str(both).unwrap()).is_err());
    }
}
