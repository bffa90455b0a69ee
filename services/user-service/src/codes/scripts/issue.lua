#!lua
-- Issues a code: checks every limit, then counts and writes all at once. One login is one run of this script.
--
-- KEYS  code, then R resend keys, W windows and, if the request has one, the idempotency key
-- ARGV   1 issue id      2 digest      3 kid      4 challenge hash
--        5 code life, ms 6 resend, ms  7 client network
--        8 R             9 W          10 fingerprint of the body  11 how long "in flight" is believed, ms
--       then for each window: quota, length in ms, 1 if a verification gives the place back
-- Answer {'issued', now, count and end of each window ...}
--        {'limited', now, place (0 = resend, else the window's), its end, ...}
--        {'replay', issue id, kid} | {'in-flight'} | {'other-body'}
local resend_keys, windows = tonumber(ARGV[8]), tonumber(ARGV[9])
local first_window = 2 + resend_keys
local idempotency_key = KEYS[first_window + windows]
local now = now_ms()

if idempotency_key then
  local kept = redis.call('GET', idempotency_key)
  if kept then
    local fingerprint, state, issue, kid = string.match(kept, '^(%x+) (%a+) (%x+) (.*)$')
    if fingerprint ~= ARGV[10] then return { 'other-body' } end
    if state ~= 'sent' then return { 'in-flight' } end
    return { 'replay', issue, kid }
  end
end

local limited = { 'limited', now }
for i = 2, 1 + resend_keys do
  local left = redis.call('PTTL', KEYS[i])
  if left ~= -2 then
    limited[#limited + 1] = 0
    limited[#limited + 1] = now + (left >= 0 and left or tonumber(ARGV[6]))
  end
end
for i = 1, windows do
  local count, ends = window(KEYS[first_window + i - 1])
  if count and count >= tonumber(ARGV[9 + 3 * i]) then
    limited[#limited + 1] = i
    limited[#limited + 1] = ends
  end
end
if #limited > 2 then return limited end

local hash, in_the_way = read_codes(KEYS[1])
if in_the_way then redis.call('DEL', KEYS[1]) end
local live = live_slots(hash, now)

-- A resend inherits the tries; after the codes ended, they start afresh.
local wrong, tries = 0, 0
for _, slot in ipairs(live) do
  if hash[slot .. ':open'] == '1' then wrong = tonumber(hash.wrong) or 0 end
  if hash[slot .. ':network'] == ARGV[7] then tries = math.max(tries, tonumber(hash[slot .. ':tries']) or 0) end
end

-- The slot of a dead code, else that of the oldest.
local target, oldest = 1, math.huge
for slot = 1, 3 do
  local number = lives(hash, slot, now) and tonumber(hash[slot .. ':number']) or 0
  if number < oldest then target, oldest = slot, number end
end

local answer, give_back = { 'issued', now }, {}
for i = 1, windows do
  local key = KEYS[first_window + i - 1]
  local count, ends = count_in(key, tonumber(ARGV[10 + 3 * i]), now)
  answer[#answer + 1] = count
  answer[#answer + 1] = ends
  if ARGV[11 + 3 * i] == '1' then give_back[#give_back + 1] = key .. ' ' .. ends end
end

local number, life = (tonumber(hash.next) or 1), tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'v', 1, 'next', number + 1, 'wrong', wrong,
  target .. ':number', number, target .. ':issue', ARGV[1], target .. ':digest', ARGV[2], target .. ':kid', ARGV[3],
  target .. ':expires', now + life, target .. ':challenge', ARGV[4], target .. ':tries', tries,
  target .. ':open', 1, target .. ':network', ARGV[7], target .. ':refund', table.concat(give_back, ' '))
if hash[target .. ':claim'] then redis.call('HDEL', KEYS[1], target .. ':claim', target .. ':until') end
redis.call('PEXPIRE', KEYS[1], life)
for i = 2, 1 + resend_keys do redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[6]) end
if idempotency_key then
  redis.call('SET', idempotency_key, ARGV[10] .. ' sending ' .. ARGV[1] .. ' ' .. ARGV[3], 'PX', ARGV[11])
end
return answer
