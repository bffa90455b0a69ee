//! Reading what a script answers, field by field.

use redis::Value;
use redis_client::StoreError;

/// The fields of one answer, in order.
pub(super) struct Fields<'a>(std::slice::Iter<'a, Value>);

impl<'a> Fields<'a> {
    pub(super) fn new(values: &'a [Value]) -> Self {
        Self(values.iter())
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        self.next()
    }

    pub(super) fn number(&mut self) -> Result<i64, StoreError> {
        self.next()
    }

    fn next<T: redis::FromRedisValue>(&mut self) -> Result<T, StoreError> {
        let value = self.0.next().ok_or(StoreError::Answer)?;
        redis::from_redis_value(value.clone()).map_err(|_| StoreError::Answer)
    }
}
