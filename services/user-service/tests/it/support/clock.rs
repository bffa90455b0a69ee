//! A clock that tests set, for the scripts as they are: Redis' clock cannot be set, so every time in the database is moved
//! towards the past instead.

use std::time::Duration;

use super::Service;

/// Ends of keys, and times within keys: of codes, claims, waits, known networks, and windows to give a place back to.
const ADVANCE: &str = r"
local by = tonumber(ARGV[1])
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 and left <= by then
    redis.call('DEL', key)
  elseif left > by then
    redis.call('PEXPIRE', key, left - by)
    if redis.call('TYPE', key).ok == 'hash' then
      local flat = redis.call('HGETALL', key)
      for i = 1, #flat, 2 do
        local field, value = flat[i], flat[i + 1]
        if field == 'until' or field:find(':expires$') or field:find(':until$') or key:find('^otp:networks:') then
          value = string.format('%d', tonumber(value) - by)
        elseif field:find(':refund$') then
          value = value:gsub(' (%d+)', function(ends) return string.format(' %d', tonumber(ends) - by) end)
        end
        redis.call('HSET', key, field, value)
      end
    end
  end
end
return 1
";

impl Service {
    /// As if this much time had passed.
    pub async fn advance(&self, by: Duration) {
        let milliseconds = u64::try_from(by.as_millis()).unwrap();
        let _: i64 = redis::Script::new(ADVANCE)
            .arg(milliseconds)
            .invoke_async(&mut self.redis().await)
            .await
            .unwrap();
    }
}
