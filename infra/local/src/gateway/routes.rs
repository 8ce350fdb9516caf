//! Which function takes a request: the template's routes, matched as an HTTP API matches them.
//!
//! The most specific path wins, then the method before `ANY`; what nothing else takes goes to `$default`. See "Routing API
//! requests" in the API Gateway developer guide.

use std::collections::HashMap;

use crate::template::{Route, Template};

/// The routes of a template.
#[derive(Debug, Default)]
pub(super) struct Routes {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    method: String,
    path: String,
    segments: Vec<Segment>,
    function: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
    /// `{name+}`: the rest of the path.
    Rest(String),
}

/// A route that takes a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match<'a> {
    /// The crate of the function.
    pub(super) function: &'a str,
    /// `ANY /v1/session`, or `$default`.
    pub(super) key: String,
    /// Path parameters, percent-decoded.
    pub(super) parameters: HashMap<String, String>,
}

impl Routes {
    pub(super) fn of(template: &Template) -> Self {
        let mut entries = Vec::new();
        for function in &template.functions {
            entries.extend(function.routes.iter().map(|route| Entry::new(route, &function.crate_name)));
        }
        // Most specific first: literals before parameters before the rest, segment by segment.
        entries.sort_by_cached_key(|entry| (entry.path == DEFAULT, entry.shape(), entry.method == ANY));
        Self { entries }
    }

    pub(super) fn find(&self, method: &str, path: &str) -> Option<Match<'_>> {
        self.entries.iter().filter(|entry| entry.method == ANY || entry.method == method).find_map(|entry| entry.matched(path))
    }
}

const ANY: &str = "ANY";
const DEFAULT: &str = "$default";

impl Entry {
    fn new(route: &Route, function: &str) -> Self {
        let segment = |text: &str| match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Segment::Rest(name.to_owned()),
                None => Segment::Parameter(name.to_owned()),
            },
            None => Segment::Literal(text.to_owned()),
        };
        Self {
            method: route.method.clone(),
            path: route.path.clone(),
            segments: route.path.split('/').skip(1).map(segment).collect(),
            function: function.to_owned(),
        }
    }

    /// Orders routes by how much of the path they fix.
    fn shape(&self) -> Vec<u8> {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Rest(_) => 2,
        };
        self.segments.iter().map(rank).collect()
    }

    fn matched(&self, path: &str) -> Option<Match<'_>> {
        let mut parameters = HashMap::new();
        if self.path != DEFAULT {
            let mut rest = path.strip_prefix('/');
            for segment in &self.segments {
                let remaining = rest?;
                let (part, after) = match (segment, remaining.split_once('/')) {
                    (Segment::Rest(_), _) | (_, None) => (remaining, None),
                    (_, Some((part, after))) => (part, Some(after)),
                };
                match segment {
                    Segment::Literal(text) if text == part => {}
                    Segment::Parameter(name) | Segment::Rest(name) if !part.is_empty() => {
                        parameters.insert(name.clone(), decoded(part));
                    }
                    _ => return None,
                }
                rest = after;
            }
            if rest.is_some() {
                return None;
            }
        }
        let key = if self.path == DEFAULT { DEFAULT.to_owned() } else { format!("{} {}", self.method, self.path) };
        Some(Match { function: &self.function, key, parameters })
    }
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {

    use super::{Entry, Routes};
    use crate::template::Route;

    fn routes(list: &[(&str, &str, &str)]) -> Routes {
        let entry = |(method, path, function): &(&str, &str, &str)| {
            Entry::new(&Route { method: (*method).to_owned(), path: (*path).to_owned() }, function)
        };
        let mut routes = Routes { entries: list.iter().map(entry).collect() };
        routes.entries.sort_by_cached_key(|entry| (entry.path == "$default", entry.shape(), entry.method == "ANY"));
        routes
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes(&[
            ("ANY", "$default", "unknown"),
            ("ANY", "/files/{path+}", "files"),
            ("ANY", "/v1/{portal}/codes", "send"),
            ("ANY", "/v1/admin/codes", "admin"),
            ("GET", "/v1/session", "read"),
            ("ANY", "/v1/session", "any"),
        ]);
        let function = |method: &str, path: &str| routes.find(method, path).unwrap().function;
        assert_eq!(function("POST", "/v1/admin/codes"), "admin");
        assert_eq!(function("POST", "/v1/p1/codes"), "send");
        assert_eq!(function("GET", "/v1/session"), "read");
        assert_eq!(function("DELETE", "/v1/session"), "any");
        assert_eq!(function("GET", "/files/a/b"), "files");
        for unknown in ["/", "/v1/session/", "/v1//codes", "/v1/p1/codes/x", "/files/", "/files"] {
            assert_eq!(function("GET", unknown), "unknown", "{unknown}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let routes = routes(&[("ANY", "/p/{suffix}", "page")]);
        let found = routes.find("GET", "/p/a%20b+c%E4%BD%A0=1&x").unwrap();
        assert_eq!(found.parameters["suffix"], "a b+c你=1&x");
        assert_eq!(found.key, "ANY /p/{suffix}");
        assert!(routes.find("GET", "/q").is_none());
    }
}
