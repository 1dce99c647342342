-- Clears a slice of finished jobs away and makes a slice of scheduled ones due.
--
-- apalis puts every job into the scheduled set with the second it was rung at, by the ringing host's clock, and fetching
-- hands all due jobs to one Lua call, which fails for ever above some 8,000 of them. All our jobs are due when they are
-- rung, so they are moved here, in slices.
--
-- KEYS: done set, dead set, data hash, prefix of the job keys, scheduled set, active list, key of this worker's metadata
-- ARGV: size of a slice, seconds to keep this worker's metadata
-- Answers 1 when there is more to do.
local slice = tonumber(ARGV[1])
local more = 0

for _, finished in ipairs({ KEYS[1], KEYS[2] }) do
    local jobs = redis.call('SPOP', finished, slice)
    for _, job in ipairs(jobs) do
        redis.call('HDEL', KEYS[3], job)
        redis.call('DEL', KEYS[4] .. ':' .. job)
    end
    if #jobs == slice then
        more = 1
    end
end

local due = redis.call('ZRANGE', KEYS[5], 0, slice - 1)
for _, job in ipairs(due) do
    redis.call('ZREM', KEYS[5], job)
    redis.call('RPUSH', KEYS[6], job)
end
if #due == slice then
    more = 1
end

redis.call('EXPIRE', KEYS[7], ARGV[2])
return more
