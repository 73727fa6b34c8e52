#include "net/connection.h"

#include <cstring>

namespace trunkline::net {
namespace {

Error ConnectionFailed(const std::string& what, int uv_error) {
  return {.code = ErrorCode::kConnectionFailed,
          .message = what + ": " + uv_strerror(uv_error) + " (" + uv_err_name(uv_error) + ")"};
}

}  // namespace

// libuv owns these until their callbacks; a connection that goes first clears `connection`.
struct Connection::Lookup {
  uv_getaddrinfo_t request;
  Connection* connection;
};

struct Connection::WriteRequest {
  uv_write_t request;
  std::string bytes;
};

Connection::Connection(Context& context, const BaseUrl& base, TlsContext* tls, const ResponseLimits& limits,
                       ConnectionOwner& owner)
    : context_(context),
      base_(base),
      tls_context_(tls),
      limits_(limits),
      owner_(owner),
      timer_([this] { on_timer_(); }),
      loss_timer_([this] { Lose(std::move(*pending_loss_)); }) {}

Connection::~Connection() {
  if (lookup_ != nullptr) {
    lookup_->connection = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&lookup_->request));
  }
  // The connect request outlives us inside libuv until it has been told of the close.
  if (connecting_) (void)connecting_.release();
}

void Connection::Open() {
  sockaddr_storage address{};
  if (uv_ip4_addr(base_.host.c_str(), base_.port, reinterpret_cast<sockaddr_in*>(&address)) == 0 ||
      uv_ip6_addr(base_.host.c_str(), base_.port, reinterpret_cast<sockaddr_in6*>(&address)) == 0) {
    addresses_.push_back(address);
    return ConnectNext();
  }
  Resolve();
}

void Connection::Resolve() {
  state_ = State::kResolving;
  auto lookup = std::make_unique<Lookup>();
  lookup->connection = this;
  lookup->request.data = lookup.get();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  const auto resolved = [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
    const std::unique_ptr<Lookup> done(static_cast<Lookup*>(request->data));
    const std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> addresses(found, uv_freeaddrinfo);
    Connection* self = done->connection;
    if (self == nullptr) return;
    self->lookup_ = nullptr;
    if (status != 0) {
      return self->Lose(
          {.code = ErrorCode::kDnsFailed,
           .message = "the name " + self->base_.host + " could not be resolved: " + uv_strerror(status)});
    }
    for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
      sockaddr_storage& address = self->addresses_.emplace_back();
      std::memcpy(&address, one->ai_addr, one->ai_addrlen);
      const std::uint16_t port = htons(self->base_.port);
      if (address.ss_family == AF_INET6) {
        reinterpret_cast<sockaddr_in6*>(&address)->sin6_port = port;
      } else {
        reinterpret_cast<sockaddr_in*>(&address)->sin_port = port;
      }
    }
    self->ConnectNext();
  };
  const int error =
      uv_getaddrinfo(context_.loop, &lookup->request, resolved, base_.host.c_str(), nullptr, &hints);
  if (error != 0) return LoseSoon(ConnectionFailed("no name look-up", error));
  lookup_ = lookup.release();
}

// A name may stand for several addresses of which not all are served: localhost is ::1 and 127.0.0.1.
void Connection::ConnectNext() {
  state_ = State::kConnecting;
  const auto* address = reinterpret_cast<const sockaddr*>(&addresses_[next_address_++]);
  auto tcp = std::make_unique<uv_tcp_t>();
  int error = uv_tcp_init(context_.loop, tcp.get());
  if (error != 0) return LoseSoon(ConnectionFailed("no socket", error));
  tcp_.reset(tcp.release());
  tcp_->data = this;
  uv_tcp_nodelay(tcp_.get(), 1);
  connecting_ = std::make_unique<uv_connect_t>();
  error = uv_tcp_connect(connecting_.get(), tcp_.get(), address, [](uv_connect_t* request, int status) {
    auto* self = static_cast<Connection*>(request->handle->data);
    if (self == nullptr) {
      delete request;  // released by the destructor
      return;
    }
    self->connecting_.reset();
    self->OnTcpConnected(status);
  });
  if (error == 0) return;
  connecting_.reset();
  if (next_address_ < addresses_.size()) return ConnectNext();
  LoseSoon(ConnectionFailed("cannot connect to " + base_.authority, error));
}

