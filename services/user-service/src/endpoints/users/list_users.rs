//! `GET /api/v1/users`: everyone, up to a bound; in pages where `limit` is given. Off without `LIST_USERS`.

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
    http::{problem::Problem, response},
};

/// The largest page, and the size of one where no limit is given.
const MAX_LIMIT: u16 = 1000;

/// The query as it is read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// People on a page, 1 to 1000; 1000 if not given, or not such a number.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// `next` of the page before. Ignored if it is not an id.
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
        (status = 401, description = "No token, or a bad one"),
        (status = 501, description = "There is no directory, or it is not listed"),
        (status = 503, description = "The directory does not answer"),
    )
)]
pub(super) async fn list_users(
    State(app): State<Arc<App>>,
    query: Result<Query<PageQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let viewer = app.identify(&headers).await?;
    if !app.parts.options.list_users {
        return Err(Problem::users_not_listed());
    }
    let page = parse_page(query.map(|Query(query)| query).unwrap_or_default());
    let found = app.parts.accounts.list(&page).await;
    let users = found.map_err(|error| app.no_directory("list users", &error))?;
    let full = users.len() == usize::from(page.limit);
    let next = users.last().filter(|_| full).map(|user| user.id.clone());
    let users =
        users.into_iter().map(|user| UserView::new(user, Some(&viewer), &app.parts.options)).collect();
    Ok(response::json(&UserList { users, next }))
}

/// What makes no sense is as good as not given: the original reads none of it.
fn parse_page(query: PageQuery) -> Page {
    let limit = query.limit.and_then(|text| text.parse::<u16>().ok());
    let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let hex = |id: &String| id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit());
    Page { limit: limit.unwrap_or(MAX_LIMIT), after: query.after.filter(hex) }
}

#[cfg(test)]
mod tests {
    use super::{PageQuery, parse_page};
    use crate::accounts::Page;

    fn parse(limit: Option<&str>, after: Option<&str>) -> Page {
        parse_page(PageQuery { limit: limit.map(str::to_owned), after: after.map(str::to_owned) })
    }

    #[test]
    fn a_page_has_a_limit_that_makes_sense_or_a_thousand() {
        let id = "0a".repeat(12);
        assert_eq!(parse(None, None), Page { limit: 1000, after: None });
        assert_eq!(parse(None, Some(&id)), Page { limit: 1000, after: Some(id.clone()) });
        assert_eq!(parse(Some("10"), Some(&id)), Page { limit: 10, after: Some(id.clone()) });
        for limit in ["0", "1001", "x", "-1", "", " 5", "1.5", "1e1", "٣", "99999999999"] {
            assert_eq!(
                parse(Some(limit), Some(&id)),
                Page { limit: 1000, after: Some(id.clone()) },
                "{limit}"
            );
        }
        for after in ["", "x", "0a", "null", &"0g".repeat(12), &"0a".repeat(13)] {
            assert_eq!(parse(Some("10"), Some(after)), Page { limit: 10, after: None }, "{after}");
        }
    }
}
