//! `GET /api/v1/users/me`: who the token speaks of.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    accounts::{AccountsError, User},
    endpoints::App,
    http::{problem::Problem, response},
};

/// The body of the 200.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    user: User,
}

/// The person as the directory has them; without a directory, as the token has them.
#[utoipa::path(
    get, path = "/api/v1/users/me", tag = "users", security(("bearer" = [])),
    responses(
        (status = 200, description = "The bearer of the token", body = Me),
        (status = 401, description = "No token, or a bad one"),
        (status = 503, description = "The directory does not answer"),
    )
)]
pub(super) async fn me(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let identity = app.identify(&headers).await?;
    let user = match app.parts.accounts.find(&identity.user.id).await {
        Ok(Some(user)) => user,
        // Removed from the directory: the token is worth nothing any more.
        Ok(None) => return Err(Problem::invalid_token()),
        Err(AccountsError::NoDirectory) => identity.user,
        Err(error) => return Err(app.unavailable("find the user", &error)),
    };
    Ok(response::json(&Me { user }))
}
