#!lua
-- Calls each command of user-service's scripts once, on a key that is gone at the end: a Redis that lacks one, or whose
-- user may not call it, is found out before the first login. A test compares the commands with those of the scripts.
--
-- KEYS  1 a key that nothing else uses
local key = KEYS[1]
local life = 1000

-- Redis says "ERR ACL failure in script", earlier versions "can't run this command".
local function is_forbidden(failure)
  return string.find(failure, 'ACL failure') or string.find(failure, 'NOPERM') or string.find(failure, "can't run")
end

local function codes(...)
  local reply = redis.pcall(...)
  local failure = type(reply) == 'table' and reply.err
  if not failure then return reply end
  error(is_forbidden(failure) and { err = 'NOPERM a command of a script' } or reply)
end

-- A user of a service without sessions need not have the permission.
local function sessions(...)
  local reply = redis.pcall(...)
  local failure = type(reply) == 'table' and reply.err
  if failure and not is_forbidden(failure) then error(reply) end
end

local now = codes('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)

codes('SET', key, 1, 'PX', life)
codes('GET', key)
codes('INCR', key)
codes('DECR', key)
codes('PTTL', key)
codes('PEXPIRETIME', key)
codes('DEL', key)

codes('HSET', key, 'a', 1, 'b', 2)
codes('PEXPIRE', key, life)
codes('HGET', key, 'a')
codes('HGETALL', key)
codes('HINCRBY', key, 'a', 1)
codes('HDEL', key, 'a')
codes('DEL', key)

sessions('HMGET', key, 'a', 'b')
sessions('ZADD', key, 1, 'a')
sessions('ZADD', key, 2, 'b')
sessions('PEXPIREAT', key, string.format('%d', now_ms + life))
sessions('ZCARD', key)
sessions('ZRANGE', key, 0, -1)
sessions('ZREVRANGE', key, 0, -1, 'WITHSCORES')
sessions('ZREMRANGEBYSCORE', key, '-inf', 0)
sessions('ZPOPMIN', key, 1)
sessions('ZREM', key, 'b')
codes('DEL', key)
return 1
