//! Makes and checks sign-in codes over HTTP.
