#!lua
-- Exchanges a refresh token for the next one.
--
-- KEYS  1 session:{id}
-- ARGV  1 id  2 family hash  3 token hash  4 hash of the next token  5 nonce that it was derived by  6 grace, ms
-- Answer {'rotated'} | {'again', nonce} | {'reused'} (the session is ended) | {'unknown'}
-- The owner's set is named in the session, not in KEYS: single node only.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local session = redis.call('HMGET', KEYS[1], 'v', 'family', 'current', 'previous', 'nonce', 'rotated', 'user')
local version, family, current, previous, nonce, rotated, user = unpack(session)
if version ~= '1' or family ~= ARGV[2] then return { 'unknown' } end

if current == ARGV[3] then
  local at = string.format('%d', now)
  redis.call('HSET', KEYS[1], 'previous', ARGV[3], 'current', ARGV[4], 'nonce', ARGV[5], 'rotated', at, 'used', at)
  return { 'rotated' }
end
if previous == ARGV[3] and now - tonumber(rotated) <= tonumber(ARGV[6]) then return { 'again', nonce } end

redis.call('DEL', KEYS[1])
redis.call('ZREM', 'session:of:' .. user, ARGV[1])
return { 'reused' }
