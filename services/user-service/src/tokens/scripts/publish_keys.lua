#!lua
-- Notes when each signing key was first published.
--
-- KEYS  signing-key:{kid} of each key
-- ARGV  1 how long it is remembered, ms
-- Answer {now, first publication of each key ...}, Unix milliseconds on this server's clock
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = { now }
for _, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%d', now), 'NX')
  redis.call('PEXPIRE', key, ARGV[1])
  answer[#answer + 1] = tonumber(redis.call('GET', key))
end
return answer
