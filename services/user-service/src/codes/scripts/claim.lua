#!lua
-- Verify, first half: counts the attempt, compares it, and claims the code for this request.
--
-- KEYS  1 codes   2 known networks   3 wrong codes in a row
--       4 day count and 5 wait of everybody, 6 and 7 those of this network if it is known
--       8 where the original has its code, then W windows
-- ARGV  1 request id   2 how long the claim holds, ms
--       3 wrong attempts at a code   4 how many of them strangers have
--       5 challenge hash, or empty   6 client network
--       7 wrong codes a day (0 = no waits until 11)   8 length of that day, ms   9 first wait, ms   10 longest wait, ms
--       11 wrong codes in a row after which a wait lasts a day   12 after which only a known network is compared
--       13 how long those are remembered, ms
--       14 N   15 W, then N digests of the network, then the windows (windows.lua), then 1 if nothing is compared but
--          the code of the challenge, then kid and digest of the attempt under each pepper
-- Answer {'claimed', slot} | {'claimed-by-another'}
--        {'limited', now, place (0 = everybody's wait, -1 = the known network's, else the window's), its end, ...}
--        {'wrong', why, attempts left for the challenge's holder or -1, count of the first window or 0}
local now = now_ms()
local networks, windows_number = tonumber(ARGV[14]), tonumber(ARGV[15])
local first_digest = 17 + networks + 3 * windows_number
local only_holder = ARGV[first_digest - 1] == '1'

adopt(KEYS[1], KEYS[8])
local hash = read_codes(KEYS[1])
local live = live_slots(hash, now)
local holder
for _, slot in ipairs(live) do
  if ARGV[5] ~= '' and hash[slot .. ':challenge'] == ARGV[5] then holder = slot end
end
-- Anybody can get a challenge, and a network alone may be shared: only both together have waits of their own.
local known = holder ~= nil and is_known(KEYS[2], 16, networks, now)

local windows = read_windows(9, 16 + networks, windows_number, false)
local limited = { 'limited', now }
add_full(limited, windows)
local function add_wait(place, ends)
  if ends <= now then return end
  limited[#limited + 1] = place
  limited[#limited + 1] = ends
end
if known then
  add_wait(-1, now + redis.call('PTTL', KEYS[7]))
else
  add_wait(0, now + redis.call('PTTL', KEYS[5]))
  add_wait(0, tonumber(redis.call('HGET', KEYS[3], 'until') or 0))
end
if #limited > 2 then return limited end

-- A challenge is compared with the codes of the client that got it. Without one, every good code is compared, and where
-- the login came from another network the attempt counts as a stranger's, who cannot use up all of them.
local allowed, compared = tonumber(ARGV[3]), {}
for _, slot in ipairs(live) do
  local network = hash[slot .. ':network']
  local theirs = slot == holder or network == (holder and hash[holder .. ':network'] or ARGV[6])
  local used, by_strangers = tonumber(hash[slot .. ':tries']) or 0, tonumber(hash[slot .. ':strangers']) or 0
  local may = theirs or not holder and by_strangers < tonumber(ARGV[4])
  if only_holder then may = slot == holder end
  if used < allowed and may then
    compared[slot] = theirs and 'theirs' or 'stranger'
    for i = first_digest, #ARGV, 2 do
      if hash[slot .. ':kid'] == ARGV[i] and hash[slot .. ':digest'] == ARGV[i + 1] then
        local claim, claimed_until = hash[slot .. ':claim'], tonumber(hash[slot .. ':until'] or 0)
        if claim and claim ~= ARGV[1] and claimed_until > now then return { 'claimed-by-another' } end
        redis.call('HSET', KEYS[1], slot .. ':claim', ARGV[1], slot .. ':until', now + tonumber(ARGV[2]))
        return { 'claimed', slot }
      end
    end
  end
end

count_in_all(windows, now)
local first_window = windows[1] and windows[1].count or 0
if not next(compared) then
  return { 'wrong', live[1] and 'exhausted' or 'unknown', -1, first_window }
end

local quota = tonumber(ARGV[7])
local function wait_after(count)
  if quota == 0 or count < quota then return 0 end
  return math.min(tonumber(ARGV[9]) * 2 ^ math.min(count - quota, 20), tonumber(ARGV[10]))
end
local function count_day(day, wait)
  if quota == 0 then return end
  local count, ends = window(day)
  local pause = wait_after(count_on(day, count, ends, tonumber(ARGV[8]), now))
  if pause > 0 then redis.call('SET', wait, 1, 'PX', string.format('%d', pause)) end
end
count_day(KEYS[4], KEYS[5])
if known then count_day(KEYS[6], KEYS[7]) end

local in_a_row = redis.call('HINCRBY', KEYS[3], 'count', 1)
local pause = wait_after(in_a_row)
if in_a_row >= tonumber(ARGV[11]) then pause = tonumber(ARGV[8]) end
if in_a_row >= tonumber(ARGV[12]) then pause = tonumber(ARGV[13]) end
redis.call('HSET', KEYS[3], 'until', now + pause)
redis.call('PEXPIRE', KEYS[3], ARGV[13])

local left = -1
for slot, whose in pairs(compared) do
  local used = redis.call('HINCRBY', KEYS[1], slot .. ':tries', 1)
  if whose == 'stranger' then redis.call('HINCRBY', KEYS[1], slot .. ':strangers', 1) end
  if slot == holder then left = allowed - used end
end
if holder and left < 0 then left = 0 end
return { 'wrong', 'wrong', left, first_window }
