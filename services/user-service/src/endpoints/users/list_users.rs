//! `GET /api/v1/users`: everyone; in pages where `limit` is given.

use std::sync::Arc;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::user_view::UserView;
use crate::{
    accounts::Page,
    endpoints::App,
    http::{bearer, problem::Problem, response},
};

/// The largest page.
const MAX_LIMIT: u16 = 1000;

/// The query as it is read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// People on a page, 1 to 1000; everyone at once if not given.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
}

/// The body of the 200.
#[derive(Serialize, ToSchema)]
pub(super) struct UserList {
    users: Vec<UserView>,
    /// `after` of the next page, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// People in the order of their ids.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users", security(("bearer" = [])), params(PageQuery),
    responses(
        (status = 200, description = "People", body = UserList),
        (status = 400, description = "A bad limit"),
        (status = 401, description = "No token, or a bad one"),
        (status = 501, description = "There is no directory"),
        (status = 503, description = "The directory does not answer"),
    )
)]
pub(super) async fn list_users(
    State(app): State<Arc<App>>,
    query: Result<Query<PageQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let viewer = bearer::identify(&app.parts.tokens, &headers)?;
    let page = query.map_err(|_| Problem::invalid_page()).and_then(|Query(query)| parse_page(query))?;
    let found = app.parts.accounts.list(&page).await;
    let users = found.map_err(|error| app.no_directory("list users", &error))?;
    let full = page.limit.is_some_and(|limit| users.len() == usize::from(limit));
    let next = users.last().filter(|_| full).map(|user| user.id.clone());
    let users =
        users.into_iter().map(|user| UserView::new(user, Some(&viewer), &app.parts.options)).collect();
    Ok(response::json(&UserList { users, next }))
}

fn parse_page(query: PageQuery) -> Result<Page, Problem> {
    let limit = query.limit.map(|text| {
        let limit = text.parse::<u16>().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or(Problem::invalid_page())
    });
    let hex = |id: &String| id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if query.after.as_ref().is_some_and(|after| !hex(after)) {
        return Err(Problem::invalid_page());
    }
    // Paged only where a limit says so.
    let limit = limit.transpose()?;
    Ok(Page { limit, after: query.after.filter(|_| limit.is_some()) })
}

#[cfg(test)]
mod tests {
    use super::{PageQuery, parse_page};
    use crate::{accounts::Page, http::problem::Problem};

    fn parse(limit: Option<&str>, after: Option<&str>) -> Result<Page, Problem> {
        parse_page(PageQuery { limit: limit.map(str::to_owned), after: after.map(str::to_owned) })
    }

    #[test]
    fn there_are_pages_only_with_a_limit() {
        let id = "0a".repeat(12);
        assert_eq!(parse(None, None), Ok(Page::default()));
        assert_eq!(parse(None, Some(&id)), Ok(Page::default()));
        assert_eq!(parse(Some("10"), Some(&id)), Ok(Page { limit: Some(10), after: Some(id) }));
        for (limit, after) in [("0", None), ("1001", None), ("x", None), ("-1", None), ("10", Some("x"))] {
            assert_eq!(parse(Some(limit), after), Err(Problem::invalid_page()), "{limit} {after:?}");
        }
    }
}
