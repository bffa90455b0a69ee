//! Paths as Express takes them: in any letter case, and with or without one slash at the end.

use std::{iter::repeat, sync::Arc};

use axum::{extract::Request, http::Uri};

/// The paths that have handlers, as templates: `/api/v1/users/{id}`.
#[derive(Debug, Clone)]
pub(crate) struct KnownPaths(Arc<[Vec<String>]>);

impl KnownPaths {
    /// From the templates of the routes.
    pub(crate) fn new<'a>(templates: impl Iterator<Item = &'a str>) -> Self {
        let mut paths =
            templates.map(|path| path.split('/').map(str::to_owned).collect()).collect::<Vec<_>>();
        // A path that is named comes before one with a parameter in its place: users/me before users/{id}.
        paths.sort_by_key(|path: &Vec<String>| path.iter().filter(|part| is_parameter(part)).count());
        Self(paths.into())
    }

    /// The same request, with its path as the routes have it.
    pub(crate) fn rewrite(&self, mut request: Request) -> Request {
        if let Some(uri) = self.canonical(request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    }

    /// `None` where the path is as the routes have it, or unknown.
    fn canonical(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path();
        let is_plain = !path.ends_with('/') && !path.bytes().any(|octet| octet.is_ascii_uppercase());
        if is_plain {
            return None;
        }
        let given = path.strip_suffix('/').unwrap_or(path).split('/').collect::<Vec<_>>();
        let known = self.0.iter().find(|known| matches(known, &given))?;
        let known = known.iter().map(String::as_str).filter(|part| !is_rest(part));
        let parts = given.iter().zip(known.map(Some).chain(repeat(None)));
        let parts = parts.map(|(given, known)| known.filter(|known| !is_parameter(known)).unwrap_or(given));
        let mut path_and_query = parts.collect::<Vec<_>>().join("/");
        if let Some(query) = uri.query() {
            path_and_query.extend(["?", query]);
        }
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(path_and_query.parse().ok()?);
        Uri::from_parts(parts).ok()
    }
}

fn matches(known: &[String], given: &[&str]) -> bool {
    let same = |known: &str, given: &str| {
        if is_parameter(known) { !given.is_empty() } else { known.eq_ignore_ascii_case(given) }
    };
    let (known, rest) = match known.split_last() {
        Some((last, before)) if is_rest(last) => (before, given.len() > before.len()),
        _ => (known, given.len() == known.len()),
    };
    rest && known.iter().zip(given).all(|(known, given)| same(known, given))
}

fn is_parameter(part: &str) -> bool {
    part.starts_with('{')
}

/// `{*name}`: one part or more.
fn is_rest(part: &str) -> bool {
    part.starts_with("{*")
}

#[cfg(test)]
mod tests {
    use super::KnownPaths;

    fn canonical(uri: &str) -> Option<String> {
        let templates = [
            "/api/v1/login",
            "/api/v1/users/{id}",
            "/api/v1/users/me",
            "/api/v1/users",
            "/authz",
            "/authz/{*original}",
        ];
        let paths = KnownPaths::new(templates.into_iter());
        paths.canonical(&uri.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn letter_case_and_one_slash_at_the_end_make_no_other_path() {
        for (given, expected) in [
            ("/api/v1/login/", "/api/v1/login"),
            ("/API/V1/Login?X=Y", "/api/v1/login?X=Y"),
            ("/api/v1/Users/Me/", "/api/v1/users/me"),
            ("/API/v1/users/6B0AE5", "/api/v1/users/6B0AE5"),
            ("/api/v1/users/aBc/", "/api/v1/users/aBc"),
            ("/AUTHZ", "/authz"),
            ("/Authz/App/Page", "/authz/App/Page"),
            ("/AUTHZ//x/", "/authz//x"),
            ("http://Example.org/API/v1/login", "http://example.org/api/v1/login"),
        ] {
            let found = canonical(given).map(|uri| uri.replace("Example", "example"));
            assert_eq!(found.as_deref(), Some(expected), "{given}");
        }
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        for path in [
            "/",
            "/api/v1/login",
            "/api/v1/login//",
            "//api/v1/login/",
            "/api//v1/Login",
            "/api/v1/users//",
            "/api/v1/Nothing",
            "/API",
            "/api/v1/lo%67in/",
            "/api/v1/users/me/Extra",
        ] {
            assert_eq!(canonical(path), None, "{path}");
        }
    }
}
