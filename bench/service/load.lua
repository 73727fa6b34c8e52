-- wrk's script: sends every request of a file once, checks every answer, and says so on stdout.
-- The file ($BENCH_REQUESTS): for each request its length as ten digits, then its bytes. The last line out is JSON.

local handle = assert(io.open(os.getenv('BENCH_REQUESTS'), 'rb'))
local text = handle:read('*a')
handle:close()

local offset, answered, bad, firstBad = 1, 0, 0, nil
total = 0
do
  local at = 1
  while at <= #text do
    at = at + 10 + tonumber(text:sub(at, at + 9))
    total = total + 1
  end
end

local threads = {}
function setup(thread) table.insert(threads, thread) end

local say = function(line) io.stdout:write(line, '\n') io.stdout:flush() end

local rehearsed = false
function request()
  if offset > #text then return '' end  -- nothing left: this connection waits
  if rehearsed and offset == 1 then say('first') end
  local length = tonumber(text:sub(offset, offset + 9))
  local from = offset + 10
  -- wrk asks once before it connects, to look at the request; that one is not sent.
  if rehearsed then offset = from + length end
  rehearsed = true
  return text:sub(from, from + length - 1)
end

function response(status, headers, body)
  answered = answered + 1
  if status ~= 200 or not body:find('"status":"processed"', 1, true) then
    bad = bad + 1
    firstBad = firstBad or (status .. ' ' .. body:sub(1, 200):gsub('[%c"\\]', ' '))
  end
  if answered == total then
    say('last')
    wrk.thread:stop()
  end
  counts = answered .. ' ' .. bad
  complaint = firstBad or ''
end

function done(summary, latency)
  local answered, bad = threads[1]:get('counts'):match('(%d+) (%d+)')
  local errors = summary.errors
  say(string.format('{"answered":%d,"bad":%d,"firstBad":"%s","socketErrors":%d,"p50Us":%d,"p99Us":%d}', answered, bad, threads[1]:get('complaint'),
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
