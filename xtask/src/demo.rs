//! What `make up` makes: the operator, and a PingStack with Mailpit, on the cluster in use.

mod down;
mod load;
mod login;
mod state;
mod up;

pub(crate) use down::run as down;
pub(crate) use load::run as load;
pub(crate) use login::run as login;
pub(crate) use up::run as up;

const OPERATOR_NAMESPACE: &str = crate::kubernetes::DEMO_OPERATOR_NAMESPACE;
const NAMESPACE: &str = "ping";
const STACK: &str = "demo";
