// An HTTP client on a hand-driven loop, and what becomes of its calls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/http_client.h"
#include "support/loop.h"

namespace trunkline::test {

// What a call's callback was given; kept alive by both sides.
struct Outcome {
  std::optional<Result<net::Response>> result;
  int calls = 0;

  bool done() const { return calls > 0; }
  int status() const { return result && result->ok() ? (*result)->status : 0; }
  std::string body() const { return result && result->ok() ? (*result)->body : std::string(); }
  // The error's name; empty for none.
  std::string error() const {
    return result && !result->ok() ? std::string(Describe(result->error().code).name) : std::string();
  }
  std::string message() const { return result && !result->ok() ? result->error().message : std::string(); }
  std::string hint() const { return result && !result->ok() ? result->error().hint : std::string(); }
};
using Call = std::shared_ptr<Outcome>;

inline net::ClientOptions OptionsFor(const std::string& url) {
  net::ClientOptions options;
  options.base = std::move(net::ParseBaseUrl(url)).value();
  return options;
}

class Client {
 public:
  Client(Loop& loop, net::ClientOptions options) : loop_(loop) {
    auto created = net::HttpClient::Create(loop.context, std::move(options));
    if (created.ok()) client_ = std::move(*created);
    EXPECT_NE(client_, nullptr);
  }
  Client(Loop& loop, const std::string& url) : Client(loop, OptionsFor(url)) {}

  // Sends, without waiting.
  Call Start(net::Request request, std::int64_t timeout_ms = 5000) {
    auto call = std::make_shared<Outcome>();
    auto wire = net::Serialize(client_->options().base, request);
    EXPECT_TRUE(wire.ok());
    client_->Send(std::move(*wire), request.method == "HEAD", timeout_ms,
                  [call](Result<net::Response> result) {
                    call->result = std::move(result);
                    ++call->calls;
                  });
    EXPECT_FALSE(call->done()) << "the callback never runs inside the call";
    return call;
  }
  Call Get(const std::string& path = "/", std::int64_t timeout_ms = 5000) {
    return Start({.target = path}, timeout_ms);
  }
  Call Post(std::string body) {
    return Start({.method = "POST", .target = "/", .headers = {}, .body = std::move(body), .has_body = true});
  }

  bool Wait(const Call& call) {
    return loop_.RunUntil([&] { return call->done(); });
  }
  // Sends and waits.
  Call Fetch(const std::string& path = "/") {
    Call call = Get(path);
    Wait(call);
    return call;
  }

  void Destroy() { client_.reset(); }
  const net::ClientCounters& counters() const { return client_->counters(); }

 private:
  Loop& loop_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace trunkline::test
