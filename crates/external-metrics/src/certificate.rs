//! The authority and the serving certificate of the metrics server: made, judged and renewed. Pure but for the random
//! keys; the Secret that all replicas read is in [`store`].
//!
//! A new authority is published beside the old one first. Only when the API server trusts both is a certificate of the
//! new one served, and only when no replica can serve the old one's any more is that one forgotten.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

pub mod store;

/// How long an authority is good.
const AUTHORITY_LIFETIME: Duration = Duration::from_hours(365 * 24);

/// How long a serving certificate is good.
const SERVING_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// Certificates begin in the past: clocks differ.
const BACKDATED: Duration = Duration::from_mins(5);

/// How long a new authority is published before it signs what is served.
const OVERLAP: Duration = Duration::from_hours(1);

/// How long an old authority stays published after that.
const FAREWELL: Duration = Duration::from_hours(24);

/// The material cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the certificate cannot be created")]
    Make(#[from] rcgen::Error),
    /// The Secret lacks a key, or it holds something else.
    #[error(
        "{0} in the Secret of the metrics server's certificate is missing or unusable: delete the Secret"
    )]
    Unreadable(&'static str),
}

/// Whose certificates they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// How the common names begin: the program's name.
    pub manager: String,
    /// The names that the serving certificate is for.
    pub dns_names: Vec<String>,
}

/// What the Secret holds. Debug shows no key.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    authority: Pair,
    next: Option<Pair>,
    old: Vec<String>,
    serving: Pair,
}

/// A certificate and its private key, both PEM.
#[derive(Clone, PartialEq, Eq)]
struct Pair {
    certificate: String,
    key: String,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// Sign a new serving certificate.
    Serve,
    /// Make the next authority, to be published beside the present one.
    Announce,
    /// Sign with the next authority from now on.
    Switch,
    /// Publish the authorities before the present one no longer.
    Forget,
}

impl Material {
    /// Everything new, for this server.
    pub fn make(subject: &Subject, now: SystemTime) -> Result<Self, Error> {
        let authority = make_authority(subject, now)?;
        let serving = sign(&authority, subject, now)?;
        Ok(Self { authority, next: None, old: Vec::new(), serving })
    }

    /// Which step is due at `now`. `published` says that the API server has been given [`Material::bundle`].
    pub fn due(&self, subject: &Subject, now: SystemTime, published: bool) -> Result<Option<Renewal>, Error> {
        let serving = Facts::of(&self.serving.certificate).ok_or(Error::Unreadable("tls.crt"))?;
        let authority = Facts::of(&self.authority.certificate).ok_or(Error::Unreadable("ca.crt"))?;
        let next = self
            .next
            .as_ref()
            .map(|next| Facts::of(&next.certificate).ok_or(Error::Unreadable("next-ca.crt")));
        let next = next.transpose()?;
        let step = match &next {
            None if authority.in_last_third(now) => Some(Renewal::Announce),
            Some(next) if published && now >= next.begins + BACKDATED + OVERLAP => Some(Renewal::Switch),
            _ if serving.in_last_third(now) || serving.names != subject.dns_names => Some(Renewal::Serve),
            None if !self.old.is_empty() && now >= serving_since(&authority) + FAREWELL => {
                Some(Renewal::Forget)
            }
            _ => None,
        };
        Ok(step)
    }

    /// The material after a step.
    pub fn after(&self, step: Renewal, subject: &Subject, now: SystemTime) -> Result<Self, Error> {
        let mut after = self.clone();
        match step {
            Renewal::Serve => after.serving = sign(&self.authority, subject, now)?,
            Renewal::Announce => after.next = Some(make_authority(subject, now)?),
            Renewal::Forget => after.old.clear(),
            Renewal::Switch => {
                if let Some(next) = after.next.take() {
                    after.serving = sign(&next, subject, now)?;
                    after.old.push(std::mem::replace(&mut after.authority, next).certificate);
                }
            }
        }
        Ok(after)
    }

    /// All authorities that the API server must trust, as PEM.
    #[must_use]
    pub fn bundle(&self) -> String {
        let next = self.next.iter().map(|next| &next.certificate);
        std::iter::once(&self.authority.certificate)
            .chain(next)
            .chain(&self.old)
            .map(String::as_str)
            .collect()
    }

