//! The cookie `ping_token`: for browsers that ask an ingress controller for a page, and so read by `/authz` alone. Only
//! where `AUTH_COOKIE_DOMAIN` is set.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

use super::problem::Problem;
use crate::{accounts::AccountOptions, tokens::SignedToken};

const NAME: &str = "ping_token";

/// Gives the browser the token, for as long as it lives.
pub(crate) fn set(options: &AccountOptions, response: &mut Response, token: &SignedToken) {
    append(options, response, &token.token, token.expires_in);
}

/// Takes it away again.
pub(crate) fn clear(options: &AccountOptions, response: &mut Response) {
    append(options, response, "", 0);
}

fn append(options: &AccountOptions, response: &mut Response, value: &str, life: u64) {
    let Some(domain) = &options.cookie_domain else { return };
    let cookie =
        format!("{NAME}={value}; Domain={domain}; Path=/; Max-Age={life}; HttpOnly; Secure; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The token that a browser sends. Two that differ are 401: a page of another host under the same domain can set a cookie of
/// this name too, and nobody can tell which one is ours.
pub(crate) fn token<'a>(
    options: &AccountOptions,
    headers: &'a HeaderMap,
) -> Result<Option<&'a str>, Problem> {
    if options.cookie_domain.is_none() {
        return Ok(None);
    }
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut tokens = pairs.filter(|(name, value)| *name == NAME && !value.is_empty()).map(|(_, value)| value);
    let first = tokens.next();
    if tokens.all(|token| Some(token) == first) { Ok(first) } else { Err(Problem::invalid_token()) }
}

#[cfg(test)]
mod tests {
    use axum::{
        http::{HeaderMap, HeaderValue, header},
        response::{IntoResponse as _, Response},
    };

    use super::{clear, set, token};
    use crate::{accounts::AccountOptions, http::problem::Problem, tokens::SignedToken};

    fn with_domain() -> AccountOptions {
        AccountOptions { cookie_domain: Some("example.org".to_owned()), ..AccountOptions::default() }
    }

    fn cookie(response: &Response) -> Option<&str> {
        response.headers().get(header::SET_COOKIE).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let signed = SignedToken { token: "a.b.c".to_owned(), expires_in: 900 };
        let mut response = ().into_response();
        set(&with_domain(), &mut response, &signed);
        let expected =
            "ping_token=a.b.c; Domain=example.org; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax";
        assert_eq!(cookie(&response), Some(expected));
        let mut response = ().into_response();
        clear(&with_domain(), &mut response);
        assert!(
            cookie(&response).unwrap().starts_with("ping_token=; Domain=example.org; Path=/; Max-Age=0;")
        );
        let mut response = ().into_response();
        set(&AccountOptions::default(), &mut response, &signed);
        assert_eq!(cookie(&response), None);
    }

    #[test]
    fn it_is_read_only_where_it_is_set() {
        let headers =
            HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("a=b; ping_token=a.b.c;c=d"))]);
        assert_eq!(token(&with_domain(), &headers), Ok(Some("a.b.c")));
        assert_eq!(token(&AccountOptions::default(), &headers), Ok(None));
        assert_eq!(token(&with_domain(), &HeaderMap::new()), Ok(None));
    }

    #[test]
    fn two_cookies_that_differ_are_refused_however_they_are_sent() {
        let read = |lines: &[&'static str]| {
            let headers = lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line)));
            token(&with_domain(), &headers.collect()).map(|token| token.map(str::to_owned))
        };
        for lines in [
            &["ping_token=a.b.c; ping_token=d.e.f"][..],
            &["ping_token=a.b.c; x=y; ping_token=d.e.f; ping_token=a.b.c"],
            &["ping_token=a.b.c", "ping_token=d.e.f"],
        ] {
            assert_eq!(read(lines), Err(Problem::invalid_token()), "{lines:?}");
        }
        assert_eq!(read(&["ping_token=a.b.c; ping_token=a.b.c"]), Ok(Some("a.b.c".to_owned())));
        assert_eq!(read(&["ping_token=; ping_token=a.b.c"]), Ok(Some("a.b.c".to_owned())));
    }
}
