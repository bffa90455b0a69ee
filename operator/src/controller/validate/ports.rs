//! Which ports the URLs in referenced Secrets name, so that NetworkPolicies open those and no others. Pure; a URL that
//! cannot be read here is not judged: the service that uses it does that.

/// The port of a `redis://` or `rediss://` URL.
pub(super) fn of_redis(url: &str) -> Option<u16> {
    let (scheme, rest) = url.trim().split_once("://")?;
    matches!(scheme, "redis" | "rediss").then_some(())?;
    port(authority(rest), 6379)
}

/// The ports of the hosts in a `mongodb://` URI. `None` for `mongodb+srv://`: its DNS records say which.
pub(super) fn of_mongo(uri: &str) -> Option<Vec<u16>> {
    let rest = uri.trim().strip_prefix("mongodb://")?;
    let mut ports = authority(rest).split(',').map(|host| port(host, 27017)).collect::<Option<Vec<_>>>()?;
    ports.sort_unstable();
    ports.dedup();
    Some(ports)
}

/// Hosts and ports, without what stands before and after them.
fn authority(rest: &str) -> &str {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts)
}

/// The port of one host, which may be an IPv6 address in brackets.
fn port(host: &str, default: u16) -> Option<u16> {
    let after_brackets = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    match after_brackets.rsplit_once(':') {
        Some((_, port)) => port.parse().ok().filter(|port| *port > 0),
        None => (!host.is_empty()).then_some(default),
    }
}

#[cfg(test)]
mod tests {
    use super::{of_mongo, of_redis};

    #[test]
    fn redis_port_is_the_urls_or_the_usual_one() {
        for (url, port) in [
            ("redis://redis.example.org", Some(6379)),
            ("rediss://ping:p@ss:w0rd@redis.example.org:6380/3\n", Some(6380)),
            ("rediss://[2001:db8::1]:7000?protocol=resp3", Some(7000)),
            ("redis://[2001:db8::1]/0", Some(6379)),
            ("unix:///run/redis.sock", None),
            ("redis://host:0", None),
            ("redis:///", None),
            ("redis.example.org:6379", None),
        ] {
            assert_eq!(of_redis(url), port, "{url}");
        }
    }

    #[test]
    fn every_host_of_a_mongo_uri_counts() {
        let uri = "mongodb://u:p@a.example.org:27018,b.example.org,c.example.org:27018/ping?replicaSet=rs0";
        assert_eq!(of_mongo(uri), Some(vec![27017, 27018]));
        assert_eq!(of_mongo("mongodb+srv://cluster.example.org/ping"), None);
        assert_eq!(of_mongo("mongodb://m"), Some(vec![27017]));
        assert_eq!(of_mongo("mongodb://a,b:x"), None);
    }
}
