#!lua
-- Ends a session, if one of its fields says that the caller may.
--
-- KEYS  1 session:{id}
-- ARGV  1 id  2 field: user or family  3 what it must hold
-- Answer 1 if it is ended now, else 0
-- The owner's set is named in the session, not in KEYS: single node only.
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then return 0 end
local user = redis.call('HGET', KEYS[1], 'user')
redis.call('DEL', KEYS[1])
redis.call('ZREM', 'session:of:' .. user, ARGV[1])
return 1
