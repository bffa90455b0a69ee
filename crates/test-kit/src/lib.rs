//! Support for integration tests: real servers, a scripted SMTP server, a breakable proxy.
