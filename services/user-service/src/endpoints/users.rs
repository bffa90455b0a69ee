//! Users: the caller's own account, and the directory.

mod list_users;
mod me;
mod rename_me;
mod show_user;
mod user_view;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_users::list_users))
        .routes(routes!(me::me, rename_me::rename_me))
        .routes(routes!(show_user::show_user))
}
