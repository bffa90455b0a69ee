#!lua
-- A person's sessions, the newest first.
--
-- KEYS  1 session:of:{user}
-- Answer {{id, created, used, ends, user agent} ...}
-- Sessions are named in the set, not in KEYS: single node only.
local answer = {}
local ids = redis.call('ZREVRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #ids, 2 do
  local session = redis.call('HMGET', 'session:' .. ids[i], 'v', 'created', 'used', 'agent')
  if session[1] == '1' then
    answer[#answer + 1] = { ids[i], session[2], session[3], string.format('%d', tonumber(ids[i + 1])), session[4] }
  end
end
return answer
