use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use k8s_openapi::api::core::v1::Secret;
use rustls::{
    RootCertStore,
    client::WebPkiServerVerifier,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

use super::{Material, Renewal, Subject};

const DAY: Duration = Duration::from_hours(24);

fn subject() -> Subject {
    let dns_names = ["metrics", "metrics.shop", "metrics.shop.svc"].map(str::to_owned).to_vec();
    Subject { manager: "queue-metrics".to_owned(), dns_names }
}

/// Whether a client that trusts `bundle` accepts what `material` serves, as the API server would.
fn trusted(bundle: &str, material: &Material, now: SystemTime) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(bundle.as_bytes()).map(Result::unwrap));
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let key = material.certified_key().unwrap();
    let name = ServerName::try_from("metrics.shop.svc").unwrap();
    let now = UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap());
    rustls::client::danger::ServerCertVerifier::verify_server_cert(
        &*verifier,
        &key.cert[0],
        &[],
        &name,
        &[],
        now,
    )
    .is_ok()
}

#[test]
fn what_is_served_is_trusted_by_its_bundle_and_by_no_other() {
    let now = SystemTime::now();
    let material = Material::make(&subject(), now).unwrap();
    let other = Material::make(&subject(), now).unwrap();
    assert!(trusted(&material.bundle(), &material, now));
    assert!(!trusted(&other.bundle(), &material, now));
    assert_eq!(material.due(&subject(), now, true).unwrap(), None);
}

#[test]
fn a_serving_certificate_is_renewed_in_its_last_third_by_the_same_authority() {
    let now = SystemTime::now();
    let material = Material::make(&subject(), now).unwrap();
    assert_eq!(material.due(&subject(), now + 19 * DAY, true).unwrap(), None);
    let later = now + 21 * DAY;
    assert_eq!(material.due(&subject(), later, false).unwrap(), Some(Renewal::Serve));
    let renewed = material.after(Renewal::Serve, &subject(), later).unwrap();
    assert_eq!(renewed.bundle(), material.bundle());
    assert!(trusted(&material.bundle(), &renewed, now + 45 * DAY));
    assert!(!trusted(&material.bundle(), &material, now + 45 * DAY));
}

#[test]
fn other_names_are_a_reason_to_sign_again() {
    let now = SystemTime::now();
    let old = Subject { dns_names: vec!["old.shop.svc".to_owned()], ..subject() };
    let material = Material::make(&old, now).unwrap();
    assert_eq!(material.due(&subject(), now, true).unwrap(), Some(Renewal::Serve));
}

#[test]
fn a_new_authority_is_trusted_before_it_signs_and_the_old_one_until_nobody_serves_it() {
    let made = SystemTime::now();
    let mut now = made + 300 * DAY;
    let first = Material::make(&subject(), made).unwrap().after(Renewal::Serve, &subject(), now).unwrap();

    assert_eq!(first.due(&subject(), now, true).unwrap(), Some(Renewal::Announce));
    let announced = first.after(Renewal::Announce, &subject(), now).unwrap();
    assert!(trusted(&announced.bundle(), &first, now), "the replicas serve the old one's");
    assert_eq!(announced.due(&subject(), now, true).unwrap(), None, "not before the overlap is over");

    now += Duration::from_hours(2);
    assert_eq!(announced.due(&subject(), now, false).unwrap(), None, "not before the API server has both");
    assert_eq!(announced.due(&subject(), now, true).unwrap(), Some(Renewal::Switch));
    let switched = announced.after(Renewal::Switch, &subject(), now).unwrap();
    assert!(trusted(&announced.bundle(), &switched, now), "the API server may not have seen the switch");
    assert!(trusted(&switched.bundle(), &announced, now), "a slow replica serves the old one's");
    assert_eq!(switched.due(&subject(), now, true).unwrap(), None);

    now += 2 * DAY;
    assert_eq!(switched.due(&subject(), now, true).unwrap(), Some(Renewal::Forget));
    let forgotten = switched.after(Renewal::Forget, &subject(), now).unwrap();
    assert!(trusted(&forgotten.bundle(), &switched, now));
    assert!(!trusted(&forgotten.bundle(), &announced, now));
    assert_eq!(forgotten.due(&subject(), now, true).unwrap(), None);
}

#[test]
fn the_secret_holds_all_of_it_at_every_step() {
    let now = SystemTime::now();
    let mut material = Material::make(&subject(), now).unwrap();
    for step in [Renewal::Serve, Renewal::Announce, Renewal::Switch, Renewal::Announce, Renewal::Forget] {
        material = material.after(step, &subject(), now).unwrap();
        let secret = Secret { data: Some(material.data()), ..Secret::default() };
        assert!(Material::read(&secret).unwrap() == material, "{step:?}");
    }
}

#[test]
fn a_secret_that_lacks_a_key_or_mixes_two_pairs_is_refused() {
    let now = SystemTime::now();
    let one = Material::make(&subject(), now).unwrap();
    let two = Material::make(&subject(), now).unwrap();
    for key in ["ca.crt", "ca.key", "tls.crt", "tls.key"] {
        let mut data = one.data();
        data.remove(key);
        let error = Material::read(&Secret { data: Some(data), ..Secret::default() }).unwrap_err();
        assert!(error.to_string().starts_with(key), "{error}");
    }
    let mut mixed = one.data();
    mixed.extend(two.data().into_iter().filter(|(key, _)| key == "tls.key"));
    assert!(Material::read(&Secret { data: Some(mixed), ..Secret::default() }).is_err());
}

#[test]
fn debug_shows_no_key() {
    assert!(!format!("{:?}", Material::make(&subject(), SystemTime::now()).unwrap()).contains("BEGIN"));
}
