#!lua flags=allow-oom
-- Gives up this request's claim: the code stays good for the next try.
--
-- KEYS  1 codes
-- ARGV  1 request id, 2 slot
-- Answer 1 if the claim was this request's, else 0
local hash = read_codes(KEYS[1])
local slot = ARGV[2]
if hash[slot .. ':claim'] ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], slot .. ':claim', slot .. ':until')
return 1
