#!lua
-- Begins a session.
--
-- session:{id} is a hash: v (1), user, name, email, agent, family (HMAC of what all its refresh tokens share, and of whose
-- session it is), current and previous (HMACs of the last two refresh tokens), kid (the key of these HMACs), nonce (what
-- current was derived by), created, rotated, used. Without kid the three are plain hashes, as earlier versions wrote them.
-- session:of:{user} is a sorted set of a person's session ids by their end.
--
-- KEYS  1 session:{id}, 2 session:of:{user}
-- ARGV  1 id  2 user id  3 name  4 email  5 user agent  6 kid  7 family  8 token  9 life, ms  10 most sessions
-- Answer now, Unix milliseconds
-- Sessions beyond the most are named in the set, not in KEYS: single node only.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = string.format('%d', now + tonumber(ARGV[9]))
local at = string.format('%d', now)

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', at)
local surplus = redis.call('ZCARD', KEYS[2]) + 1 - tonumber(ARGV[10])
if surplus > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[2], surplus)
  for i = 1, #oldest, 2 do redis.call('DEL', 'session:' .. oldest[i]) end
end

redis.call('HSET', KEYS[1], 'v', 1, 'user', ARGV[2], 'name', ARGV[3], 'email', ARGV[4], 'agent', ARGV[5],
  'kid', ARGV[6], 'family', ARGV[7], 'current', ARGV[8], 'created', at, 'used', at)
redis.call('PEXPIREAT', KEYS[1], ends)
redis.call('ZADD', KEYS[2], ends, ARGV[1])
redis.call('PEXPIREAT', KEYS[2], ends)
return now
