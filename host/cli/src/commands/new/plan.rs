//! What a new function is made of, checked against what there is; writes nothing.

use crate::commands::check::PLATFORM_LINES;
use crate::commands::check::is_kebab;
use crate::commands::check::taken;
use anyhow::{bail, ensure};
use std::path::Path;

/// How often a job runs, until somebody says otherwise.
const SCHEDULE: &str = "every 1m";
/// Names longer than this make file names that some systems refuse.
const MOST_NAME: usize = 60;

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lowercase")]
pub(super) enum Template {
    /// Lists, or shows one where the route has a :parameter
    Read,
    /// Lists and takes what is posted
    Write,
    /// Has no route: the host calls it by a schedule
    Job,
    /// read, in JavaScript
    JavaScript,
    /// read, in Python
    Python,
}

/// A function to be made.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    /// None: it is called by its schedule alone.
    pub(super) route: Option<String>,
    pub(super) template: Template,
    /// The first named segment of the route.
    parameter: Option<String>,
    /// The manifest has the component by which Spin serves it as well.
    for_spin: bool,
}

impl Plan {
    /// Refuses a name or route that is bad or taken, and says which.
    pub(super) fn of(
        name: &str,
        route: Option<&str>,
        template: Template,
        manifest: &str,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        ensure!(
            is_kebab(name) && name.len() <= MOST_NAME && name == name.to_lowercase(),
            "\"{name}\" cannot name a function: lower-case words of letters and digits joined by hyphens, each beginning with a letter, like \"notes-by-id\""
        );
        let home = folder.join("functions").join(name);
        ensure!(
            !home.exists(),
            "the name \"{name}\" is taken: {} is there",
            home.display()
        );
        let table: toml::Table = toml::from_str(manifest)?;
        let known = table
            .get("component")
            .and_then(|components| components.get(name));
        ensure!(
            known.is_none(),
            "the name \"{name}\" is taken: there is a [component.{name}]"
        );
        match (template, route) {
            (Template::Job, Some(_)) => {
                bail!("a job has no route: it is called by its schedule; leave --route out")
            }
            (Template::Job, None) => {}
            (_, None) => bail!("which route? --route /api/{name}"),
            (_, Some(route)) => {
                if let Some(fault) = taken(manifest, route, name) {
                    bail!(fault);
                }
            }
        }
        let parameter =
            route.and_then(|route| route.split('/').find_map(|one| one.strip_prefix(':')));
        Ok(Self {
            name: name.to_owned(),
            route: route.map(str::to_owned),
            template,
            parameter: parameter.map(str::to_owned),
            for_spin: table
                .get("component")
                .and_then(|all| all.get("platform"))
                .is_some(),
        })
    }

    /// What it is about: the first word of its name.
    pub(super) fn things(&self) -> &str {
        self.name.split('-').next().unwrap_or(&self.name)
    }

