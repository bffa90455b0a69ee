//! Sessions: where a user is signed in, and signing out.

mod end_all_sessions;
mod end_session;
mod list_sessions;
mod logout;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions::list_sessions, end_all_sessions::end_all_sessions))
        .routes(routes!(end_session::end_session))
        .routes(routes!(logout::logout))
}
