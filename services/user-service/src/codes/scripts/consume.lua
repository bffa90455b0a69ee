#!lua flags=allow-oom
-- Verify, second half: ends the code, if this request's claim on it still holds.
--
-- KEYS  1 code
-- ARGV  1 request id, 2 slot
-- Answer 1 if the code is used up now, 0 if the claim is lost
-- The windows to give a place back to are named in the slot (under the prefix limit:), not in KEYS: single node only.
local hash, now = read_codes(KEYS[1]), now_ms()
local slot = ARGV[2]
if hash[slot .. ':claim'] ~= ARGV[1] then return 0 end
remove(KEYS[1], hash, with_superseded({ [tonumber(slot)] = true }, hash, now), now)
for key, ends in string.gmatch(hash[slot .. ':refund'] or '', '(%S+) (%S+)') do refund(key, ends) end
return 1