    /// The methods it answers, beside HEAD.
    pub(super) fn methods(&self) -> &'static [&'static str] {
        match self.template {
            Template::Read | Template::JavaScript | Template::Python => &["GET"],
            Template::Write => &["GET", "POST"],
            Template::Job => &[],
        }
    }

    /// Its files, by their paths in its folder.
    pub(super) fn files(&self) -> Vec<(&'static str, String)> {
        let javascript = ("world.wit", include_str!("templates/javascript.wit"));
        let python = ("world.wit", include_str!("templates/python.wit"));
        let files = match (self.template, &self.parameter) {
            (Template::Read, None) => vec![("src/lib.rs", include_str!("templates/list.rs"))],
            (Template::Read, Some(_)) => vec![("src/lib.rs", include_str!("templates/one.rs"))],
            (Template::Write, _) => vec![("src/lib.rs", include_str!("templates/write.rs"))],
            (Template::Job, _) => vec![("src/lib.rs", include_str!("templates/job.rs"))],
            (Template::JavaScript, None) => vec![
                ("app.js", include_str!("templates/list.js")),
                ("app.test.js", include_str!("templates/list.test.js")),
                javascript,
            ],
            (Template::JavaScript, Some(_)) => vec![
                ("app.js", include_str!("templates/one.js")),
                ("app.test.js", include_str!("templates/one.test.js")),
                javascript,
            ],
            (Template::Python, None) => vec![
                ("app.py", include_str!("templates/list.py")),
                ("app_test.py", include_str!("templates/list_test.py")),
                python,
            ],
            (Template::Python, Some(_)) => vec![
                ("app.py", include_str!("templates/one.py")),
                ("app_test.py", include_str!("templates/one_test.py")),
                python,
            ],
        };
        let files = files
            .into_iter()
            .map(|(path, text)| (path, self.fill(text)));
        let package = self
            .language()
            .is_none()
            .then(|| ("Cargo.toml", self.package()));
        package.into_iter().chain(files).collect()
    }

    /// The folder of `shared` that builds it, where cargo does not.
    pub(super) fn language(&self) -> Option<&'static str> {
        match self.template {
            Template::JavaScript => Some("javascript"),
            Template::Python => Some("python"),
            Template::Read | Template::Write | Template::Job => None,
        }
    }

    fn package(&self) -> String {
        let what = match &self.route {
            Some(route) => format!("{} {route}", self.methods().join(" and ")),
            None => format!("called {SCHEDULE}"),
        };
        let dependencies = match self.template {
            Template::Write => "serde.workspace = true\n",
            _ => "",
        };
        self.fill(include_str!("templates/package.toml"))
            .replace("@what@", &what)
            .replace("@dependencies@", dependencies)
    }

    fn fill(&self, template: &str) -> String {
        let route = self.route.as_deref().unwrap_or_default();
        template
            .replace("@name@", &self.name)
            .replace("@function@", &self.name.replace('-', "_"))
            .replace("@things@", self.things())
            .replace("@path@", route.trim_end_matches("/..."))
            .replace("@route@", route)
            .replace("@parameter@", self.parameter.as_deref().unwrap_or_default())
    }

    /// Its lines of spin.toml: what the template uses is granted, and nothing else.
    pub(super) fn block(&self) -> String {
        let Self { name, template, .. } = self;
        let things = self.things();
        let route = match &self.route {
            Some(route) => format!("\"{route}\""),
            None => "{ private = true }".to_owned(),
        };
        let grants = match template {
            Template::Write => {
                format!("cache = [\"{things}:*\"]\ndocuments = {{ {things} = \"write\" }}\n")
            }
            Template::Job => format!(
                "documents = {{ {things} = \"read\" }}\nmetrics = true\nschedule = \"{SCHEDULE}\"\n"
            ),
            Template::Read | Template::JavaScript | Template::Python => {
                format!("cache = [\"{things}:*\"]\ndocuments = {{ {things} = \"read\" }}\n")
            }
        };
        let file = format!("fn_{}.wasm", name.replace('-', "_"));
        let (source, build) = match self.language() {
            None => (
                format!("target/wasm32-wasip2/release/{file}"),
                format!(
                    "command = \"cargo build --release --target wasm32-wasip2 -p fn-{name}\"\n"
                ),
            ),
            Some(language) => (
                format!("target/{language}/{file}"),
                format!(
                    "command = \"shared/{language}/build functions/{name} target/{language}/{file}\"\n\
                     watch = [\"functions/{name}/*\", \"shared/{language}/*\"]\n"
                ),
            ),
        };
        // The contract without `async`, which the other languages import, is not what the component exports.
        let spin = match self.for_spin && self.language().is_none() {
            true => format!("{PLATFORM_LINES}\n"),
            false => String::new(),
        };
        format!(
            "\n[[trigger.http]]\nroute = {route}\ncomponent = \"{name}\"\n\n[component.{name}]\n\
             source = \"{source}\"\n{spin}[component.{name}.build]\n{build}\
             [component.{name}.tool.trm]\n{grants}"
        )
    }

    /// Says what was made and what to do now.
    pub(super) fn print(&self) {
        let name = &self.name;
        println!("functions/{name} is the function, spin.toml has its block with what it may use.");
        match &self.route {
            Some(route) => println!(
                "`trm dev` builds it and serves {route}; it is described in shared/openapi.yaml, where there is one."
            ),
            None => println!("`trm dev` builds it and calls it {SCHEDULE}."),
        }
        println!("Its tests: trm test {name}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[[trigger.http]]\nroute = \"/api/notes/:id\"\ncomponent = \"notes\"\n[component.notes]\nsource = \"x\"\n";

    fn planned(name: &str, route: Option<&str>, template: Template) -> anyhow::Result<Plan> {
        Plan::of(name, route, template, MANIFEST, Path::new("/nowhere"))
    }

    #[test]
    fn what_is_bad_or_taken_is_refused_and_named() {
        for (name, route, template, why) in [
            ("Notes", Some("/a"), Template::Read, "\"Notes\" cannot name"),
            (
                "no_tes",
                Some("/a"),
                Template::Read,
                "\"no_tes\" cannot name",
            ),
            ("notes", Some("/a"), Template::Read, "\"notes\" is taken"),
            (
                "other",
                Some("/api/notes/:key"),
                Template::Read,
                "/api/notes/:id of \"notes\"",
            ),
            ("other", Some("a"), Template::Read, "must begin with /"),
            (
                "other",
                Some("/metrics"),
                Template::Read,
                "the host itself answers it",
            ),
            ("other", None, Template::Read, "which route?"),
            ("other", Some("/a"), Template::Job, "a job has no route"),
        ] {
            let said = planned(name, route, template).unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_block_is_a_manifest_with_the_old_one() {
        for (route, template) in [
            (Some("/api/a/:key"), Template::Read),
            (Some("/api/a"), Template::Write),
            (Some("/api/a"), Template::JavaScript),
            (Some("/api/a/:key"), Template::Python),
            (None, Template::Job),
        ] {
            let plan = planned("a-b", route, template).unwrap();
            let head = "spin_manifest_version = 2\n[application]\nname = \"t\"\n";
            assert!(
                !plan.block().contains("dependencies"),
                "there is nothing to depend on"
            );
            let text = format!("{head}{MANIFEST}{}", plan.block());
            let (functions, faults) = trm_policy::manifest::read(&text, Path::new("/app"));
            assert_eq!(faults, []);
            let made = functions.iter().find(|one| one.name == "a-b").unwrap();
            assert_eq!(made.schedule.is_some(), route.is_none());
            let words = [
                "name",
                "function",
                "things",
                "path",
                "route",
                "parameter",
                "what",
            ];
            let left = |text: &str| words.iter().any(|word| text.contains(&format!("@{word}@")));
            assert!(plan.files().iter().all(|(_, text)| !left(text)));

            let platform = "[component.platform]\nsource = \"p.wasm\"\n";
            let manifest = format!("{MANIFEST}{platform}");
            let plan = Plan::of("a-b", route, template, &manifest, Path::new("/nowhere"));
            let plan = plan.unwrap();
            let block = plan.block();
            let satisfied = block.contains(PLATFORM_LINES);
            assert_eq!(satisfied, plan.language().is_none(), "{block}");
            let text = format!("{head}{manifest}{block}");
            assert_eq!(trm_policy::manifest::read(&text, Path::new("/app")).1, []);
        }
    }
}
