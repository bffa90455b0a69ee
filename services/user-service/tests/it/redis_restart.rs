//! A Redis with the ACL of a managed stack that is killed and started again: it has every key that it had.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use ping_contract::redis_users::{MAIL_SERVICE, USER_SERVICE, acl_file};
use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use serde_json::json;
use test_kit::{servers::RedisServer, wait::wait_until};

use crate::{
    codes::Away,
    support::{Answering, DEADLINE, Service, Setup, key_folder, other},
};

const ADA: &str = "ada@example.org";
const EVE: &str = "eve@example.org";

/// A user of the test's own, who reads everything.
const INSPECTOR: &str = "user inspector on >inspector ~* &* +@all\n";

fn password(user: &str) -> String {
    format!("password-of-{user}")
}

fn url(redis: &RedisServer, user: &str, password: &str) -> String {
    format!("redis://{user}:{password}@{}/0", redis.address())
}

async fn connect(url: &str) -> redis::RedisResult<MultiplexedConnection> {
    redis::Client::open(url)?.get_multiplexed_async_connection().await
}

async fn inspect(redis: &RedisServer) -> MultiplexedConnection {
    connect(&url(redis, "inspector", "inspector")).await.unwrap()
}

/// Each key's value and the moment when it expires, without those that expire by themselves within a minute.
async fn keys(redis: &mut MultiplexedConnection) -> BTreeMap<String, (String, i64)> {
    let mut found = BTreeMap::new();
    for key in redis.keys::<_, Vec<String>>("*").await.unwrap() {
        if redis.ttl::<_, i64>(&key).await.unwrap() < 60 {
            continue;
        }
        let expires = redis::cmd("PEXPIRETIME").arg(&key).query_async::<i64>(redis).await.unwrap();
        let value = match redis::cmd("TYPE").arg(&key).query_async::<String>(redis).await.unwrap().as_str() {
            "string" => redis.get::<_, String>(&key).await.unwrap(),
            "hash" => format!("{:?}", redis.hgetall::<_, BTreeMap<String, String>>(&key).await.unwrap()),
            "zset" => {
                let members = redis.zrange_withscores::<_, Vec<(String, String)>>(&key, 0, -1).await.unwrap();
                format!("{members:?}")
            }
            other => panic!("{key} is of type {other}"),
        };
        found.insert(key, (value, expires));
    }
    found
}

/// What every script has run for.
struct Ran {
    /// Of a session that goes on.
    refresh_token: String,
    /// Its broker refuses every mail.
    without_mail: Service,
    without_directory: Service,
}

impl Ran {
    /// Runs the two scripts after which the answer is 503. So it is where Redis is late, and then they have not run.
    async fn give_up(&self) {
        self.without_mail.login("mallory@example.org").await.expect(503);
        let (code, _) = self.without_directory.code_for("carol@example.org").await;
        self.without_directory.verify("carol@example.org", &code).await.expect(503);
    }
}

/// Every script runs at least once, with what it writes.
async fn run_every_script(redis_url: &str, keys: &Path) -> Ran {
    let limited = || Setup::default().redis_url(redis_url.to_owned());
    let setup = || limited().unlimited_logins();
    let service = limited().limit("--login-resend-after-seconds", 300).signing_keys(keys).start().await;
    let session = service.sign_in(ADA).await;
    let kept = session.json["refresh_token"].as_str().unwrap().to_owned();
    let body = json!({ "refresh_token": kept });
    let renewed = service.post("/api/v1/token/refresh", &body, &[]).await.expect(200);
    service.ask("GET", "/api/v1/sessions", renewed.json["token"].as_str()).await.expect(200);

    let others = setup().signing_keys(keys).start().await;
    let ended = others.sign_in(EVE).await;
    others.ask("POST", "/api/v1/logout", ended.json["token"].as_str()).await.expect(200);
    let ended = others.sign_in(EVE).await;
    others.ask("DELETE", "/api/v1/sessions", ended.json["token"].as_str()).await.expect(200);
    let (code, _) = others.code_for(EVE).await;
    others.verify(EVE, &other(&code)).await.expect(400);
    let key = [("idempotency-key", "0123456789abcdef0123")];
    others.post("/api/v1/login", &json!({ "email": "bob@example.org" }), &key).await.expect(200);
    others.outbox.answer(Answering::Refused);

    let ran = Ran {
        refresh_token: renewed.json["refresh_token"].as_str().unwrap().to_owned(),
        without_mail: others,
        without_directory: setup().accounts(Away(Arc::new(AtomicBool::new(true)))).start().await,
    };
    ran.give_up().await;
    ran
}

