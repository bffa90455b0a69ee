//! The supervised RabbitMQ connection: a publisher that waits for confirms, and a consumer.
