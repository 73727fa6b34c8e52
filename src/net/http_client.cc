#include "net/http_client.h"

#include <algorithm>

namespace trunkline::net {

struct HttpClient::Call {
  Call(HttpClient& client, std::string bytes, bool head, Callback done)
      : wire(std::move(bytes)),
        head_request(head),
        callback(std::move(done)),
        timer([this, &client] { client.OnCallTimeout(*this); }) {}

  std::string wire;
  bool head_request;
  Callback callback;
  Connection* connection = nullptr;  // null while waiting
  retry::Timer timer;
};

Result<std::unique_ptr<HttpClient>> HttpClient::Create(Context& context, ClientOptions options) {
  if (!options.base.tls && !options.base.IsLoopback() && !options.allow_insecure) {
    return Error{.code = ErrorCode::kConfigInvalid,
                 .message = "base URL: plain http to " + options.base.host + " is refused",
                 .hint =
                     "Credentials would cross the network in the clear. Use https, or set allowInsecure if "
                     "the network is trusted."};
  }
  std::shared_ptr<TlsContext> tls;
  if (options.base.tls) {
    auto created = TlsContext::Create(options.tls, options.base.host);
    if (!created) return created.error();
    tls = std::move(*created);
  }
  return std::unique_ptr<HttpClient>(new HttpClient(context, std::move(options), std::move(tls)));
}

HttpClient::HttpClient(Context& context, ClientOptions options, std::shared_ptr<TlsContext> tls)
    : context_(context),
      options_(std::move(options)),
      tls_(std::move(tls)),
      route_{options_.base, options_.proxy ? &*options_.proxy : nullptr, tls_.get(), options_.limits} {}

HttpClient::~HttpClient() = default;

HttpClient::Ticket HttpClient::Send(std::string wire, bool head_request, std::int64_t timeout_ms,
                                    Callback callback) {
  ++counters_->requests;
  if (const Proxy* proxy = route_.request_proxy()) WriteForProxy(wire, route_.origin, *proxy);
  auto call = std::make_unique<Call>(*this, std::move(wire), head_request, std::move(callback));
  context_.timers->Schedule(call->timer, context_.clock->MonotonicMs() + timeout_ms);
  const Ticket ticket = call.get();
  waiting_.push_back(std::move(call));
  Pump();
  return ticket;
}

void HttpClient::Cancel(Ticket ticket) {
  TakeBack(*static_cast<Call*>(const_cast<void*>(ticket)));
  Pump();
}

// Gives waiting calls to idle connections, and opens as many more as are allowed and wanted.
void HttpClient::Pump() {
  while (!waiting_.empty()) {
    Connection* connection = TakeIdle();
    if (connection == nullptr) break;
    std::unique_ptr<Call> call = std::move(waiting_.front());
    waiting_.pop_front();
    Start(*connection, std::move(call));
  }
  while (connecting_ < waiting_.size() && slots_.size() < options_.max_connections) OpenConnection();
}

// The one used last that is not idle for too long; null: none. Its timer alone does not tell: in a process
// that was frozen (AWS Lambda, a suspended machine) the next request may come before the timer's turn, and
// where the monotonic clock stood still that turn is yet to come. The peer, or a NAT on the way, has
// forgotten such a connection, perhaps without a word, and the request would wait for its time-out.
Connection* HttpClient::TakeIdle() {
  while (!idle_.empty()) {
    Connection* connection = idle_.back();
    idle_.pop_back();
    if (Moment(*context_.clock).MsSince(*slots_[connection].idle_since) < options_.idle_timeout_ms)
      return connection;
    slots_.erase(connection);
  }
  return nullptr;
}

void HttpClient::KeepIdle(Connection& connection) {
  const Moment now(*context_.clock);
  slots_[&connection].idle_since = now;
  context_.timers->Schedule(connection.timer(), now.monotonic_ms + options_.idle_timeout_ms);
  idle_.push_back(&connection);
}

void HttpClient::OpenConnection() {
  auto owned = std::make_unique<Connection>(context_, route_, static_cast<ConnectionOwner&>(*this));
  Connection& connection = *owned;
  slots_[&connection].connection = std::move(owned);
  ++connecting_;
  ++counters_->connections_opened;
  connection.set_on_timer([this, &connection] {
    if (connection.connected()) {  // idle for too long
      std::erase(idle_, &connection);
      slots_.erase(&connection);
      return;
    }
    OnLost(connection, {.code = ErrorCode::kTimeout,
                        .message = "no connection to " + options_.base.authority + " within " +
                                   std::to_string(options_.connect_timeout_ms) + " ms"});
  });
  context_.timers->Schedule(connection.timer(), context_.clock->MonotonicMs() + options_.connect_timeout_ms);
  connection.Open();
}

void HttpClient::Start(Connection& connection, std::unique_ptr<Call> call) {
  context_.timers->Cancel(connection.timer());
  call->connection = &connection;
  Call& started = *call;
  counters_->bytes_sent += started.wire.size();
  slots_[&connection].call = std::move(call);
  connection.Send(started.wire, started.head_request);
}

void HttpClient::OnConnected(Connection& connection) {
  --connecting_;
  if (const TlsSession* tls = connection.tls()) {
    ++counters_->tls_handshakes;
    counters_->tls_resumed += tls->resumed() ? 1 : 0;
  }
  KeepIdle(connection);
  Pump();
}

void HttpClient::OnResponse(Connection& connection, Response response, bool reusable) {
  counters_->bytes_received += response.header_lines.size() + response.body.size();
  std::unique_ptr<Call> call = std::move(slots_[&connection].call);
  if (reusable) {
    KeepIdle(connection);
  } else {
    slots_.erase(&connection);
  }
  const Proxy* proxy = route_.request_proxy();
  if (proxy != nullptr && response.status == Proxy::kAuthenticationRequired)
    return Finish(std::move(call), proxy->Refusal(route_.origin, response.status));
  Finish(std::move(call), std::move(response));
}

void HttpClient::OnLost(Connection& connection, Error error) {
  const bool was_idle = std::erase(idle_, &connection) > 0;
  const bool was_connected = was_idle || connection.requests_sent() > 0;
  const bool reused = connection.requests_sent() > 1;
  const bool answer_started = connection.answer_started();
  // Some servers break off where they should pass over a session that they no longer know. The next
  // connection offers none, so that no call has to fail for it.
  const bool for_its_session = !was_connected && connection.tls() != nullptr &&
                               connection.tls()->resuming() && error.code != ErrorCode::kTimeout;
  std::unique_ptr<Call> call = std::move(slots_[&connection].call);
  if (!was_connected) --connecting_;
  error.nothing_sent = !was_connected;
  slots_.erase(&connection);

  if (call) {
    if (reused && !answer_started && error.code == ErrorCode::kConnectionFailed) {
      // The server closed the kept-alive connection while the request was on its way. Idle ones of the same
      // age are likely dead too, so a fresh one is opened: each further one lost this way would cost the call
      // another round trip.
      ++counters_->resent;
      call->connection = nullptr;
      waiting_.push_front(std::move(call));
      for (Connection* stale : std::exchange(idle_, {})) slots_.erase(stale);
    } else {
      return Finish(std::move(call), std::move(error));
    }
  } else if (!was_connected && !for_its_session && !waiting_.empty() && connecting_ < waiting_.size()) {
    // One connection that could not be made fails the one call that has waited longest for it.
    std::unique_ptr<Call> first = std::move(waiting_.front());
    waiting_.pop_front();
    return Finish(std::move(first), std::move(error));
  }
  Pump();
}

// Out of wherever it is, together with the connection that it is on: an answer that may still come there is
// for nobody.
std::unique_ptr<HttpClient::Call> HttpClient::TakeBack(Call& call) {
  std::unique_ptr<Call> owned;
  if (call.connection != nullptr) {
    Connection* connection = call.connection;
    owned = std::move(slots_[connection].call);
    slots_.erase(connection);
  } else {
    const auto place = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const auto& waiting) { return waiting.get() == &call; });
    owned = std::move(*place);
    waiting_.erase(place);
  }
  return owned;
}

void HttpClient::OnCallTimeout(Call& call) {
  const bool waited = call.connection == nullptr;
  Finish(TakeBack(call), Error{.code = ErrorCode::kTimeout,
                               .message = (waited ? "no connection to " : "no answer from ") +
                                          options_.base.authority + " in time",
                               .nothing_sent = waited});
}

// The last thing in its turn: the callback may destroy the client.
void HttpClient::Finish(std::unique_ptr<Call> call, Result<Response> result) {
  context_.timers->Cancel(call->timer);
  Pump();
  const Callback callback = std::move(call->callback);
  call.reset();
  callback(std::move(result));
}

}  // namespace trunkline::net
