-- What the other scripts share; put in front of each of them, after its `#!lua` line.
--
-- `otp:codes:{email}` is a hash:
--   v        1; another version, or a key of another type, counts as absent
--   next     number of the next issue
-- and per slot 1 to 3 (three, so that a taken-back issue gives the two codes before it their place again):
--   N:number     which issue: two of the live ones are good, see live_slots
--   N:issue      id of the issue
--   N:digest     HMAC of the code, under the pepper N:kid
--   N:expires    Unix milliseconds on this server's clock
--   N:challenge  hash of the challenge that the login answered
--   N:tries      wrong attempts that were compared with it, whichever way they came
--   N:strangers  how many of them had no challenge and came from another network than the login
--   N:network    client network of the login
--   N:known      1 if the address was signed in from this network before
--   N:open       1; read only by the release before this one, while both run
--   N:refund     windows that a verification gives its place back to: key, end, key, end ...
--   N:claim      the request that is turning the code into a token, until N:until

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The hash as a table; empty where there is none. Second value: a key is in the way.
local function read_codes(key)
  local flat = redis.pcall('HGETALL', key)
  if flat.err then return {}, true end
  local hash = {}
  for i = 1, #flat, 2 do hash[flat[i]] = flat[i + 1] end
  if flat[1] and hash.v ~= '1' then return {}, true end
  return hash, false
end

-- `otp:{email}`, where the original services keep their code in clear. While a code of ours lives there is an empty text,
-- which is no code to them. What they have put there is left alone, and lives beside ours.
local function mark(original, life)
  local kept = redis.pcall('GET', original)
  if not kept or kept == '' then redis.call('SET', original, '', 'PX', life) end
end

local function unmark(original)
  if redis.pcall('GET', original) == '' then redis.call('DEL', original) end
end

-- Takes over the codes of the release before this one, which are a hash under the original's key, so that they outlive a
-- rolling update. To be removed in the release after this one.
local function adopt(key, original)
  if type(redis.pcall('GET', original)) ~= 'table' or redis.call('PTTL', key) ~= -2 then return end
  local hash, life = read_codes(original), redis.call('PTTL', original)
  if not hash.v or life <= 0 then return end
  for field, value in pairs(hash) do redis.call('HSET', key, field, value) end
  redis.call('PEXPIRE', key, life)
  redis.call('SET', original, '', 'PX', life)
end

local function lives(hash, slot, now)
  local expires = tonumber(hash[slot .. ':expires'])
  return expires ~= nil and expires > now
end

-- The good slots, newest first: the two newest. Where neither of them was issued to a known network and the third was,
-- the third takes the place of the second, so that logins of strangers do not end the user's code.
local function live_slots(hash, now)
  local slots = {}
  for slot = 1, 3 do
    if lives(hash, slot, now) then slots[#slots + 1] = slot end
  end
  table.sort(slots, function(a, b)
    return tonumber(hash[a .. ':number']) > tonumber(hash[b .. ':number'])
  end)
  local function known(i) return slots[i] and hash[slots[i] .. ':known'] == '1' end
  if known(3) and not known(1) and not known(2) then slots[2] = slots[3] end
  slots[3] = nil
  return slots
end

local fields = {
  'number', 'issue', 'digest', 'kid', 'expires', 'challenge', 'tries', 'strangers', 'open', 'known', 'network', 'refund',
  'claim', 'until',
}

-- Removes slots (a set); with the last live one the whole key goes, and the mark with it.
local function remove(key, original, hash, doomed, now)
  local names, others = {}, false
  for slot = 1, 3 do
    if doomed[slot] then
      for _, field in ipairs(fields) do names[#names + 1] = slot .. ':' .. field end
    elseif lives(hash, slot, now) then
      others = true
    end
  end
  if others then
    redis.call('HDEL', key, unpack(names))
  else
    redis.call('DEL', key)
    unmark(original)
  end
end

-- Adds to a set the live slots that are not good any more: ending a newer code must not make them good again.
local function with_superseded(doomed, hash, now)
  local good = {}
  for _, slot in ipairs(live_slots(hash, now)) do good[slot] = true end
  for slot = 1, 3 do
    if not good[slot] then doomed[slot] = true end
  end
  return doomed
end

-- A window's count and end; nil where none runs.
local function window(key)
  local count = tonumber(redis.call('GET', key) or '')
  if not count then return nil end
  local ends = redis.call('PEXPIRETIME', key)
  if ends < 0 then return nil end
  return count, ends
end

-- Counts one more in a window of which `count` and `ends` were read. Its end is set once, when it begins.
local function count_on(key, count, ends, length, now)
  if count then return redis.call('INCR', key), ends end
  redis.call('SET', key, 1, 'PX', length)
  return 1, now + length
end

-- Gives a place back, if the window is still the one that ends then.
local function refund(key, ends)
  local count, current = window(key)
  if not count or current ~= tonumber(ends) then return end
  if count > 1 then redis.call('DECR', key) else redis.call('DEL', key) end
end
