//! Who calls, by the token in the Authorization header.

use axum::http::{HeaderMap, header};

use super::problem::Problem;
use crate::tokens::{Identity, Tokens};

/// The bearer of a good token, whatever became of its session; 401 for anyone else.
pub(crate) fn identify(tokens: &Tokens, headers: &HeaderMap) -> Result<Identity, Problem> {
    let token = token(headers).ok_or(Problem::no_token())?;
    tokens.verify(token).map_err(|_| Problem::invalid_token())
}

/// What follows `Bearer ` (RFC 6750).
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

    use super::token;

    #[test]
    fn a_bearer_token_is_what_follows_the_scheme() {
        let of = |value| {
            token(&HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]))
                .map(str::to_owned)
        };
        assert_eq!(of("Bearer a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(of("bearer  a.b.c").as_deref(), Some("a.b.c"));
        for none in ["", "Bearer", "Bearer ", "Basic YTpi", "a.b.c"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
