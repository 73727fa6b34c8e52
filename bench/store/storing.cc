// The event store by itself: storing MODE DIRECTORY COUNT IN_FLIGHT
//   accept   COUNT events are stored and marked done, so many under way at a time
//   recover  COUNT events are stored and left unfinished; then the store is opened again
// Prints one line of JSON: events a second, CPU an event on the store's thread and in all, the same for the
// first and the last tenth, and the time to open.
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "store/store.h"

namespace {

using namespace trunkline;

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Of the thread that goes by that name, in nanoseconds (proc(5), schedstat).
std::int64_t ThreadCpuNs(const std::string& name) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string comm;
    std::getline(std::ifstream(entry.path() / "comm"), comm);
    std::int64_t ns = 0;
    if (comm == name && std::ifstream(entry.path() / "schedstat") >> ns) return ns;
  }
  return 0;
}

std::int64_t ProcessCpuNs() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) { return time.tv_sec * 1'000'000'000 + time.tv_usec * 1000; };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

// The engine's part: runs what the store posts.
class Mailbox {
 public:
  void Post(std::function<void()> job) {
    const std::lock_guard guard(mutex_);
    jobs_.push_back(std::move(job));
    wake_.notify_one();
  }
  void RunUntil(const std::function<bool()>& done) {
    while (!done()) {
      std::vector<std::function<void()>> jobs;
      {
        std::unique_lock guard(mutex_);
        wake_.wait(guard, [this] { return !jobs_.empty(); });
        jobs.swap(jobs_);
      }
      for (const auto& job : jobs) job();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> jobs_;
};

struct Reading {
  std::int64_t at_ns = NowNs();
  std::int64_t store_ns = ThreadCpuNs("trunk-store");
  std::int64_t all_ns = ProcessCpuNs();
};

store::StoredEvent MakeEvent(int number) {
  char id[37];
  std::snprintf(id, sizeof id, "%08x-0000-4000-8000-%012x", static_cast<unsigned>(number * 2654435761U),
                static_cast<unsigned>(number));
  store::StoredEvent event;
  event.event_id = id;
  event.intent = "order_management";
  event.received_at = SystemClock().WallMs();
  event.queue = "orders-queue";
  event.idempotency_key = id;
  event.payload = std::string(400, 'x');
  return event;
}

struct Stored {
  std::vector<Reading> tenths;  // eleven readings
};

Stored Store(store::Store& store, Mailbox& mailbox, int count, int in_flight, bool finish) {
  Stored stored;
  int sent = 0;
  int ended = 0;
  std::function<void()> send;
  const auto end = [&] {
    if (++ended * 10LL / count > static_cast<std::int64_t>(stored.tenths.size()) - 1)
      stored.tenths.emplace_back();
    send();
  };
  send = [&] {
    if (sent == count) return;
    store.Append(MakeEvent(sent++), [&](Result<store::StoredEvent> result) {
      if (!result.ok()) {
        std::fprintf(stderr, "%s\n", result.error().message.c_str());
        std::exit(1);
      }
      // Nobody waits for the record: the next event goes out at once, as in the service.
      if (finish) store.MarkDone(result->seq, nullptr);
      end();
    });
  };
  stored.tenths.emplace_back();
  for (int i = 0; i < in_flight; ++i) send();
  mailbox.RunUntil([&] { return ended == count; });
  return stored;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: storing accept|recover DIRECTORY COUNT IN_FLIGHT\n");
    return 2;
  }
  const std::string directory = argv[2];
  const int count = std::atoi(argv[3]);
  const bool recover = std::strcmp(argv[1], "recover") == 0;
  Mailbox mailbox;
  const auto post = [&mailbox](std::function<void()> job) { mailbox.Post(std::move(job)); };
  const Clock& clock = SystemClock();
  const auto open = [&mailbox](store::Store& store) {
    std::size_t unfinished = 0;
    bool opened = false;
    store.Open([&](Result<std::vector<store::StoredEvent>> result) {
      if (!result.ok()) std::exit(1);
      unfinished = result->size();
      opened = true;
    });
    mailbox.RunUntil([&] { return opened; });
    return unfinished;
  };
  Stored stored;
  {
    store::Store store({.directory = directory}, clock, post);
    open(store);
    stored = Store(store, mailbox, count, std::atoi(argv[4]), !recover);
  }
  double open_ms = 0;
  if (recover) {
    store::Store store({.directory = directory}, clock, post);
    const std::int64_t from = NowNs();
    if (open(store) != static_cast<std::size_t>(count)) return 1;
    open_ms = static_cast<double>(NowNs() - from) / 1e6;
  }
  const auto us = [](std::int64_t ns, std::int64_t events) {
    return static_cast<double>(ns) / 1000.0 / static_cast<double>(events);
  };
  const auto& tenths = stored.tenths;
  const auto tenth_us = [&](std::size_t i) {
    return us(tenths[i + 1].store_ns - tenths[i].store_ns, count / 10);
  };
  std::printf(
      "{\"perSecond\":%.0f,\"storeUs\":%.3f,\"allUs\":%.3f,\"firstTenthUs\":%.3f,\"lastTenthUs\":%.3f,"
      "\"openMs\":%.1f}\n",
      count * 1e9 / static_cast<double>(tenths.back().at_ns - tenths.front().at_ns),
      us(tenths.back().store_ns - tenths.front().store_ns, count),
      us(tenths.back().all_ns - tenths.front().all_ns, count), tenth_us(0), tenth_us(9), open_ms);
  return 0;
}