/// The Lua files that are scripts by themselves.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { scripts(&path) } else { vec![path] });
    let lua = files.filter(|path| path.extension().is_some_and(|e| e == "lua"));
    lua.filter(|path| std::fs::read_to_string(path).unwrap().starts_with("#!lua")).collect()
}

async fn scripts_that_ran(redis: &mut MultiplexedConnection) -> usize {
    let memory = redis::cmd("INFO").arg("memory").query_async::<String>(redis).await.unwrap();
    let count = memory.lines().find_map(|line| line.strip_prefix("number_of_cached_scripts:"));
    count.unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_killed_redis_with_the_acl_of_a_stack_has_every_key_again() {
    let mut redis = RedisServer::start_with_users(&(acl_file(password) + INSPECTOR)).await;
    let folder = key_folder();
    let redis_url = url(&redis, USER_SERVICE, &password(USER_SERVICE));
    let ran = run_every_script(&redis_url, folder.path()).await;
    let mail = connect(&url(&redis, MAIL_SERVICE, &password(MAIL_SERVICE))).await;
    let _: () = mail.unwrap().pset_ex("mail:sent:1", 1, 300_000).await.unwrap();
    let mut inspector = inspect(&redis).await;
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = scripts(&own.join("src"));
    all.extend(scripts(&own.join("../../crates/redis-client/src")));
    // One runs in the background, when a connection is made.
    let all_ran = || async {
        let all_ran = scripts_that_ran(&mut inspect(&redis).await).await == all.len();
        if !all_ran {
            ran.give_up().await;
        }
        all_ran
    };
    wait_until(&format!("every one of these scripts to have run: {all:?}"), DEADLINE, all_ran).await;
    let before = keys(&mut inspector).await;
    for prefix in ["otp:", "otp:ratelimit:", "limit:", "idempotency:", "session:", "signing-key:", "mail:"] {
        assert!(before.keys().any(|key| key.starts_with(prefix)), "no {prefix}: {before:?}");
    }

    redis.kill9().await;
    redis.restart().await;
    wait_until("Redis to have read its data", DEADLINE, || async {
        // While it reads, it takes connections and refuses commands.
        let Ok(mut inspector) = connect(&url(&redis, "inspector", "inspector")).await else { return false };
        redis::cmd("DBSIZE").query_async::<i64>(&mut inspector).await.is_ok()
    })
    .await;
    let log = redis.log();
    assert!(!log.contains("NOPERM") && !log.contains("CRITICAL"), "{log}");
    assert_eq!(keys(&mut inspect(&redis).await).await, before);

    let service = Setup::default().redis_url(redis_url).signing_keys(folder.path()).start().await;
    service
        .post("/api/v1/token/refresh", &json!({ "refresh_token": ran.refresh_token }), &[])
        .await
        .expect(200);
    service.login(ADA).await.expect(429);
}

#[tokio::test]
async fn nobody_gets_into_a_redis_with_the_acl_of_a_stack_without_a_password() {
    let redis = RedisServer::start_with_users(&acl_file(password)).await;
    let answer = redis.command("GET otp:ada@example.org").await.unwrap();
    assert!(answer.starts_with("NOAUTH"), "{answer}");
    for attempt in ["AUTH default default", "AUTH default x", "AUTH x"] {
        let answer = redis.command(attempt).await.unwrap();
        assert!(answer.starts_with("WRONGPASS"), "{attempt}: {answer}");
    }
}
