#!lua
-- Ends a session of this user.
--
-- KEYS  1 session:{id}
-- ARGV  1 id  2 user id
-- Answer 1 if it is ended now, else 0
-- The owner's set is named in the session, not in KEYS: single node only.
if redis.call('HGET', KEYS[1], 'user') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', 'session:of:' .. ARGV[2], ARGV[1])
return 1
