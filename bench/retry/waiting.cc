// Entries that wait for their next try, in the core itself: waiting timer|call COUNT
//   timer  the bare entry of the timer wheel, a lump of memory for each
//   call   a whole call of an HttpClient, whose platform has said 503, with what it takes to send it again
// All are due at one moment, as after an outage. Prints one line of JSON: bytes and nanoseconds an entry, and
// the longest single turn.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delivery/exchange.h"
#include "retry/timer_wheel.h"

namespace {

using namespace trunkline;

constexpr std::int64_t kWaitMs = 60'000;

class StandingClock final : public Clock {
 public:
  std::int64_t WallMs() const override { return 1'700'000'000'000 + now_ms; }
  std::int64_t MonotonicUs() const override { return now_ms * 1000; }
  std::int64_t now_ms = 0;
};

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double ResidentBytes() {
  long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

struct Fired {
  std::int64_t total_ns = 0;
  std::int64_t longest_ns = 0;
};

// As the engine does it: one limited turn after the other.
Fired FireAll(retry::TimerWheel& wheel, std::int64_t now_ms) {
  Fired fired;
  for (bool done = false; !done;) {
    const std::int64_t from = NowNs();
    done = wheel.Advance(now_ms);
    const std::int64_t took = NowNs() - from;
    fired.total_ns += took;
    fired.longest_ns = std::max(fired.longest_ns, took);
  }
  return fired;
}

void Print(double bytes, std::int64_t schedule_ns, const Fired& fired, std::size_t count, std::size_t ran) {
  if (ran != count) {
    std::fprintf(stderr, "%zu of %zu entries fired\n", ran, count);
    std::exit(1);
  }
  const auto each = [count](double total) { return total / static_cast<double>(count); };
  std::printf("{\"bytes\":%.1f,\"scheduleNs\":%.1f,\"fireNs\":%.1f,\"stallMs\":%.3f}\n", each(bytes),
              each(static_cast<double>(schedule_ns)), each(static_cast<double>(fired.total_ns)),
              static_cast<double>(fired.longest_ns) / 1e6);
}

void RunTimers(std::size_t count) {
  retry::TimerWheel wheel(0);
  std::vector<std::unique_ptr<retry::Timer>> entries(count);  // its pages are touched: not counted below
  std::size_t ran = 0;
  const double before = ResidentBytes();
  const std::int64_t from = NowNs();
  for (auto& entry : entries) {
    entry = std::make_unique<retry::Timer>([&ran] { ++ran; });
    wheel.Schedule(*entry, kWaitMs);
  }
  const std::int64_t schedule_ns = NowNs() - from;
  const double bytes = ResidentBytes() - before;
  const Fired fired = FireAll(wheel, kWaitMs);
  Print(bytes, schedule_ns, fired, count, ran);
}

// Says 503 to the first try of each call, and 200 to its second.
class Platform final : public net::Transport {
 public:
  Ticket Send(std::string, bool, std::int64_t, Callback callback) override {
    open_.push_back(std::move(callback));
    return this;
  }
  void Cancel(Ticket) override {}
  void AnswerAll(int status) {
    for (const Callback& callback : std::exchange(open_, {}))
      callback(net::Response{.status = status, .header_lines = {}, .body = {}});
  }

 private:
  std::deque<Callback> open_;  // grows without moving what it holds
};

delivery::Call MakeCall(const std::shared_ptr<const retry::Policy>& policy) {
  delivery::Call call;
  call.request = {.method = "POST",
                  .target = "/api/v1/dialogs/dlg_000000000001/sessions/sess_000000000001/state",
                  .headers = {{"Content-Type", "application/json"},
                              {"Idempotency-Key", "00000000-0000-4000-8000-000000000000"}},
                  .body = std::string(400, 'x'),
                  .has_body = true};
  call.retry = policy;
  call.repeatable = true;
  return call;
}

void RunCalls(std::size_t count) {
  StandingClock clock;
  retry::TimerWheel wheel(0);
  Platform platform;
  delivery::ExchangeOptions options;
  options.base = std::move(net::ParseBaseUrl("http://127.0.0.1:4010")).value();
  options.max_pending = count;
  delivery::ExchangeCounters counters;
  const auto exchange =
      std::move(delivery::Exchange::Create(std::move(options), platform, nullptr, wheel, clock, counters))
          .value();
  const auto policy = std::make_shared<retry::Policy>(
      retry::Policy{.base_ms = kWaitMs, .max_ms = kWaitMs, .jitter = retry::Jitter::kNone});
  std::vector<std::unique_ptr<delivery::PendingCall>> calls(
      count);  // its pages are touched: not counted below
  std::size_t succeeded = 0;
  const double before = ResidentBytes();
  std::int64_t schedule_ns = 0;
  for (std::size_t i = 0; i < count; ++i) {
    calls[i] = std::make_unique<delivery::PendingCall>(
        [&succeeded](Result<delivery::Reply> reply) { succeeded += reply.ok() ? 1 : 0; });
    exchange->Start(*calls[i], MakeCall(policy));
    const std::int64_t from = NowNs();
    platform.AnswerAll(503);  // judged, and scheduled
    schedule_ns += NowNs() - from;
  }
  const double bytes = ResidentBytes() - before;
  clock.now_ms = kWaitMs;
  // What a try itself takes, serialising included, is part of it: the wheel alone is the other contender.
  const Fired fired = FireAll(wheel, kWaitMs);
  platform.AnswerAll(200);
  Print(bytes, schedule_ns, fired, count, succeeded);
}

}  // namespace

int main(int argc, char** argv) {
  const long count = argc == 3 ? std::strtol(argv[2], nullptr, 10) : 0;
  if (count < 1 || count > 10'000'000) {
    std::fprintf(stderr, "usage: waiting timer|call COUNT (1 to 10000000)\n");
    return 2;
  }
  if (std::strcmp(argv[1], "timer") == 0) {
    RunTimers(static_cast<std::size_t>(count));
  } else if (std::strcmp(argv[1], "call") == 0) {
    RunCalls(static_cast<std::size_t>(count));
  } else {
    std::fprintf(stderr, "expected timer or call, got %s\n", argv[1]);
    return 2;
  }
  return 0;
}
