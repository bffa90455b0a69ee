#!lua flags=allow-oom
-- Verify, second half: ends the code, if this request's claim on it still holds. The network is known from now on, and
-- wrong codes are no longer in a row.
--
-- KEYS  1 codes   2 known networks   3 wrong codes in a row   4 where the original has its code
-- ARGV  1 request id   2 slot   3 digest of the client network   4 how long it is known, ms   5 how many are
-- Answer 1 if the code is used up now, 0 if the claim is lost
-- The windows to give a place back to are named in the slot (under the prefix limit:), not in KEYS: single node only.
local hash, now = read_codes(KEYS[1]), now_ms()
local slot = ARGV[2]
if hash[slot .. ':claim'] ~= ARGV[1] then return 0 end
remove(KEYS[1], KEYS[4], hash, with_superseded({ [tonumber(slot)] = true }, hash, now), now)
for key, ends in string.gmatch(hash[slot .. ':refund'] or '', '(%S+) (%S+)') do refund(key, ends) end
redis.call('DEL', KEYS[3])
remember(KEYS[2], ARGV[3], now, tonumber(ARGV[4]), tonumber(ARGV[5]))
return 1
