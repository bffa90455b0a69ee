//! A MongoDB database of one test's own, on the shared server.

use std::{
    ops::Deref,
    sync::atomic::{AtomicU32, Ordering},
};

use mongodb::{
    Client, Collection,
    bson::{Document, doc},
};
use test_kit::servers::{OriginalDatabaseLock, shared_mongo_uri};

/// A fresh database; dropped by the end of the server.
pub struct MongoDatabase {
    pub name: String,
    client: Client,
}

impl MongoDatabase {
    pub async fn create() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self { name, client: Client::with_uri_str(shared_mongo_uri()).await.unwrap() }
    }

    /// The database of the original, empty. It is one for all tests: [`OriginalDatabase`] keeps them apart.
    async fn original() -> Self {
        let client = Client::with_uri_str(shared_mongo_uri()).await.unwrap();
        client.database("user-service").drop().await.unwrap();
        Self { name: "user-service".to_owned(), client }
    }

    /// As `MONGO_URI` has it.
    pub fn uri(&self) -> String {
        format!("{}/{}", shared_mongo_uri().trim_end_matches('/'), self.name)
    }

    /// The same at another address, as a proxy has it.
    pub fn uri_at(&self, address: std::net::SocketAddr) -> String {
        format!("mongodb://{address}/{}", self.name)
    }

    pub fn users(&self) -> Collection<Document> {
        self.client.database(&self.name).collection("users")
    }

    pub async fn count(&self) -> u64 {
        self.users().count_documents(doc! {}).await.unwrap()
    }

    /// A person as the original's mongoose wrote them.
    pub async fn insert_original(&self, id: &str, name: &str, email: &str) {
        let time = mongodb::bson::DateTime::from_millis(1_700_000_000_123);
        let id = mongodb::bson::oid::ObjectId::parse_str(id).unwrap();
        let person =
            doc! { "_id": id, "name": name, "email": email, "createdAt": time, "updatedAt": time, "__v": 0 };
        self.users().insert_one(person).await.unwrap();
    }
}

/// The database that the original always uses, for one test at a time, in whatever process.
pub struct OriginalDatabase {
    database: MongoDatabase,
    _lock: OriginalDatabaseLock,
}

impl OriginalDatabase {
    pub async fn take() -> Self {
        let lock = OriginalDatabaseLock::take().await;
        Self { database: MongoDatabase::original().await, _lock: lock }
    }
}

impl Deref for OriginalDatabase {
    type Target = MongoDatabase;

    fn deref(&self) -> &MongoDatabase {
        &self.database
    }
}
