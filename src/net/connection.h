// One client connection: name look-up, TCP, TLS, and then one request after the other (HTTP/1.1, no
// pipelining).
#pragma once

#include <uv.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/context.h"
#include "net/request.h"
#include "net/response_parser.h"
#include "net/tls.h"
#include "net/uv_handle.h"

namespace trunkline::net {

class Connection;

// Whoever owns connections. Each call is the last thing that a connection does in its turn, so the owner may
// destroy it there.
class ConnectionOwner {
 public:
  virtual void OnConnected(Connection& connection) = 0;
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
  // `tls` is null for plain http. All references outlive the connection.
  Connection(Context& context, const BaseUrl& base, TlsContext* tls, const ResponseLimits& limits,
             ConnectionOwner& owner);
  ~Connection();
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

  retry::Timer& timer() { return timer_; }  // the owner's: connect time-out, then idle time-out
  void set_on_timer(std::function<void()> callback) { on_timer_ = std::move(callback); }

 private:
  enum class State { kNew, kResolving, kConnecting, kHandshake, kIdle, kBusy, kLost };
  struct Lookup;
  struct WriteRequest;

  void Resolve();
  void ConnectNext();
  void OnTcpConnected(int status);
  void OnRead(ssize_t count, std::string_view bytes);
  void OnBytes(std::string_view plain);
  void OnPeerClosed(bool orderly);
  void Established();
  void Write(std::string bytes);
  void FlushTls();
  void LoseSoon(Error error);
  void Lose(Error error);

  Context& context_;
  const BaseUrl& base_;
  TlsContext* tls_context_;
  const ResponseLimits& limits_;
  ConnectionOwner& owner_;
  State state_ = State::kNew;
  UvHandle<uv_tcp_t> tcp_;
  std::unique_ptr<uv_connect_t> connecting_;
  Lookup* lookup_ = nullptr;                 // owned by libuv until its callback
  std::vector<sockaddr_storage> addresses_;  // tried in this order
  std::size_t next_address_ = 0;
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
