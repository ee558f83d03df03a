-- The ledger of shared rate limits: GCRA over one key, by Redis' own clock, in microseconds since 2023-11-14T22:13:20Z (Unix 1,700,000,000), so that
-- doubles hold fractions of them. KEYS[1] holds "TAT AT": the theoretical arrival time, and when it was written.
-- ARGV: interval (us), burst, charge (requests that have passed; negative gives back), want (tokens to lease, as far as there are some).
-- Returns the tokens leased, and how far the TAT is ahead then (us).
local clock = redis.call('TIME')
local now = (tonumber(clock[1]) - 1700000000) * 1000000 + tonumber(clock[2])
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local charge, want = tonumber(ARGV[3]), tonumber(ARGV[4])
local tat = now
local kept = redis.call('GET', KEYS[1])
if kept then
  local at
  tat, at = string.match(kept, '^(%S+) (%S+)$')
  tat, at = tonumber(tat), tonumber(at)
  if at > now then -- the clock was set back: so is the TAT, or the key would be refused for as long
    tat = tat - (at - now)
  end
end
tat = math.max(now, math.max(now, tat) + charge * interval)
local granted = math.max(0, math.min(want, math.floor((burst * interval - (tat - now)) / interval)))
tat = tat + granted * interval
if tat > now then -- as long as the key's allowance is not full
  redis.call('SET', KEYS[1], string.format('%.3f %.3f', tat, now), 'PX', math.ceil((tat - now) / 1000))
elseif kept then
  redis.call('DEL', KEYS[1])
end
return {granted, math.ceil(tat - now)}
