-- The windows of a request, for the scripts that check several of them. Their keys stand in KEYS from `first_key` on; in
-- ARGV, from `first_arg` on, each has its quota, its length in ms and what is special about it:
--   refund   a verification gives the place back
--   others   a known network is neither counted in it nor limited by it

-- Reads each window once: its count and end, nil where none runs.
local function read_windows(first_key, first_arg, number, known)
  local windows = {}
  for i = 1, number do
    local at = first_arg + 3 * (i - 1)
    local one = { key = KEYS[first_key + i - 1], quota = tonumber(ARGV[at]), length = tonumber(ARGV[at + 1]), kind = ARGV[at + 2] }
    one.skipped = known and one.kind == 'others'
    if not one.skipped then one.count, one.ends = window(one.key) end
    windows[i] = one
  end
  return windows
end

-- Adds those without a place to a refusal: number and end of each.
local function add_full(limited, windows)
  for i, one in ipairs(windows) do
    if one.count and one.count >= one.quota then
      limited[#limited + 1] = i
      limited[#limited + 1] = one.ends
    end
  end
end

-- Counts one more in each.
local function count_in_all(windows, now)
  for _, one in ipairs(windows) do
    if not one.skipped then
      one.count, one.ends = count_on(one.key, one.count, one.ends, one.length, now)
    end
  end
end
