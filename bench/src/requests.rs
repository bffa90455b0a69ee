//! What the generator sends, and what must be answered. Every login has an address and a client of its own, unless the
//! row is about a fixed number of addresses.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header};

/// The kinds of one in ten requests in a mix; the other seven are logins.
const AGAIN: u64 = 7;
const VERIFY: u64 = 8;
const BAD: u64 = 9;

/// A source of requests. One of a kind lasts for a whole run: numbers are not given twice.
#[derive(Debug)]
pub(crate) struct Requests {
    next: AtomicU64,
    mix: bool,
    addresses: Option<u64>,
}

/// A request, and which answers are right.
pub(crate) struct Wanted {
    pub(crate) request: Request<Full<Bytes>>,
    pub(crate) statuses: &'static [u16],
    /// The number of the address, if it is a login that makes a code.
    pub(crate) login: Option<u64>,
}

impl Requests {
    /// Logins alone, the first with this number.
    pub(crate) fn logins(first: u64) -> Self {
        Self { next: AtomicU64::new(first), mix: false, addresses: None }
    }

    /// Of ten requests: seven logins, one again for the same address (429), one verify with a wrong code and one bad
    /// request (400 both).
    pub(crate) fn mix(first: u64) -> Self {
        Self { next: AtomicU64::new(first), mix: true, addresses: None }
    }

    /// Logins of so many addresses, again and again.
    pub(crate) fn logins_of(addresses: u64) -> Self {
        Self { next: AtomicU64::new(0), mix: false, addresses: Some(addresses) }
    }

    /// The number of the next request.
    pub(crate) fn position(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// The next request of a connection whose last login had the number `last`.
    pub(crate) fn next(&self, last: Option<u64>) -> Wanted {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let n = self.addresses.map_or(n, |addresses| n % addresses);
        let kind = if self.mix { n % 10 } else { 0 };
        match (kind, last) {
            (BAD, _) => wanted("login", n, br#"{"email":"not an address"}"#.to_vec(), &[400]),
            (AGAIN, Some(last)) => wanted("login", n, login_body(last), &[429]),
            (VERIFY, Some(last)) => {
                let body = format!(r#"{{"email":"{}","otp":"000000"}}"#, address(last));
                // One code in a million is this one.
                wanted("verify-otp", n, body.into_bytes(), &[400, 200])
            }
            _ => Wanted { login: Some(n), ..wanted("login", n, login_body(n), &[200]) },
        }
    }
}

/// The address with a number.
pub(crate) fn address(n: u64) -> String {
    format!("u{n}@load.example.org")
}

/// The client with a number: any IPv4 address will do, it is only counted.
pub(crate) fn client(n: u64) -> Ipv4Addr {
    let [.., a, b, c] = n.to_be_bytes();
    Ipv4Addr::new(11, a, b, c)
}

fn login_body(n: u64) -> Vec<u8> {
    format!(r#"{{"email":"{}"}}"#, address(n)).into_bytes()
}

fn wanted(endpoint: &str, n: u64, body: Vec<u8>, statuses: &'static [u16]) -> Wanted {
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = hyper::Method::POST;
    let path = if endpoint == "login" { "/api/v1/login" } else { "/api/v1/verify-otp" };
    *request.uri_mut() = hyper::Uri::from_static(path);
    let headers = request.headers_mut();
    headers.insert(header::HOST, header::HeaderValue::from_static("localhost"));
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if let Ok(client) = header::HeaderValue::from_str(&client(n).to_string()) {
        headers.insert("x-forwarded-for", client);
    }
    Wanted { request, statuses, login: None }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Requests, client};

    #[test]
    fn every_login_has_an_address_and_a_client_of_its_own() {
        let requests = Requests::logins(5);
        let numbers = (0..100).map(|_| requests.next(None).login.unwrap()).collect::<BTreeSet<_>>();
        assert_eq!((numbers.len(), requests.position()), (100, 105));
        assert_eq!(client(0x0102_0304).to_string(), "11.2.3.4");
    }

    #[test]
    fn a_mix_is_seven_logins_in_ten_and_one_of_each_other_kind() {
        let requests = Requests::mix(0);
        let mut kinds = BTreeMap::<&[u16], u32>::new();
        for _ in 0..100 {
            *kinds.entry(requests.next(Some(1)).statuses).or_default() += 1;
        }
        let expected: [(&[u16], u32); 4] = [(&[200], 70), (&[400], 10), (&[400, 200], 10), (&[429], 10)];
        assert_eq!(kinds, BTreeMap::from(expected));
    }

    #[test]
    fn without_a_login_before_it_a_connection_logs_in() {
        let requests = Requests::mix(7);
        assert_eq!((requests.next(None).statuses, requests.next(None).statuses), (&[200][..], &[200][..]));
    }

    #[test]
    fn a_fixed_number_of_addresses_comes_round_again() {
        let requests = Requests::logins_of(2);
        let numbers = (0..4).map(|_| requests.next(None).login.unwrap()).collect::<Vec<_>>();
        assert_eq!(numbers, [0, 1, 0, 1]);
    }
}
