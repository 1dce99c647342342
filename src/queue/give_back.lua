-- Returns to the queue what a worker that has ended had fetched, and forgets the worker.
--
-- A job without its data or its metadata would end every worker that fetches it, so it is dropped here, behind the first.
--
-- KEYS: this worker's fetched jobs, active list, data hash, prefix of the job keys, worker set, key of its metadata
-- ARGV: name of the worker
-- Answers how many jobs went back.
local returned = 0
for _, job in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    local whole = redis.call('HEXISTS', KEYS[3], job) == 1
        and redis.call('HEXISTS', KEYS[4] .. ':' .. job, 'attempts') == 1
        and redis.call('HEXISTS', KEYS[4] .. ':' .. job, 'max_attempts') == 1
        and redis.call('HEXISTS', KEYS[4] .. ':' .. job, 'status') == 1
    if whole then
        redis.call('RPUSH', KEYS[2], job)
        returned = returned + 1
    else
        redis.call('HDEL', KEYS[3], job)
        redis.call('DEL', KEYS[4] .. ':' .. job)
    end
end
redis.call('DEL', KEYS[1], KEYS[6])
redis.call('ZREM', KEYS[5], ARGV[1])
return returned
