//! Real servers: the shared ones that `dev/with-servers` runs for all tests, and private ones that a test may break.

mod disk;
mod original_database;
mod rabbitmq;
mod rabbitmq_cluster;
mod rabbitmqctl;
mod redis;
mod server_process;
mod shared;

pub use crate::broker::Broker;
pub use disk::SmallDisk;
pub use original_database::OriginalDatabaseLock;
pub use rabbitmq::RabbitServer;
pub use rabbitmq_cluster::{RabbitCluster, RabbitNode};
pub use redis::{RedisServer, fresh_database};
pub use server_process::ServerProcess;
pub use shared::{MailServer, shared_broker, shared_mail_server, shared_mongo_uri, shared_redis_url};
