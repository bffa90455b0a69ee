#!lua
-- Verify, first half: counts the try, compares it, and claims the code for this request.
--
-- KEYS  1 code, 2 day count and 3 wait of tries without a challenge, 4 and 5 of those with one, then W windows
-- ARGV  1 request id   2 how long the claim holds, ms   3 tries of a code
--       4 challenge hash, or empty
--       5 wrong tries a day (0 = no waits)  6 length of that day, ms  7 first wait, ms  8 longest wait, ms
--       9 W, then quota and length in ms of each window
--       then kid and digest of the try under each pepper
-- Answer {'claimed', slot} | {'claimed-by-another'}
--        {'limited', now, place (0 = wait, else the window's), its end, ...}
--        {'wrong', why, tries left for the challenge's holder or -1}
local now = now_ms()
local windows = tonumber(ARGV[9])
local first_window, first_digest = 6, 10 + 2 * windows

local limited = { 'limited', now }
for i = 1, windows do
  local count, ends = window(KEYS[first_window + i - 1])
  if count and count >= tonumber(ARGV[8 + 2 * i]) then
    limited[#limited + 1] = i
    limited[#limited + 1] = ends
  end
end

local hash = read_codes(KEYS[1])
local live = live_slots(hash, now)
local holder
for _, slot in ipairs(live) do
  if ARGV[4] ~= '' and hash[slot .. ':challenge'] == ARGV[4] then holder = slot end
end
local day, wait = KEYS[2], KEYS[3]
if holder then day, wait = KEYS[4], KEYS[5] end

-- The first try of a challenge never waits: who has the newest mail always gets in, whatever strangers do.
local left = redis.call('PTTL', wait)
if left >= 0 and not (holder and hash[holder .. ':tries'] == '0') then
  limited[#limited + 1] = 0
  limited[#limited + 1] = now + left
end
if #limited > 2 then return limited end

local compared = false
for _, slot in ipairs(live) do
  if holder or hash[slot .. ':open'] == '1' then
    compared = true
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

for i = 1, windows do count_in(KEYS[first_window + i - 1], tonumber(ARGV[9 + 2 * i]), now) end
if not compared then
  return { 'wrong', live[1] and 'exhausted' or 'unknown', -1 }
end

local quota = tonumber(ARGV[5])
if quota > 0 then
  local count = count_in(day, tonumber(ARGV[6]), now)
  if count >= quota then
    local pause = math.min(tonumber(ARGV[7]) * 2 ^ math.min(count - quota, 20), tonumber(ARGV[8]))
    redis.call('SET', wait, 1, 'PX', string.format('%d', pause))
  end
end

local allowed = tonumber(ARGV[3])
if holder then
  -- One client's resends share their tries: the network of the login tells them.
  local network, tries = hash[holder .. ':network'], tonumber(hash[holder .. ':tries']) + 1
  local ended = {}
  for _, slot in ipairs(live) do
    if slot == holder or hash[slot .. ':network'] == network then
      ended[slot] = tries >= allowed or nil
      redis.call('HSET', KEYS[1], slot .. ':tries', tries)
    end
  end
  if ended[holder] then remove(KEYS[1], hash, with_superseded(ended, hash, now), now) end
  return { 'wrong', 'wrong', math.max(allowed - tries, 0) }
end

if redis.call('HINCRBY', KEYS[1], 'wrong', 1) >= allowed then
  for slot = 1, 3 do
    if lives(hash, slot, now) then redis.call('HSET', KEYS[1], slot .. ':open', 0) end
  end
end
return { 'wrong', 'wrong', -1 }
