-- What the other scripts share; put in front of each of them, after its `#!lua` line.
--
-- `otp:{email}` is a hash:
--   v        1; another version, or a key of another type, counts as absent
--   next     number of the next issue
--   wrong    wrong tries without a challenge since the live codes began
-- and per slot 1 to 3 (three, so that a taken-back issue gives the two codes before it their place again):
--   N:number     which issue: the two newest live ones are good
--   N:issue      id of the issue
--   N:digest     HMAC of the code, under the pepper N:kid
--   N:expires    Unix milliseconds on this server's clock
--   N:challenge  hash of the challenge that the login answered
--   N:tries      wrong tries that carried this challenge
--   N:open       1 while tries without a challenge are compared with it
--   N:network    client network of the login
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

local function lives(hash, slot, now)
  local expires = tonumber(hash[slot .. ':expires'])
  return expires ~= nil and expires > now
end

-- The good slots, newest first.
local function live_slots(hash, now)
  local slots = {}
  for slot = 1, 3 do
    if lives(hash, slot, now) then slots[#slots + 1] = slot end
  end
  table.sort(slots, function(a, b)
    return tonumber(hash[a .. ':number']) > tonumber(hash[b .. ':number'])
  end)
  slots[3] = nil
  return slots
end

local fields = {
  'number', 'issue', 'digest', 'kid', 'expires', 'challenge', 'tries', 'open', 'network', 'refund', 'claim', 'until',
}

-- Removes slots (a set); with the last live one the whole key goes.
local function remove(key, hash, doomed, now)
  local names, others = {}, false
  for slot = 1, 3 do
    if doomed[slot] then
      for _, field in ipairs(fields) do names[#names + 1] = slot .. ':' .. field end
    elseif lives(hash, slot, now) then
      others = true
    end
  end
  if others then redis.call('HDEL', key, unpack(names)) else redis.call('DEL', key) end
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

-- Counts one more. The window's end is set once, when it begins.
local function count_in(key, length, now)
  local count, ends = window(key)
  if count then
    return redis.call('INCR', key), ends
  end
  redis.call('SET', key, 1, 'PX', length)
  return 1, now + length
end

-- Gives a place back, if the window is still the one that ends then.
local function refund(key, ends)
  local count, current = window(key)
  if not count or current ~= tonumber(ends) then return end
  if count > 1 then redis.call('DECR', key) else redis.call('DEL', key) end
end
