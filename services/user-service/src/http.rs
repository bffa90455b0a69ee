//! What endpoints share of HTTP: layers, extractors, headers and the form of responses.

pub mod admission;
pub(crate) mod bearer;
pub mod body;
pub(crate) mod cookie;
pub(crate) mod cors;
pub(crate) mod paths;
pub mod problem;
pub(crate) mod rate_limit_headers;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod security_headers;
mod trusted_proxies;

pub use cors::AllowedPages;
pub use trusted_proxies::{Origin, TrustedProxies};
