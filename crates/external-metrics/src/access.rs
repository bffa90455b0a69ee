//! Whose requests are answered.

pub mod authentication;
pub mod authorization;
pub mod front_proxy;
