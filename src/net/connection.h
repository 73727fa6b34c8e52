// One client connection: TCP, the tunnel through a proxy, TLS, and then one request after the other
// (HTTP/1.1, no pipelining).
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/connector.h"
#include "net/context.h"
#include "net/proxy.h"
#include "net/request.h"
#include "net/response_parser.h"
#include "net/tls.h"
#include "net/uv_handle.h"

namespace trunkline::net {

class Connection;

// Where the connections of one client go, and how. What it refers to outlives them.
struct Route {
  const BaseUrl& origin;
  const Proxy* proxy;  // null: straight there
  TlsContext* tls;     // null: plain http
  const ResponseLimits& limits;
  std::function<Status(const Address&)> check{};  // of ConnectTarget

  // The proxy that the requests themselves are for; null where there is none, or it only tunnels.
  const Proxy* request_proxy() const { return tls == nullptr ? proxy : nullptr; }
};

// Whoever owns connections. Each call is the last thing that a connection does in its turn, so the owner may
// destroy it there.
class ConnectionOwner {
 public:
  virtual void OnConnected(Connection& connection) = 0;
  // TCP stands, and what belongs on top of it follows. Not the last thing: nothing is destroyed here.
  virtual void OnReached(const Address& /*address*/) {}
  // `reusable`: may carry another request.
  virtual void OnResponse(Connection& connection, Response response, bool reusable) = 0;
  // The connection is of no more use: it could not be made, broke off during a request, or was closed while
  // idle.
  virtual void OnLost(Connection& connection, Error error) = 0;

 protected:
  ~ConnectionOwner() = default;
};

// Destroying it closes the socket at once. One thread: the loop's.
class Connection {
 public:
  // Context and owner outlive the connection.
  Connection(Context& context, const Route& route, ConnectionOwner& owner);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Starts connecting; OnConnected or OnLost follows, never inside this call.
  void Open();

  // Sends a serialised request; OnResponse or OnLost follows, never inside this call. Only while connected
  // and idle.
  void Send(std::string_view wire, bool head_request);

  bool connected() const { return state_ == State::kIdle || state_ == State::kBusy; }
  bool busy() const { return state_ == State::kBusy; }
  // Has a byte of the present request's answer come? If not, a peer that closed has most likely not acted on
  // it.
  bool answer_started() const { return parser_ && parser_->started(); }
  int requests_sent() const { return requests_sent_; }
  const TlsSession* tls() const { return tls_.get(); }  // null for plain http

  retry::Timer& timer() { return timer_; }  // the owner's: connect time-out, then idle time-out
  void set_on_timer(std::function<void()> callback) { on_timer_ = std::move(callback); }

 private:
  enum class State { kConnecting, kTunnel, kHandshake, kIdle, kBusy, kLost };
  struct WriteRequest;

  ConnectTarget Target() const;
  std::string PeerName() const;
  void OnTcp(Result<Connector::Connected> connected);
  void StartTls();
  void OnRead(ssize_t count, std::string_view bytes);
  void OnBytes(std::string_view plain);
  void OnPeerClosed(bool orderly);
  void Established();
  void Write(std::string bytes);
  void FlushTls();
  void LoseSoon(Error error);
  void Lose(Error error);

  Context& context_;
  const Route route_;
  ConnectionOwner& owner_;
  State state_ = State::kConnecting;
  std::optional<Connector> connector_;
  UvHandle<uv_tcp_t> tcp_;
  std::optional<Tunnel> tunnel_;
  std::unique_ptr<TlsSession> tls_;
  std::optional<ResponseParser> parser_;
  std::string plain_;  // decrypted bytes of the present read; kept for its capacity
  int requests_sent_ = 0;
  std::function<void()> on_timer_;
  retry::Timer timer_;
  std::optional<Error> pending_loss_;  // a failure seen inside Open or Send, reported from the wheel
  retry::Timer loss_timer_;
};

}  // namespace trunkline::net
