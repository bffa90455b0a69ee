-- Client networks that an address was signed in from. `otp:networks:{email}` is a hash: a keyed digest of the network, and
-- until when it is known, in Unix milliseconds on this server's clock.

-- Whether one of the digests in ARGV (one for each pepper) is known.
local function is_known(key, first_arg, number, now)
  for i = first_arg, first_arg + number - 1 do
    local ends = tonumber(redis.pcall('HGET', key, ARGV[i]) or '')
    if ends and ends > now then return true end
  end
  return false
end

-- Remembers one for `life` ms. Of more than `most`, the one that was not used for the longest time is forgotten.
local function remember(key, network, now, life, most)
  local flat = redis.pcall('HGETALL', key)
  if flat.err then
    redis.call('DEL', key)
    flat = {}
  end
  local others, oldest, first_end = 0, nil, math.huge
  for i = 1, #flat, 2 do
    local ends = tonumber(flat[i + 1]) or 0
    if ends <= now then
      redis.call('HDEL', key, flat[i])
    elseif flat[i] ~= network then
      others = others + 1
      if ends < first_end then oldest, first_end = flat[i], ends end
    end
  end
  if others >= most then redis.call('HDEL', key, oldest) end
  redis.call('HSET', key, network, now + life)
  redis.call('PEXPIRE', key, life)
end
