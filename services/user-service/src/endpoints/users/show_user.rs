//! `GET /api/v1/users/{id}`: one person. The original's chat service calls it without a token.

use std::sync::Arc;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::user_view::UserView;
use crate::{
    endpoints::App,
    http::{problem::Problem, response},
};

/// The body of the 200.
#[derive(Serialize, ToSchema)]
pub(super) struct ShownUser {
    user: UserView,
}

/// Id and name for anyone; more with a good token. A bad one is ignored, since none is needed.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "users", security((), ("bearer" = [])),
    params(("id" = String, Path, description = "24 hex digits")),
    responses(
        (status = 200, description = "The person", body = ShownUser),
        (status = 404, description = "No such person"),
        (status = 501, description = "There is no directory"),
        (status = 503, description = "The directory does not answer"),
    )
)]
pub(super) async fn show_user(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let viewer = app.identify_if_good(&headers).await?;
    let Path(id) = id.map_err(|_| Problem::user_not_found())?;
    let found = app.parts.accounts.find(&id).await;
    let user =
        found.map_err(|error| app.no_directory("find a user", &error))?.ok_or(Problem::user_not_found())?;
    Ok(response::json(&ShownUser { user: UserView::new(user, viewer.as_ref(), &app.parts.options) }))
}
