// An HTTP/1.1 client for one origin: a bounded pool of kept-alive connections, and a queue in front of it.
// One call here is one try; waiting and trying again is the delivery's work.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "net/connection.h"
#include "net/transport.h"

namespace trunkline::net {

struct ClientOptions {
  BaseUrl base;
  std::optional<Proxy> proxy;
  TlsOptions tls;
  bool allow_insecure = false;  // plain http to another machine
  std::size_t max_connections = 64;
  std::int64_t connect_timeout_ms = 3000;  // name look-up, TCP, tunnel and TLS together
  std::int64_t idle_timeout_ms = 4000;     // below the five seconds after which many servers close
  ResponseLimits limits;
};

// Readable from any thread, also when the client is gone.
struct ClientCounters {
  using Count = std::atomic<std::uint64_t>;
  Count requests{0};
  Count connections_opened{0};
  Count resent{0};          // on a fresh connection, after a kept-alive one had proved dead
  Count tls_handshakes{0};  // that succeeded
  Count tls_resumed{0};     // those of them that went on with an earlier session
  Count bytes_sent{0};      // of requests, before encryption
  Count bytes_received{0};  // of answers: header fields and bodies
};

// Everything on the loop's thread.
class HttpClient final : public Transport, ConnectionOwner {
 public:
  // CONFIG_INVALID when the TLS options cannot be read, and for plain http to another machine unless that is
  // allowed.
  static Result<std::unique_ptr<HttpClient>> Create(Context& context, ClientOptions options);
  ~HttpClient() override;  // drops what is under way without calling back

  // The callback may destroy the client. A kept-alive connection that closes before any byte of an answer is
  // replaced at once and the request sent again, uncounted.
  Ticket Send(std::string wire, bool head_request, std::int64_t timeout_ms, Callback callback) override;
  void Cancel(Ticket ticket) override;

  const ClientOptions& options() const { return options_; }
  const ClientCounters& counters() const { return *counters_; }
  std::shared_ptr<const ClientCounters> shared_counters() const { return counters_; }

 private:
  struct Call;
  struct Slot {
    std::unique_ptr<Connection> connection;
    std::unique_ptr<Call> call{};        // under way on it
    std::optional<Moment> idle_since{};  // while it has none, once connected
  };

  HttpClient(Context& context, ClientOptions options, std::shared_ptr<TlsContext> tls);

  void Pump();
  Connection* TakeIdle();
  void KeepIdle(Connection& connection);
  void OpenConnection();
  void Start(Connection& connection, std::unique_ptr<Call> call);
  std::unique_ptr<Call> TakeBack(Call& call);
  void OnCallTimeout(Call& call);
  void Finish(std::unique_ptr<Call> call, Result<Response> result);

  void OnConnected(Connection& connection) override;
  void OnResponse(Connection& connection, Response response, bool reusable) override;
  void OnLost(Connection& connection, Error error) override;

  Context& context_;
  const ClientOptions options_;
  const std::shared_ptr<TlsContext> tls_;
  const Route route_;
  std::unordered_map<Connection*, Slot> slots_;
  std::vector<Connection*> idle_;  // the one used last is used next: the others may then go idle for good
  std::size_t connecting_ = 0;
  std::deque<std::unique_ptr<Call>> waiting_;
  const std::shared_ptr<ClientCounters> counters_ = std::make_shared<ClientCounters>();
};

}  // namespace trunkline::net
