//! Who may speak for users: the API server's front proxy, as `kube-system/extension-apiserver-authentication` says.

use k8s_openapi::api::core::v1::ConfigMap;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// Where the API server publishes it.
pub const NAMESPACE: &str = "kube-system";

/// The `ConfigMap`'s name.
pub const CONFIG_MAP: &str = "extension-apiserver-authentication";

/// The `ConfigMap` cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The API server runs without aggregation.
    #[error(
        "the ConfigMap kube-system/extension-apiserver-authentication has no {0}: \
         enable the aggregation layer of the API server"
    )]
    Missing(&'static str),
    /// Not PEM, or without a certificate.
    #[error(
        "the front proxy's CA bundle in kube-system/extension-apiserver-authentication is no PEM of certificates"
    )]
    Bundle,
    /// Not a JSON list of strings.
    #[error("{0} in kube-system/extension-apiserver-authentication is no JSON list of strings")]
    List(&'static str),
}

/// What the front proxy's certificate must be, and which headers it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontProxy {
    /// All CAs of the bundle: while they are being exchanged there are two.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Common names of which one must be the certificate's; none = any.
    pub allowed_names: Vec<String>,
    /// Headers with the user's name, the first that is there counts.
    pub username_headers: Vec<String>,
    /// Headers with the user's uid, the first that is there counts.
    pub uid_headers: Vec<String>,
    /// Headers with groups, all of them, each as often as it is there.
    pub group_headers: Vec<String>,
    /// How headers with further facts begin.
    pub extra_prefixes: Vec<String>,
}

impl FrontProxy {
    /// Reads the `ConfigMap`.
    pub fn parse(config_map: &ConfigMap) -> Result<Self, Error> {
        const BUNDLE: &str = "requestheader-client-ca-file";
        let bundle = text(config_map, BUNDLE).ok_or(Error::Missing(BUNDLE))?;
        let authorities = CertificateDer::pem_slice_iter(bundle.as_bytes()).collect::<Result<Vec<_>, _>>();
        let authorities = authorities.ok().filter(|found| !found.is_empty()).ok_or(Error::Bundle)?;
        let username_headers = list(config_map, "requestheader-username-headers")?;
        if username_headers.is_empty() {
            return Err(Error::Missing("requestheader-username-headers"));
        }
        Ok(Self {
            authorities,
            allowed_names: list(config_map, "requestheader-allowed-names")?,
            username_headers,
            uid_headers: list(config_map, "requestheader-uid-headers")?,
            group_headers: list(config_map, "requestheader-group-headers")?,
            extra_prefixes: list(config_map, "requestheader-extra-headers-prefix")?,
        })
    }
}

fn text<'a>(config_map: &'a ConfigMap, key: &str) -> Option<&'a str> {
    config_map.data.as_ref()?.get(key).map(String::as_str)
}

fn list(config_map: &ConfigMap, key: &'static str) -> Result<Vec<String>, Error> {
    let Some(text) = text(config_map, key).filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|_| Error::List(key))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::{Error, FrontProxy};
    use crate::test_authority::TestAuthority;

    fn config_map(changes: &[(&str, &str)]) -> ConfigMap {
        let bundle = [TestAuthority::new("one").pem(), TestAuthority::new("two").pem()].concat();
        let mut config_map = ConfigMap::default();
        let data = config_map.data.get_or_insert_default();
        data.insert("requestheader-client-ca-file".to_owned(), bundle);
        data.insert("requestheader-username-headers".to_owned(), r#"["X-Remote-User"]"#.to_owned());
        data.insert("requestheader-group-headers".to_owned(), r#"["X-Remote-Group"]"#.to_owned());
        data.extend(changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        config_map
    }

    #[test]
    fn the_whole_bundle_is_read_and_lists_may_be_absent() {
        let front_proxy = FrontProxy::parse(&config_map(&[])).unwrap();
        assert_eq!(front_proxy.authorities.len(), 2);
        assert_eq!(front_proxy.group_headers, ["X-Remote-Group"]);
        assert_eq!((front_proxy.allowed_names.len(), front_proxy.extra_prefixes.len()), (0, 0));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_an_open_door() {
        const BUNDLE: &str = "requestheader-client-ca-file";
        let cases = [
            ((BUNDLE, ""), Error::Bundle),
            ((BUNDLE, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), Error::Bundle),
            (
                ("requestheader-allowed-names", "front-proxy-client"),
                Error::List("requestheader-allowed-names"),
            ),
            (("requestheader-username-headers", "[]"), Error::Missing("requestheader-username-headers")),
        ];
        for (change, error) in cases {
            assert_eq!(FrontProxy::parse(&config_map(&[change])), Err(error));
        }
        assert_eq!(FrontProxy::parse(&ConfigMap::default()), Err(Error::Missing(BUNDLE)));
    }
}
