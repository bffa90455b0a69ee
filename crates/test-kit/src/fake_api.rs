//! An API server for tests, in memory: it stores what it is sent, keeps its promises on uids and resource versions, and
//! remembers every request.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use kube::{Client, client::Body};
use serde_json::{Value, json};

/// The server. Clones share it.
#[derive(Clone, Default)]
pub struct FakeApi(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    requests: Vec<Sent>,
    failures: Vec<(Method, String, StatusCode)>,
    version: u64,
    silent: bool,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Its verb.
    pub method: Method,
    /// The path of its URL.
    pub path: String,
    /// What follows the `?`, or nothing.
    pub query: String,
    /// What was sent with it; `null` where that is no JSON.
    pub body: Value,
}

type Answer = Result<Value, StatusCode>;

impl FakeApi {
    /// A client whose requests it answers, in the namespace `team` where they name none.
    #[must_use]
    pub fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        Client::new(service, "team")
    }

    /// Puts an object there, as somebody else would.
    pub fn put(&self, path: &str, object: Value) {
        self.state().store(path, object);
    }

    /// An object as it is, by its path in the API.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Value> {
        self.state().objects.get(path).cloned()
    }

    /// Removes the objects of this kind and name.
    pub fn remove_object(&self, kind: &str, name: &str) {
        let is_it = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
        self.state().objects.retain(|_, object| !is_it(object));
    }

    /// Removes the object at a path.
    pub fn remove(&self, path: &str) {
        self.state().objects.remove(path);
    }

    /// All objects.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        self.state().objects.values().cloned().collect()
    }

    /// Answers such requests with `code` from now on.
    pub fn fail(&self, method: Method, path: &str, code: StatusCode) {
        self.state().failures.push((method, path.to_owned(), code));
    }

    /// Answers no request while it is so, as where packets are dropped.
    pub fn silence(&self, silent: bool) {
        self.state().silent = silent;
    }

    /// The requests whose path contains `part`, since those before were taken or forgotten.
    #[must_use]
    pub fn take_requests(&self, part: &str) -> Vec<Sent> {
        let requests = std::mem::take(&mut self.state().requests);
        requests.into_iter().filter(|request| request.path.contains(part)).collect()
    }

    /// Takes the requests so far, and gives none.
    pub fn forget_requests(&self) {
        self.state().requests.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Body>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap_or_else(|error| panic!("the request's body: {error}"));
        let sent = Sent {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        let is_silent = self.state().silent;
        if is_silent || sent.query.contains("watch=true") {
            return std::future::pending().await; // nothing ever changes
        }
        let answer = self.state().answer(sent);
        let code = answer.as_ref().err().copied().unwrap_or(StatusCode::OK);
        let body = answer.unwrap_or_else(|code| {
            json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code.as_u16(), "message": "refused",
                "reason": code.canonical_reason().unwrap_or_default().replace(' ', ""),
            })
        });
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() = code;
        response
    }
}

impl State {
    fn answer(&mut self, sent: Sent) -> Answer {
        self.requests.push(sent.clone());
        let fails = |(method, part, _): &&(Method, String, StatusCode)| {
            *method == sent.method && sent.path.contains(part.as_str())
        };
        if let Some((.., code)) = self.failures.iter().find(fails) {
            return Err(*code);
        }
        let path = sent.path.trim_end_matches("/status").to_owned();
        match sent.method {
            Method::POST => self.create(&path, sent.body),
            Method::PATCH => self.patch(&path, &sent),
            Method::PUT => self.replace(&path, sent.body),
            Method::DELETE => self.delete(&path, &sent.body),
            _ => self.read(&path),
        }
    }

    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        let uid = self.objects.get(path).map(|before| before["metadata"]["uid"].clone());
        let given = object["metadata"]["uid"].clone();
        let new = || if given.is_null() { json!(format!("uid-{}", self.version)) } else { given };
        object["metadata"]["uid"] = uid.unwrap_or_else(new);
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn read(&self, path: &str) -> Answer {
        if let Some(object) = self.objects.get(path) {
            return Ok(object.clone());
        }
        let segments = path.split('/').count();
        let names_an_object = segments == if path.starts_with("/apis/") { 6 } else { 5 };
        if names_an_object && !path.contains("/namespaces/") {
            return Err(StatusCode::NOT_FOUND);
        }
        // A collection has an even number of segments below its namespace, an object's own path an odd one.
        let below = path.split("/namespaces/").nth(1).map_or(1, |rest| rest.split('/').count());
        if below != 2 && path.contains("/namespaces/") {
            return Err(StatusCode::NOT_FOUND);
        }
        let items = self.objects.iter().filter(|(key, _)| key.starts_with(&format!("{path}/")));
        let items = items.map(|(_, object)| object.clone()).collect::<Vec<_>>();
        Ok(json!({ "metadata": { "resourceVersion": self.version.to_string() }, "items": items }))
    }

    fn create(&mut self, collection: &str, object: Value) -> Answer {
        let path = format!("{collection}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
        if self.objects.contains_key(&path) {
            Err(StatusCode::CONFLICT)
        } else {
            Ok(self.store(&path, object))
        }
    }

    /// Apply and merge alike; a uid and a version that the sender knows must be the object's.
    fn patch(&mut self, path: &str, sent: &Sent) -> Answer {
        let known = &sent.body["metadata"]["uid"];
        let Some(mut object) = self.objects.get(path).cloned() else {
            let is_apply = sent.query.contains("fieldManager") && known.is_null();
            return if is_apply {
                Ok(self.store(path, sent.body.clone()))
            } else {
                Err(StatusCode::CONFLICT)
            };
        };
        for known in ["uid", "resourceVersion"] {
            let sent = &sent.body["metadata"][known];
            if !sent.is_null() && *sent != object["metadata"][known] {
                return Err(StatusCode::CONFLICT);
            }
        }
        merge(&mut object, &sent.body);
        Ok(if self.objects.get(path) == Some(&object) { object } else { self.store(path, object) })
    }

    fn replace(&mut self, path: &str, object: Value) -> Answer {
        let before = self.objects.get(path).ok_or(StatusCode::NOT_FOUND)?;
        if before["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"] {
            return Err(StatusCode::CONFLICT);
        }
        Ok(self.store(path, object))
    }

    fn delete(&mut self, path: &str, options: &Value) -> Answer {
        let before = self.objects.get(path).ok_or(StatusCode::NOT_FOUND)?;
        let uid = &options["preconditions"]["uid"];
        if !uid.is_null() && *uid != before["metadata"]["uid"] {
            return Err(StatusCode::CONFLICT);
        }
        self.objects.remove(path).ok_or(StatusCode::NOT_FOUND)
    }
}

/// RFC 7396: null removes.
fn merge(into: &mut Value, from: &Value) {
    let Value::Object(from) = from else {
        *into = from.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in from {
        if !value.is_null() {
            merge(&mut into[key.as_str()], value);
        } else if let Some(into) = into.as_object_mut() {
            into.remove(key);
        }
    }
}
