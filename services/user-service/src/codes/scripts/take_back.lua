#!lua flags=allow-oom
-- Undoes an issue whose mail event was not confirmed, as far as it is still this issue's.
--
-- KEYS  as in issue.lua
-- ARGV  1 issue id
--       2 'refused': nothing was queued, all of it goes. 'unknown': the mail may still go out, so the code stays good
--         and its windows counted; only what would keep the person from asking again goes
--       3 R  4 W, then the end of each window as issue.lua answered it, or none if it was not heard
-- Answer 1 if something was taken back, else 0
local resend_keys, windows = tonumber(ARGV[3]), tonumber(ARGV[4])
local first_window = 4 + resend_keys
local idempotency_key = KEYS[first_window + windows]
local done = 0

for i = 4, 3 + resend_keys do
  local set_by = redis.call('GET', KEYS[i])
  if set_by and string.match(set_by, '^(%x+) ') == ARGV[1] then
    redis.call('DEL', KEYS[i])
    done = 1
  end
end
if idempotency_key then
  local kept = redis.call('GET', idempotency_key)
  if kept and string.match(kept, '^%x+ %a+ (%x+) ') == ARGV[1] then redis.call('DEL', idempotency_key) end
end
if ARGV[2] ~= 'refused' then return done end

local now = now_ms()
local hash = read_codes(KEYS[1])
for slot = 1, 3 do
  if hash[slot .. ':issue'] == ARGV[1] then
    remove(KEYS[1], KEYS[3], hash, { [slot] = true }, now)
    for i = 1, windows do refund(KEYS[first_window + i - 1], ARGV[4 + i] or '') end
    return 1
  end
end
return done
