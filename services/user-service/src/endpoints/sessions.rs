//! Sessions: where a user is signed in, and signing out.

pub(super) mod end_all_sessions;
pub(super) mod end_session;
pub(super) mod list_sessions;
pub(super) mod logout;
