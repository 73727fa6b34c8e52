// HTTP services of many threads on the one engine, with one token cache between them.
#include "engine/http_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/inbox.h"
#include "support/server.h"

namespace trunkline::engine {
namespace {

using test::Answer;
using test::Peer;
using test::Server;

// A platform and its token server. It refuses one request in fifty for a moment.
class Platform {
 public:
  std::string url() const { return server_.url(); }
  int tokens() const { return tokens_; }
  int unauthorised() const { return unauthorised_; }

 private:
  void Serve(Peer& peer) {
    for (;;) {
      const std::string request = peer.ReadRequest();
      if (request.empty()) return;
      if (request.starts_with("POST /token ")) {
        ++tokens_;
        peer.Write(Answer(200, R"({"access_token":"shared","token_type":"Bearer","expires_in":3600})"));
        continue;
      }
      if (request.find("Authorization: Bearer shared\r\n") == std::string::npos) ++unauthorised_;
      const std::string path =
          request.substr(request.find(' ') + 1, request.find(" HTTP/") - request.find(' ') - 1);
      peer.Write(++requests_ % 50 == 0 ? Answer(503) : Answer(200, path));
    }
  }

  std::atomic<int> tokens_{0};
  std::atomic<int> unauthorised_{0};
  std::atomic<int> requests_{0};
  Server server_{[this](Peer& peer) { Serve(peer); }};
};

struct Ended {
  std::uint64_t id;
  std::string what;  // the body, or the error's name
};
using Inbox = std::shared_ptr<test::Inbox<Ended>>;

std::unique_ptr<HttpService> MakeService(const std::string& url, const Inbox& ended) {
  HttpServiceOptions options;
  options.client.base = std::move(net::ParseBaseUrl(url)).value();
  options.client.max_connections = 4;
  options.exchange.credential = {.token_url = url + "/token", .client_id = "id", .client_secret = "secret"};
  auto engine = Engine::Acquire();
  EXPECT_TRUE(engine.ok());
  auto service = HttpService::Create(
      std::move(*engine), std::move(options), [ended](std::uint64_t id, Result<delivery::Reply> reply) {
        ended->Push({id, reply.ok() ? reply->response.body : std::string(Describe(reply.error().code).name)});
      });
  EXPECT_TRUE(service.ok());
  return std::move(*service);
}

delivery::Call CallTo(const std::string& path) {
  delivery::Call call;
  call.request = {.method = "POST", .target = path, .headers = {}, .body = "{}", .has_body = true};
  call.retry = std::make_shared<retry::Policy>(
      retry::Policy{.attempts = 10, .base_ms = 1, .factor = 1, .max_ms = 1, .jitter = retry::Jitter::kNone});
  call.timeout_ms = 60'000;
  return call;
}

void Request(HttpService& service, std::uint64_t id, const std::string& path) {
  std::vector<HttpService::Outgoing> batch;
  batch.push_back({id, CallTo(path)});
  service.Request(std::move(batch));
}

// Posts `count` requests at once, and gives up every sixteenth again.
void Hammer(HttpService& service, const std::string& prefix, std::uint64_t count) {
  for (std::uint64_t id = 1; id <= count; ++id) {
    Request(service, id, prefix + std::to_string(id));
    if (id % 16 == 0) service.Abort(id - id % 5);
  }
}

TEST(HttpService, EightThreadsHammerOnePlatform) {
  constexpr std::uint64_t kEach = 2000;
  Platform platform;
  std::atomic<int> succeeded{0};
  std::atomic<int> aborted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::string prefix = "/" + std::to_string(t) + "/";
      const auto ended = test::MakeInbox<Ended>();
      const auto service = MakeService(platform.url(), ended);
      Hammer(*service, prefix, kEach);
      std::vector<int> times(kEach + 1, 0);
      for (std::uint64_t i = 0; i < kEach; ++i) {
        const auto one = ended->Take();
        if (!one) return;
        EXPECT_EQ(++times[one->id], 1) << "each ends once";
        if (one->what == "ABORTED") {
          ++aborted;
        } else {
          EXPECT_EQ(one->what, prefix + std::to_string(one->id)) << "each gets its own answer";
          ++succeeded;
        }
      }
      const auto closed = test::MakeInbox<bool>();
      service->Close(10'000, [closed] { closed->Push(true); });
      EXPECT_TRUE(closed->Take());
      EXPECT_EQ(ended->size(), 0U);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(succeeded + aborted, 8 * static_cast<int>(kEach));
  EXPECT_GT(succeeded, 7 * static_cast<int>(kEach));
  EXPECT_EQ(platform.tokens(), 1) << "one token for all of them";
  EXPECT_EQ(platform.unauthorised(), 0);
}

// As worker threads do that are terminated: the service goes in the middle of its requests.
TEST(HttpService, ThreadsThatEndInTheMiddleDropTheirRequests) {
  Platform platform;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) {
        const auto ended = test::MakeInbox<Ended>();
        auto service = MakeService(platform.url(), ended);
        Hammer(*service, "/" + std::to_string(t) + "/", 200);
        for (int i = 0; i < 10 * t; ++i) EXPECT_TRUE(ended->Take());
        service.reset();
        const std::size_t told = ended->size();
        MakeService(platform.url(), ended).reset();  // by then the engine has had a turn
        EXPECT_EQ(ended->size(), told) << "nobody is told after the end";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(platform.unauthorised(), 0);
}

TEST(HttpService, AnAbortOfWhatIsUnknownIsNothing) {
  Platform platform;
  const auto ended = test::MakeInbox<Ended>();
  const auto service = MakeService(platform.url(), ended);
  service->Abort(7);
  Request(*service, 7, "/x");
  EXPECT_EQ(ended->Take()->what, "/x");
  service->Abort(7);
  const auto closed = test::MakeInbox<bool>();
  service->Close(10'000, [closed] { closed->Push(true); });
  EXPECT_TRUE(closed->Take());
  Request(*service, 8, "/y");
  EXPECT_EQ(ended->Take()->what, "CLOSED");
}

}  // namespace
}  // namespace trunkline::engine
