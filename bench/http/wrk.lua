-- wrk's script: the POST of $BENCH_BODY with $BENCH_TOKEN; no Lua runs per request. The last line out is JSON, with wrk's own CPU.

wrk.method = 'POST'
wrk.body = os.getenv('BENCH_BODY')
wrk.headers['Content-Type'] = 'application/json'
wrk.headers['Authorization'] = 'Bearer ' .. os.getenv('BENCH_TOKEN')

-- $BENCH_RAMP_MS: the connections' first requests are spread over that time, so that the figures are not those of a thousand callers in one millisecond.
local ramp = tonumber(os.getenv('BENCH_RAMP_MS') or '0')
if ramp > 0 then
  local connections = tonumber(os.getenv('BENCH_CONNECTIONS'))
  local waiting = connections
  function delay()
    if waiting == 0 then return 0 end
    if waiting == connections then io.stdout:write('begun\n') io.stdout:flush() end
    waiting = waiting - 1
    return math.random(0, ramp)
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.stdout:write(string.format('{"requests":%d,"seconds":%f,"cpuSeconds":%f,"errors":%d,"p50Us":%d,"p99Us":%d}\n', summary.requests, summary.duration / 1e6,
    os.clock(), errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
