//! From a path to what a route leads to, by the patterns that Spin's manifests use.

/// The routes of one manifest, each with a target.
pub struct RouteTable<T> {
    paths: matchit::Router<T>,
}

/// A path that a route matches.
#[derive(Debug)]
pub struct Match<'a, T> {
    /// What the route leads to.
    pub target: &'a T,
    /// The named segments, in order.
    pub parameters: Vec<(String, String)>,
    /// What a trailing wildcard matched.
    pub rest: String,
}

/// The name under which matchit keeps what `/...` matches.
const REST: &str = "trm-rest";

impl<T> Default for RouteTable<T> {
    fn default() -> Self {
        Self {
            paths: matchit::Router::new(),
        }
    }
}

impl<T: Clone> RouteTable<T> {
    /// Adds a route, in Spin's notation: `/jobs`, `/jobs/:id`, `/files/...`.
    pub fn add(&mut self, pattern: &str, target: T) -> Result<(), String> {
        for path in translate(pattern)? {
            self.paths
                .insert(&path, target.clone())
                .map_err(|error| format!("the route {pattern}: {error}"))?;
        }
        Ok(())
    }

    /// The route of a path, if any.
    pub fn find(&self, path: &str) -> Option<Match<'_, T>> {
        let found = self.paths.at(path).ok()?;
        let mut rest = String::new();
        let mut parameters = Vec::new();
        for (name, value) in found.params.iter() {
            if name == REST {
                rest = format!("/{value}");
            } else {
                parameters.push((name.to_owned(), value.to_owned()));
            }
        }
        Some(Match {
            target: found.value,
            parameters,
            rest,
        })
    }
}

/// Spin's notation in matchit's. A wildcard also matches its own folder.
pub fn translate(pattern: &str) -> Result<Vec<String>, String> {
    let not_in_a_path = |letter: char| "{}?#".contains(letter) || letter.is_whitespace();
    if !pattern.starts_with('/') || pattern.contains(not_in_a_path) {
        return Err(format!(
            "the route {pattern} must begin with / and hold only path segments"
        ));
    }
    let mut path = String::new();
    let mut segments = pattern[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment == "..." {
            if segments.peek().is_some() {
                return Err(format!(
                    "the route {pattern} has a wildcard that is not its end"
                ));
            }
            // matchit's wildcard wants something to match; Spin's may match nothing.
            let mut paths = vec![format!("{path}/{{*{REST}}}"), format!("{path}/")];
            if !path.is_empty() {
                paths.push(path);
            }
            return Ok(paths);
        }
        path.push('/');
        match segment.strip_prefix(':') {
            Some("") => {
                return Err(format!(
                    "the route {pattern} has a parameter without a name"
                ));
            }
            // matchit reads the one as a wildcard, and the other is what this router calls its own.
            Some(name) if name.starts_with('*') || name == REST => {
                return Err(format!(
                    "the route {pattern} has a parameter that cannot be named {name}"
                ));
            }
            Some(name) => path.push_str(&format!("{{{name}}}")),
            None => path.push_str(segment),
        }
    }
    Ok(vec![path])
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn spins_notation_becomes_matchits() {
        assert_eq!(translate("/api/jobs").unwrap(), ["/api/jobs"]);
        assert_eq!(translate("/api/jobs/:id").unwrap(), ["/api/jobs/{id}"]);
        assert_eq!(translate("/...").unwrap(), ["/{*trm-rest}", "/"]);
        assert_eq!(
            translate("/f/...").unwrap(),
            ["/f/{*trm-rest}", "/f/", "/f"]
        );
    }

    #[test]
    fn a_bad_pattern_says_why() {
        assert!(translate("api").unwrap_err().contains("begin with /"));
        assert!(translate("/.../x").unwrap_err().contains("not its end"));
        assert!(translate("/:").unwrap_err().contains("without a name"));
        for name in ["*rest", "*", "trm-rest"] {
            let refused = translate(&format!("/a/:{name}")).unwrap_err();
            assert!(refused.contains("cannot be named"), "{refused}");
        }
    }
}
