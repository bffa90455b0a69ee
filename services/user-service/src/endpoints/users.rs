//! Users: the caller's own account, and the directory.

pub(super) mod list_users;
pub(super) mod me;
pub(super) mod rename_me;
pub(super) mod show_user;
mod user_view;
