// An HTTP client for one platform, for a caller on another thread: the pool and the exchange live on the
// engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "delivery/exchange.h"
#include "engine/engine.h"
#include "net/http_client.h"

namespace trunkline::engine {

struct HttpServiceOptions {
  net::ClientOptions client;
  std::optional<net::Proxy> token_proxy;  // for the credential's token URL
  delivery::ExchangeOptions exchange;     // base and token endpoint follow from the client's options
};

// Methods are called on one thread, the owner's; callbacks come on the engine thread, and none after the end.
class HttpService {
 public:
  // Told of the end of each request, by its id.
  using OnEnd = std::function<void(std::uint64_t id, Result<delivery::Reply>)>;

  // CONFIG_INVALID for options that cannot work.
  static Result<std::unique_ptr<HttpService>> Create(std::shared_ptr<Engine> engine,
                                                     HttpServiceOptions options, OnEnd on_end);
  // Drops what is under way; waits until the engine has let go.
  ~HttpService();
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;

  // Many at once wake the engine once. `id` is the caller's; not used again before its end.
  struct Outgoing {
    std::uint64_t id = 0;
    delivery::Call call;
  };
  void Request(std::vector<Outgoing> batch);
  void Abort(std::uint64_t id);

  // Readable from any thread, also when the service is gone.
  struct Counters {
    std::shared_ptr<const delivery::ExchangeCounters> calls;
    std::shared_ptr<const net::ClientCounters> connections;
  };
  Counters counters() const { return {counters_, client_counters_}; }

  // Takes nothing more; calls back when everything under way has ended and every connection is closed. What
  // has to wait for longer than `grace_ms` is not under way: see Exchange::Drain.
  void Close(std::int64_t grace_ms, std::function<void()> closed);

 private:
  struct Core;
  HttpService(std::shared_ptr<Engine> engine, OnEnd on_end);

  std::shared_ptr<Engine> engine_;
  const std::shared_ptr<delivery::ExchangeCounters> counters_;
  std::shared_ptr<const net::ClientCounters> client_counters_;
  std::shared_ptr<Core> core_;  // the engine thread's
};

}  // namespace trunkline::engine