void Connection::OnTcpConnected(int status) {
  if (status != 0 && next_address_ < addresses_.size()) return ConnectNext();
  if (status != 0) return Lose(ConnectionFailed("cannot connect to " + base_.authority, status));
  const int error = uv_read_start(
      reinterpret_cast<uv_stream_t*>(tcp_.get()),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto* self = static_cast<Connection*>(handle->data);
        *buffer = uv_buf_init(self->context_.read_buffer.data(),
                              static_cast<unsigned>(self->context_.read_buffer.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        auto* self = static_cast<Connection*>(stream->data);
        if (count == 0) return;  // nothing to read after all (EAGAIN)
        self->OnRead(count, {buffer->base, count > 0 ? static_cast<std::size_t>(count) : 0});
      });
  if (error != 0) return Lose(ConnectionFailed("cannot read from " + base_.authority, error));
  if (tls_context_ == nullptr) return Established();
  state_ = State::kHandshake;
  tls_ = std::make_unique<TlsSession>(*tls_context_, base_.host);
  if (Status started = tls_->Handshake(); !started.ok()) return Lose(std::move(started.error()));
  FlushTls();
}

void Connection::Established() {
  state_ = State::kIdle;
  owner_.OnConnected(*this);
}

void Connection::Send(std::string_view wire, bool head_request) {
  state_ = State::kBusy;
  parser_.emplace(limits_, head_request);
  ++requests_sent_;
  if (!tls_) {
    // Most requests fit the socket's buffer: then nothing is copied.
    uv_buf_t buffer = uv_buf_init(const_cast<char*>(wire.data()), static_cast<unsigned>(wire.size()));
    const int written = uv_try_write(reinterpret_cast<uv_stream_t*>(tcp_.get()), &buffer, 1);
    if (written >= 0) wire.remove_prefix(static_cast<std::size_t>(written));
    if (!wire.empty()) Write(std::string(wire));
    return;
  }
  if (Status sent = tls_->Send(wire); !sent.ok()) return LoseSoon(std::move(sent.error()));
  FlushTls();
}

void Connection::FlushTls() {
  std::string out = tls_->TakeOutput();
  if (!out.empty()) Write(std::move(out));
}

void Connection::Write(std::string bytes) {
  auto write = std::make_unique<WriteRequest>();
  write->bytes = std::move(bytes);
  write->request.data = write.get();
  uv_buf_t buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  const int error = uv_write(
      &write->request, reinterpret_cast<uv_stream_t*>(tcp_.get()), &buffer, 1,
      [](uv_write_t* request, int status) {
        const std::unique_ptr<WriteRequest> done(static_cast<WriteRequest*>(request->data));
        auto* self = static_cast<Connection*>(request->handle->data);
        if (self != nullptr && status != 0) {
          self->Lose(ConnectionFailed("the connection to " + self->base_.authority + " broke", status));
        }
      });
  if (error != 0) return LoseSoon(ConnectionFailed("cannot write to " + base_.authority, error));
  (void)write.release();
}

void Connection::OnRead(ssize_t count, std::string_view bytes) {
  if (count == UV_EOF) return OnPeerClosed(!tls_);
  if (count < 0)
    return Lose(ConnectionFailed("the connection to " + base_.authority + " broke", static_cast<int>(count)));
  if (!tls_) return OnBytes(bytes);
  plain_.clear();
  bool closed = false;
  Status received = tls_->Receive(bytes, plain_, closed);
  FlushTls();  // also on failure: the alert says why
  if (!received.ok()) return Lose(std::move(received.error()));
  if (state_ == State::kHandshake && tls_->handshake_done()) {
    Established();
    return;  // a server says nothing before it was asked
  }
  if (!plain_.empty()) {
    if (closed && state_ == State::kBusy) {
      // Both in one read: the end may be what completes the answer.
      auto progress = parser_->Feed(plain_);
      if (progress.ok() && *progress == ResponseParser::Progress::kNeedMore) return OnPeerClosed(true);
      if (!progress) return Lose(std::move(progress.error()));
      Response response = parser_->Take();
      parser_.reset();
      state_ = State::kIdle;
      return owner_.OnResponse(*this, std::move(response), false);
    }
    return OnBytes(plain_);
  }
  if (closed) OnPeerClosed(true);
}

void Connection::OnBytes(std::string_view plain) {
  if (state_ != State::kBusy) {
    return Lose({.code = ErrorCode::kMalformedResponse,
                 .message = base_.authority + " sent bytes that nobody asked for"});
  }
  auto progress = parser_->Feed(plain);
  if (!progress) return Lose(std::move(progress.error()));
  if (*progress == ResponseParser::Progress::kNeedMore) return;
  // A server that answers before it has read the request may never read the rest: nothing else can be sent
  // there.
  const bool reusable = parser_->keep_alive() &&
                        uv_stream_get_write_queue_size(reinterpret_cast<uv_stream_t*>(tcp_.get())) == 0;
  Response response = parser_->Take();
  parser_.reset();
  state_ = State::kIdle;
  owner_.OnResponse(*this, std::move(response), reusable);
}

// `orderly`: by the protocol's own means. A bare end of the TCP stream under TLS may be an attacker's, so it
// does not end a body that has no length (RFC 9112, 9.8).
void Connection::OnPeerClosed(bool orderly) {
  if (state_ == State::kBusy && parser_->started()) {
    if (!orderly) {
      return Lose({.code = ErrorCode::kMalformedResponse,
                   .message = "the connection broke off before the answer was complete"});
    }
    auto progress = parser_->FeedEnd();
    if (!progress) return Lose(std::move(progress.error()));
    Response response = parser_->Take();
    parser_.reset();
    state_ = State::kIdle;
    return owner_.OnResponse(*this, std::move(response), false);
  }
  Lose({.code = ErrorCode::kConnectionFailed,
        .message = base_.authority + " closed the connection without an answer"});
}

void Connection::LoseSoon(Error error) {
  pending_loss_ = std::move(error);
  context_.timers->Schedule(loss_timer_, 0);
}

void Connection::Lose(Error error) {
  if (state_ == State::kLost) return;
  state_ = State::kLost;
  owner_.OnLost(*this, std::move(error));
}

}  // namespace trunkline::net
