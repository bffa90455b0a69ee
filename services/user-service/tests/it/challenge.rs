//! The challenge: strangers who guess at an address cannot use up its owner's tries.

use serde_json::json;

use crate::support::{Service, Setup, wrong_codes};

const ADA: &str = "ada@example.org";

#[tokio::test]
async fn strangers_cannot_use_up_the_tries_of_the_holder() {
    let service = Service::start().await;
    let (code, challenge) = service.code_for(ADA).await;
    for wrong in wrong_codes(&code).take(10) {
        let answer = service.verify_from("198.51.100.66", ADA, &wrong).await.expect(400);
        assert_eq!(answer.json.get("attempts_remaining"), None);
    }
    service.verify_from("198.51.100.66", ADA, &code).await.expect(400);
    service.verify_with(&challenge, ADA, &code).await.expect(200);
}

#[tokio::test]
async fn the_holder_has_five_tries_and_is_told_what_is_left() {
    let service = Service::start().await;
    let (code, challenge) = service.code_for(ADA).await;
    for (wrong, left) in wrong_codes(&code).zip([4, 3, 2, 1, 0]) {
        let answer = service.verify_with(&challenge, ADA, &wrong).await.expect(400);
        assert_eq!(answer.message(), "Invalid or expired OTP");
        assert_eq!(answer.json["attempts_remaining"], left);
    }
    let answer = service.verify_with(&challenge, ADA, &code).await.expect(400);
    assert_eq!(answer.json.get("attempts_remaining"), None);
    service.verify(ADA, &code).await.expect(400);
}

#[tokio::test]
async fn a_wrong_challenge_is_as_good_as_none() {
    let service = Service::start().await;
    let (code, challenge) = service.code_for(ADA).await;
    let wrong = wrong_codes(&code).next().unwrap();
    for challenge in [challenge.replace(|_| true, "0"), "x".repeat(5000), challenge.to_uppercase() + " "] {
        let answer = service.verify_with(&challenge, ADA, &wrong).await.expect(400);
        assert_eq!(answer.json.get("attempts_remaining"), None);
    }
    service.verify_with("nonsense", ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_resend_of_the_same_client_gives_its_holder_no_new_tries() {
    let service = Setup::default().unlimited_logins().start().await;
    let (first, one) = service.code_for(ADA).await;
    for wrong in wrong_codes(&first).take(3) {
        service.verify_with(&one, ADA, &wrong).await.expect(400);
    }
    let (second, two) = service.code_for(ADA).await;
    let wrong = wrong_codes(&first).filter(|wrong| *wrong != second).take(2).collect::<Vec<_>>();
    let answer = service.verify_with(&two, ADA, &wrong[0]).await.expect(400);
    assert_eq!(answer.json["attempts_remaining"], 1);
    service.verify_with(&one, ADA, &wrong[1]).await.expect(400);
    service.verify_with(&two, ADA, &second).await.expect(400);
}

#[tokio::test]
async fn a_login_of_a_stranger_does_not_take_the_owners_tries() {
    let service = Setup::default().unlimited_logins().start().await;
    let (code, challenge) = service.code_for(ADA).await;
    let (stranger_code, stranger) = service.code_from("198.51.100.66", ADA).await;
    for wrong in wrong_codes(&code).filter(|wrong| *wrong != stranger_code).take(5) {
        service.verify_with(&stranger, ADA, &wrong).await.expect(400);
    }
    let wrong = wrong_codes(&code).filter(|wrong| *wrong != stranger_code).nth(9).unwrap();
    let answer = service.verify_with(&challenge, ADA, &wrong).await.expect(400);
    assert_eq!(answer.json["attempts_remaining"], 4);
    service.verify_with(&challenge, ADA, &code).await.expect(200);
}

#[tokio::test]
async fn either_challenge_of_one_client_goes_with_either_of_its_codes() {
    let service = Setup::default().unlimited_logins().start().await;
    let (first, _) = service.code_for(ADA).await;
    let (_, newest) = service.code_for(ADA).await;
    service.verify_with(&newest, ADA, &first).await.expect(200);
}

#[tokio::test]
async fn a_challenge_is_not_compared_with_the_code_of_another_client() {
    let service = Setup::default().unlimited_logins().start().await;
    let (code, _) = service.code_for(ADA).await;
    let (_, other) = service.code_from("198.51.100.66", ADA).await;
    service.verify_with_from("198.51.100.66", &other, ADA, &code).await.expect(400);
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_login_answers_a_challenge_of_128_bits_and_the_times() {
    let service = Setup::default().unlimited_logins().start().await;
    let (_, one) = service.code_for(ADA).await;
    let (_, two) = service.code_for(ADA).await;
    assert!(one != two && one.len() == 32 && one.bytes().all(|b| b.is_ascii_hexdigit()), "{one}");
    let service = Service::start().await;
    let answer = service.login(ADA).await.expect(200);
    assert_eq!(answer.json["expires_in"], json!(300));
    assert_eq!(answer.json["resend_after"], json!(60));
}

#[tokio::test]
async fn where_a_challenge_is_required_only_the_code_of_that_login_is_compared() {
    let service = Setup::default().unlimited_logins().require_challenge().start().await;
    let (first, one) = service.code_for(ADA).await;
    let (second, two) = service.code_for(ADA).await;
    if first == second {
        return; // one time in a million
    }
    let answer = service.verify_with(&two, ADA, &first).await.expect(400);
    assert_eq!(answer.json["attempts_remaining"], 4);
    service.verify_with(&one, ADA, &second).await.expect(400);
    service.verify_with(&two, ADA, &second).await.expect(200);
}

#[tokio::test]
async fn where_a_challenge_is_required_a_code_without_one_is_not_compared() {
    let service = Setup::default().unlimited_logins().require_challenge().start().await;
    let (code, challenge) = service.code_for(ADA).await;
    let answer = service.verify(ADA, &code).await.expect(400);
    assert_eq!(
        (&answer.json["code"], &answer.json["errors"][0]["pointer"]),
        (&json!("challenge-required"), &json!("/challenge"))
    );
    // More than an address has tries, without and with the challenge of nobody.
    for wrong in wrong_codes(&code).take(30) {
        service.verify_from("198.51.100.66", ADA, &wrong).await.expect(400);
    }
    let (eves_code, eves) = service.code_for("eve@example.org").await;
    for _ in 0..10 {
        let answer = service.verify_with(&eves, ADA, &code).await.expect(400);
        assert_eq!(
            (answer.message(), answer.json.get("attempts_remaining")),
            ("Invalid or expired OTP", None)
        );
    }
    // Nothing of it counts against the owner.
    let answer = service.verify_with(&challenge, ADA, &wrong_codes(&code).next().unwrap()).await.expect(400);
    assert_eq!(answer.json["attempts_remaining"], 4);
    service.verify_with(&challenge, ADA, &code).await.expect(200);
    service.verify_with(&eves, "eve@example.org", &eves_code).await.expect(200);
}

/// The first codes of the original's clients, and the fields that they know.
#[tokio::test]
async fn no_challenge_is_required_unless_it_is_asked_for() {
    let service = Service::start().await;
    let (code, _) = service.code_for(ADA).await;
    service.verify(ADA, &code).await.expect(200);
}
