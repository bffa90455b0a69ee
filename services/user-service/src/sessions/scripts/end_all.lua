#!lua
-- Ends all sessions of a person.
--
-- KEYS  1 session:of:{user}
-- Answer how many there were
-- Sessions are named in the set, not in KEYS: single node only.
local ended = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  ended = ended + redis.call('DEL', 'session:' .. id)
end
redis.call('DEL', KEYS[1])
return ended
