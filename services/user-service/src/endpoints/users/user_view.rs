//! People as others see them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    accounts::{AccountOptions, User},
    tokens::Identity,
};

/// A person. Strangers see id and name.
#[derive(Serialize, ToSchema)]
pub(super) struct UserView {
    #[serde(rename = "_id")]
    id: String,
    name: String,
    /// For the person, and for everyone with a token where `DIRECTORY_EMAILS` is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(rename = "createdAt", skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(rename = "updatedAt", skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

impl UserView {
    /// What `viewer` may see of a person.
    pub(super) fn new(user: User, viewer: Option<&Identity>, options: &AccountOptions) -> Self {
        let own = viewer.is_some_and(|viewer| viewer.user.id == user.id);
        let email = own || (viewer.is_some() && options.directory_emails);
        let times = viewer.is_some();
        Self {
            id: user.id,
            name: user.name,
            email: email.then_some(user.email),
            created_at: user.created_at.filter(|_| times),
            updated_at: user.updated_at.filter(|_| times),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::UserView;
    use crate::{
        accounts::{AccountOptions, User},
        tokens::Identity,
    };

    fn view(viewer: Option<&str>, directory_emails: bool) -> Value {
        let user = User { created_at: Some("2023".to_owned()), ..User::new("a", "Ada", "ada@example.org") };
        let viewer = viewer.map(|id| Identity { user: User::new(id, "", ""), session: None, expires_at: 0 });
        let options = AccountOptions { directory_emails, ..AccountOptions::default() };
        serde_json::to_value(UserView::new(user, viewer.as_ref(), &options)).unwrap()
    }

    #[test]
    fn addresses_are_seen_by_their_owner_and_others_only_where_that_is_on() {
        let own = json!({"_id": "a", "name": "Ada", "email": "ada@example.org", "createdAt": "2023"});
        assert_eq!(view(Some("a"), false), own);
        assert_eq!(view(Some("b"), true), own);
        assert_eq!(view(Some("b"), false), json!({"_id": "a", "name": "Ada", "createdAt": "2023"}));
        assert_eq!(view(None, true), json!({"_id": "a", "name": "Ada"}));
    }
}
