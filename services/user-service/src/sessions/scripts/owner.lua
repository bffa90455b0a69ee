#!lua
-- Whose refresh token this is.
--
-- KEYS  1 session:{id}
-- ARGV  1 family hash
-- Answer {user id, name, email, created} or {}
local session = redis.call('HMGET', KEYS[1], 'v', 'family', 'user', 'name', 'email', 'created')
if session[1] ~= '1' or session[2] ~= ARGV[1] then return {} end
return { session[3], session[4], session[5], session[6] }
