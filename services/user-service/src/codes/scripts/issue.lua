#!lua
-- Issues a code: checks every limit, then counts and writes all at once. One login is one run of this script.
--
-- KEYS  1 codes   2 known networks   3 where the original has its code, then R resend keys, W windows and, if the request has one, the idempotency key
-- ARGV   1 issue id      2 digest      3 kid      4 challenge hash
--        5 code life, ms 6 resend, ms  7 client network
--        8 R             9 W          10 fingerprint of the body  11 how long "in flight" is believed, ms
--       12 wrong attempts at a code   13 N, then N digests of the network, then the windows (windows.lua)
-- Answer {'issued', now, count and end of each window (0 and 0 where the network is known and not counted), separated by spaces}
--        {'limited', now, place (0 = resend, else the window's), its end, ...}
--        {'replay', issue id, kid} | {'in-flight'} | {'other-body'}
local resend_keys, windows_number, networks = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[13])
local last_resend_key = 3 + resend_keys
local idempotency_key = KEYS[last_resend_key + windows_number + 1]
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

local known = is_known(KEYS[2], 14, networks, now)

-- A known network waits for its own logins only.
local function set_by_another(key)
  local whose = string.match(redis.call('GET', key), '^%x+ (%x+)$')
  if not whose then return false end
  for i = 14, 13 + networks do
    if ARGV[i] == whose then return false end
  end
  return true
end

local limited = { 'limited', now }
for i = 4, last_resend_key do
  local left = redis.call('PTTL', KEYS[i])
  if left ~= -2 and not (known and set_by_another(KEYS[i])) then
    limited[#limited + 1] = 0
    limited[#limited + 1] = now + (left >= 0 and left or tonumber(ARGV[6]))
  end
end
local windows = read_windows(last_resend_key + 1, 14 + networks, windows_number, known)
add_full(limited, windows)
if #limited > 2 then return limited end

adopt(KEYS[1], KEYS[3])
local hash, in_the_way = read_codes(KEYS[1])
if in_the_way then redis.call('DEL', KEYS[1]) end
local live = live_slots(hash, now)

-- A resend inherits the attempts; after they are used up, they start afresh.
local tries, strangers = 0, 0
for _, slot in ipairs(live) do
  local used = tonumber(hash[slot .. ':tries']) or 0
  if hash[slot .. ':network'] == ARGV[7] and used < tonumber(ARGV[12]) then
    tries = math.max(tries, used)
    strangers = math.max(strangers, tonumber(hash[slot .. ':strangers']) or 0)
  end
end

-- The first slot whose code is dead or not good any more: at most two are good.
local target = 1
while target == live[1] or target == live[2] do target = target + 1 end

count_in_all(windows, now)
-- As one text: a client reads ten numbers of a reply for thousands of instructions.
local counted, give_back = {}, {}
for _, one in ipairs(windows) do
  counted[#counted + 1] = one.count or 0
  counted[#counted + 1] = one.ends or 0
  if one.kind == 'refund' then give_back[#give_back + 1] = one.key .. ' ' .. one.ends end
end

local number, life = (tonumber(hash.next) or 1), tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'v', 1, 'next', number + 1,
  target .. ':number', number, target .. ':issue', ARGV[1], target .. ':digest', ARGV[2], target .. ':kid', ARGV[3],
  target .. ':expires', now + life, target .. ':challenge', ARGV[4], target .. ':tries', tries,
  target .. ':strangers', strangers, target .. ':open', 1, target .. ':known', known and 1 or 0,
  target .. ':network', ARGV[7], target .. ':refund', table.concat(give_back, ' '))
if hash[target .. ':claim'] then redis.call('HDEL', KEYS[1], target .. ':claim', target .. ':until') end
redis.call('PEXPIRE', KEYS[1], life)
mark(KEYS[3], life)
for i = 4, last_resend_key do redis.call('SET', KEYS[i], ARGV[1] .. ' ' .. ARGV[14], 'PX', ARGV[6]) end
if idempotency_key then
  redis.call('SET', idempotency_key, ARGV[10] .. ' sending ' .. ARGV[1] .. ' ' .. ARGV[3], 'PX', ARGV[11])
end
return { 'issued', now, table.concat(counted, ' ') }
