//! Requests that the original service answered, sent to this one. `original/data` holds the requests, the original's
//! answers, and for each answer of ours that differs the reason. A difference that is not listed fails, and so does a
//! listed one that is gone.

mod answer;
mod record;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use user_service::{accounts::User, tokens::Tokens};

use self::{
    answer::Answer,
    record::{Fields, Group},
};
use super::{DEADLINE, SECRET, Whole};
use crate::support::MongoDatabase;

/// The user of the recorded requests: some of them hold the id.
const ID: &str = "6b0ae535c9cb78dbeb3c7784";
const EMAIL: &str = "fuzz@example.org";

/// Answers of the original came from one service, so limits that it does not have are off.
const WITHOUT_OUR_LIMITS: [&str; 3] = ["--login-per-ip=0", "--login-wrong-per-ip=0", "--login-wrong-a-day=0"];

/// Sends the requests of a group in their order to a service of their own, and compares all answers.
async fn compare(name: &str) {
    let group = Group::read(name);
    let database = MongoDatabase::create().await;
    database.insert_original(ID, &group.user, EMAIL).await;
    let uri = database.uri();
    let directory = ["--mongo-uri", &uri, "--mongo-database", &database.name];
    let service = Whole::start(&[directory.as_slice(), &WITHOUT_OUR_LIMITS].concat()).await;
    let user = User::new(ID, group.user.as_str(), EMAIL);
    let token = Tokens::hs256(SECRET.as_bytes()).sign(&user, None, None).unwrap().token;

    let mut wrong = Vec::new();
    for record in &group.requests {
        let request = record.octets(&[("{{token}}", &token), ("{{id}}", ID)]);
        let answer = Answer::parse(&exchange(service.service.port, &request).await);
        answer.assert_errors_are_problems(&record.name);
        let differs = record.difference(&answer);
        let listed = group.listed(&record.name);
        if differs != listed {
            wrong.push(complaint(&record.name, &differs, &listed));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} answers differ in a way that is not listed, or no longer as listed:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn complaint(name: &str, differs: &Fields, listed: &Fields) -> String {
    let json = |fields: &Fields| serde_json::to_string(fields).unwrap();
    format!("{name}\n    differs: {}\n    listed:  {}", json(differs), json(listed))
}

/// One request on a connection of its own, as it stands; what came back until the connection ended.
async fn exchange(port: u16, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut answer = Vec::new();
    let talk = async {
        // A service that has seen enough may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    tokio::time::timeout(DEADLINE, talk).await.expect("the connection was left open");
    answer
}

macro_rules! groups {
    ($($test:ident: $group:literal),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $test() {
                compare($group).await;
            }
        )*
    };
}

groups! {
    methods_are_answered_as_by_the_original: "methods",
    paths_are_answered_as_by_the_original: "paths",
    content_types_and_encodings_are_answered_as_by_the_original: "content_types",
    bodies_are_answered_as_by_the_original: "bodies",
    addresses_are_answered_as_by_the_original: "addresses",
    unusual_requests_are_answered_as_by_the_original: "connections",
    tokens_are_answered_as_by_the_original: "tokens",
    tokens_of_other_paths_are_answered_as_by_the_original: "tokens_elsewhere",
    names_are_answered_as_by_the_original: "names",
    ids_are_answered_as_by_the_original: "ids",
    pages_of_other_origins_are_answered_as_by_the_original: "cors",
    verifications_are_answered_as_by_the_original: "verifications",
}
