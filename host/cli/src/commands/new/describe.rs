//! A new route's place in the OpenAPI description, as text, so that the rest stays as it was written; reads no file.

use super::plan::Plan;
use anyhow::{Context, bail};
use std::fmt::Write;

/// The description with the plan's path at the end of `paths`, and its tag where there is none yet.
pub(super) fn with(text: &str, plan: &Plan) -> anyhow::Result<String> {
    let route = plan.route.as_deref().unwrap_or_default();
    let path: Vec<String> = route
        .trim_end_matches("/...")
        .split('/')
        .map(|one| {
            one.strip_prefix(':')
                .map_or(one.to_owned(), |name| format!("{{{name}}}"))
        })
        .collect();
    let path = path.join("/");
    if text.contains(&format!("\n  {path}:\n")) {
        bail!("shared/openapi.yaml describes {path} already; remove that, or choose another route");
    }
    let begin = text
        .find("\npaths:\n")
        .context("shared/openapi.yaml has no paths:")?;
    let after = begin + "\npaths:\n".len();
    // The next key of the top level ends the paths.
    let end = text[after..]
        .match_indices('\n')
        .map(|(at, _)| after + at + 1)
        .find(|at| text[*at..].starts_with(|first: char| first.is_ascii_alphabetic()))
        .unwrap_or(text.len());
    let tag = plan.things();
    let tag_line = format!("- {{name: {tag},");
    let tag_new = match text[..begin].contains(&tag_line) {
        true => String::new(),
        false => format!("\n{tag_line} description: \"What {tag} there are.\"}}"),
    };
    Ok([
        text[..begin].trim_end(),
        &tag_new,
        &text[begin..end],
        &entry(&path, tag, plan)?,
        &text[end..],
    ]
    .concat())
}

fn entry(path: &str, tag: &str, plan: &Plan) -> anyhow::Result<String> {
    let mut entry = format!("  {path}:\n");
    for method in plan.methods() {
        let (identifier, summary, status) = match *method {
            "GET" => (camel(&plan.name, "get"), "Show", "200"),
            _ => (camel(&plan.name, "add"), "Add", "201"),
        };
        writeln!(entry, "    {}:\n      tags: [{tag}]", method.to_lowercase())?;
        writeln!(
            entry,
            "      operationId: {identifier}\n      summary: {summary} {tag}"
        )?;
        writeln!(entry, "      security: []")?;
        let parameters: Vec<&str> = path
            .split('/')
            .filter_map(|one| one.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        if !parameters.is_empty() {
            writeln!(entry, "      parameters:")?;
        }
        for name in parameters {
            writeln!(
                entry,
                "      - {{name: {name}, in: path, required: true, schema: {{type: string}}}}"
            )?;
        }
        if *method == "POST" {
            let schema = "{type: object, required: [text], additionalProperties: false, properties: {text: {type: string, minLength: 1, maxLength: 1000}}}";
            writeln!(entry, "      requestBody:\n        required: true")?;
            writeln!(
                entry,
                "        content: {{application/json: {{schema: {schema}}}}}"
            )?;
        }
        writeln!(
            entry,
            "      responses:\n        '{status}':\n          description: Done."
        )?;
        writeln!(
            entry,
            "          content: {{application/json: {{schema: {{}}}}}}"
        )?;
        for (status, name) in problems(method) {
            writeln!(
                entry,
                "        '{status}': {{$ref: '#/components/responses/{name}'}}"
            )?;
        }
    }
    Ok(entry)
}

fn problems(method: &str) -> &'static [(&'static str, &'static str)] {
    match method {
        "GET" => &[
            ("400", "BadRequest"),
            ("404", "NotFound"),
            ("503", "Unavailable"),
        ],
        _ => &[
            ("400", "BadRequest"),
            ("413", "TooLarge"),
            ("415", "UnsupportedMedia"),
            ("422", "Unprocessable"),
            ("503", "Unavailable"),
        ],
    }
}

/// `get` and `notes-by-id` make `getNotesById`.
fn camel(name: &str, verb: &str) -> String {
    name.split('-').fold(verb.to_owned(), |made, word| {
        let (first, rest) = word.split_at(word.len().min(1));
        made + &first.to_uppercase() + rest
    })
}

#[cfg(test)]
mod tests {
    use super::super::plan::Template;
    use super::*;
    use std::path::Path;

    #[test]
    fn a_path_is_added_at_the_end_of_paths_and_nothing_else_changes() {
        let text = "openapi: 3.1.0\ntags:\n- {name: a, description: \"A.\"}\npaths:\n  /a:\n    get: {}\ncomponents: {}\n";
        let folder = Path::new("/nowhere");
        let plan = Plan::of("b-c", Some("/b/:id"), Template::Read, "", folder);
        let made = with(text, &plan.unwrap()).unwrap();
        let rest: String = text
            .lines()
            .filter(|line| made.lines().any(|kept| kept == *line))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(rest, text);
        let place = |what: &str| made.find(what).unwrap();
        assert!(
            place("- {name: b,") < place("paths:") && place("  /b/{id}:") < place("components:")
        );
        assert!(made.contains("operationId: getBC") && made.contains("- {name: id, in: path"));
    }
}
