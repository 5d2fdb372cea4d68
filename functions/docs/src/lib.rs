//! `GET /docs` shows shared/openapi.yaml as one page to read, without outside assets; describes nothing itself.

use std::fmt::Write;
use std::sync::OnceLock;
use trm_sdk::response;
use trm_sdk::{Answer, Method, Problem, Request};
use yaml_rust2::{Yaml, YamlLoader};

const TEXT: &str = include_str!("../../../shared/openapi.yaml");
const HEAD: &str = include_str!("head.html");

trm_sdk::function!(docs);

async fn docs(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => {
            request.query(&[])?;
            // The text does not change while an instance lives.
            static PAGE: OnceLock<Result<String, String>> = OnceLock::new();
            let page = PAGE.get_or_init(|| page().map_err(|error| error.to_string()));
            let page = page.as_ref().map_err(Problem::internal)?;
            Ok(response::page("text/html; charset=utf-8", page.clone()))
        }
        _ => Err(Problem::method("GET, HEAD")),
    }
}

fn page() -> Result<String, Box<dyn std::error::Error>> {
    let all = YamlLoader::load_from_str(TEXT)?;
    let spec = all.first().ok_or("the description is empty")?;
    let mut out = String::from(HEAD);
    write!(
        out,
        "<h1>{}</h1><p>{}</p>",
        text(&spec["info"]["title"]),
        text(&spec["info"]["description"])
    )?;
    out.push_str("<p>As a file: <a href=\"/api/openapi.yaml\">/api/openapi.yaml</a></p>");
    for tag in spec["tags"].as_vec().ok_or("no tags")? {
        let name = tag["name"].as_str().unwrap_or_default();
        write!(
            out,
            "<h2 id=\"{name}\">{name}</h2><p>{}</p>",
            text(&tag["description"])
        )?;
        for (path, item) in spec["paths"].as_hash().ok_or("no paths")? {
            for (method, operation) in item.as_hash().ok_or("a path without methods")? {
                if operation["tags"][0].as_str() == Some(name) {
                    show(&mut out, spec, (path, method), operation)?;
                }
            }
        }
    }
    out.push_str("</main></body></html>");
    Ok(out)
}

fn show(out: &mut String, spec: &Yaml, of: (&Yaml, &Yaml), operation: &Yaml) -> std::fmt::Result {
    let (path, method) = (text(of.0), text(of.1).to_uppercase());
    let summary = text(&operation["summary"]);
    write!(
        out,
        "<details><summary><b class=\"{method}\">{method}</b> <code>{path}</code> {summary}</summary>"
    )?;
    if let Some(more) = operation["description"].as_str() {
        write!(out, "<p>{}</p>", escape(more))?;
    }
    let security = operation["security"].as_vec().map(Vec::as_slice);
    let optional = |all: &[Yaml]| {
        all.iter()
            .any(|one| one.as_hash().is_some_and(|one| one.is_empty()))
    };
    match security.unwrap_or_default() {
        [] => {}
        all if optional(all) => out.push_str("<p>Shows more to a signed-in user or a key.</p>"),
        _ => out.push_str("<p>Needs a signed-in user or a key.</p>"),
    }
    for parameter in operation["parameters"].as_vec().into_iter().flatten() {
        let parameter = resolve(spec, parameter);
        write!(
            out,
            "<p><code>{}</code> ({}) {}</p>",
            text(&parameter["name"]),
            text(&parameter["in"]),
            text(&parameter["description"])
        )?;
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(fields) = resolve(spec, body)["properties"].as_hash() {
        out.push_str("<table><tr><th>body</th><th>type</th><th></th></tr>");
        for (name, field) in fields {
            let field = resolve(spec, field);
            let (kind, more) = (text(&field["type"]), text(&field["description"]));
            write!(
                out,
                "<tr><td><code>{}</code></td><td>{kind}</td><td>{more}</td></tr>",
                text(name)
            )?;
        }
        out.push_str("</table>");
    }
    out.push_str("<p>");
    for (status, answer) in operation["responses"].as_hash().into_iter().flatten() {
        let about = text(&resolve(spec, answer)["description"]);
        write!(out, "<code>{}</code> {about} ", text(status))?;
    }
    out.write_str("</p></details>")
}

/// What a `$ref` points to, inside the same file.
fn resolve<'a>(spec: &'a Yaml, of: &'a Yaml) -> &'a Yaml {
    match of["$ref"].as_str() {
        Some(path) => path
            .trim_start_matches("#/")
            .split('/')
            .fold(spec, |at, name| &at[name]),
        None => of,
    }
}

fn text(of: &Yaml) -> String {
    match of {
        Yaml::String(text) => escape(text),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