    /// What the server shows and signs with.
    pub fn certified_key(&self) -> Result<Arc<CertifiedKey>, Error> {
        let chain = CertificateDer::pem_slice_iter(self.serving.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|_| Error::Unreadable("tls.crt"))?;
        let unusable = Error::Unreadable("tls.key");
        let Ok(key) = PrivateKeyDer::from_pem_slice(self.serving.key.as_bytes()) else {
            return Err(unusable);
        };
        let Ok(key) = ring::sign::any_supported_type(&key) else { return Err(unusable) };
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|_| Error::Unreadable("tls.key"))?;
        Ok(Arc::new(certified))
    }

    /// Reads the Secret's data.
    pub fn read(secret: &Secret) -> Result<Self, Error> {
        let text = |key: &'static str| {
            let value = value(secret, key).and_then(|value| String::from_utf8(value.0.clone()).ok());
            value.ok_or(Error::Unreadable(key))
        };
        let pair =
            |certificate, key| Ok::<_, Error>(Pair { certificate: text(certificate)?, key: text(key)? });
        let material = Self {
            authority: pair("ca.crt", "ca.key")?,
            next: pair("next-ca.crt", "next-ca.key").ok(),
            old: text("old-ca.crt").ok().into_iter().collect(),
            serving: pair("tls.crt", "tls.key")?,
        };
        material.certified_key()?;
        Ok(material)
    }

    /// The Secret's data.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, ByteString> {
        let mut texts = vec![
            ("ca.crt", self.authority.certificate.clone()),
            ("ca.key", self.authority.key.clone()),
            ("tls.crt", self.serving.certificate.clone()),
            ("tls.key", self.serving.key.clone()),
        ];
        if let Some(next) = &self.next {
            texts.extend([("next-ca.crt", next.certificate.clone()), ("next-ca.key", next.key.clone())]);
        }
        if !self.old.is_empty() {
            texts.push(("old-ca.crt", self.old.concat()));
        }
        texts.into_iter().map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes()))).collect()
    }
}

/// A value in a Secret. An empty one is a missing one.
fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a ByteString> {
    secret.data.as_ref()?.get(key).filter(|value| !value.0.is_empty())
}

/// An authority signs from the end of its time beside the old one.
fn serving_since(authority: &Facts) -> SystemTime {
    authority.begins + BACKDATED + OVERLAP
}

/// What a certificate says of itself.
struct Facts {
    begins: SystemTime,
    ends: SystemTime,
    names: Vec<String>,
}

impl Facts {
    fn of(pem: &str) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let time = |seconds: i64| Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?));
        let alternatives = certificate.subject_alternative_name().ok()?;
        let alternatives = alternatives.map(|found| found.value.general_names.as_slice()).unwrap_or_default();
        let dns = |name: &GeneralName<'_>| {
            if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None }
        };
        Some(Self {
            begins: time(certificate.validity().not_before.timestamp())?,
            ends: time(certificate.validity().not_after.timestamp())?,
            names: alternatives.iter().filter_map(dns).collect(),
        })
    }

    fn in_last_third(&self, now: SystemTime) -> bool {
        let lifetime = self.ends.duration_since(self.begins).unwrap_or_default();
        now + lifetime / 3 >= self.ends
    }
}

fn make_authority(subject: &Subject, now: SystemTime) -> Result<Pair, Error> {
    let key = KeyPair::generate()?;
    let mut params = validity(now, AUTHORITY_LIFETIME);
    let name = format!("{} external metrics authority", subject.manager);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(Pair { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

fn sign(authority: &Pair, subject: &Subject, now: SystemTime) -> Result<Pair, Error> {
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let key = KeyPair::generate()?;
    let mut params = validity(now, SERVING_LIFETIME);
    for name in &subject.dns_names {
        params.subject_alt_names.push(rcgen::SanType::DnsName(name.as_str().try_into()?));
    }
    params.distinguished_name.push(DnType::CommonName, format!("{} external metrics", subject.manager));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(Pair { certificate: params.signed_by(&key, &issuer)?.pem(), key: key.serialize_pem() })
}

fn validity(now: SystemTime, lifetime: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + lifetime).into();
    params
}

#[cfg(test)]
mod tests;
