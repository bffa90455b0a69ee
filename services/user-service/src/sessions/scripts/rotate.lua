#!lua
-- Exchanges a refresh token for the next one.
--
-- KEYS  1 session:{id}
-- ARGV  1 id  2 family as it was read  3 token under the key of the record
--       4 kid of the current key, empty for a record without one, and under this key: 5 family  6 token  7 next token
--       8 nonce that the next token was derived by  9 grace, ms
-- Answer {'rotated'} | {'again', nonce} | {'reused'} (the session is ended) | {'unknown'} | {'changed'} (read it again)
-- The owner's set is named in the session, not in KEYS: single node only.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local session = redis.call('HMGET', KEYS[1], 'v', 'family', 'current', 'previous', 'nonce', 'rotated', 'user')
local version, family, current, previous, nonce, rotated, user = unpack(session)
if version ~= '1' then return { 'unknown' } end
if family ~= ARGV[2] then return { 'changed' } end

if current == ARGV[3] then
  local at = string.format('%d', now)
  if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'kid', ARGV[4]) end
  redis.call('HSET', KEYS[1], 'family', ARGV[5], 'previous', ARGV[6], 'current', ARGV[7],
    'nonce', ARGV[8], 'rotated', at, 'used', at)
  return { 'rotated' }
end
if previous == ARGV[3] and now - tonumber(rotated) <= tonumber(ARGV[9]) then return { 'again', nonce } end

redis.call('DEL', KEYS[1])
redis.call('ZREM', 'session:of:' .. user, ARGV[1])
return { 'reused' }
