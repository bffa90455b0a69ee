//! `REDIS_URL` with the socket options that a login path needs.

use std::time::Duration;

use redis::{
    ConnectionInfo, IntoConnectionInfo as _,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};

/// A peer that does not acknowledge for this long is gone. The watchdog above notices earlier; this frees the socket.
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// The connection's description; `None` if it is not a Redis URL.
pub(super) fn parse(url: &str) -> Option<ConnectionInfo> {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
    let tcp =
        TcpSettings::default().set_nodelay(true).set_keepalive(keepalive).set_user_timeout(USER_TIMEOUT);
    Some(url.into_connection_info().ok()?.set_tcp_settings(tcp))
}
