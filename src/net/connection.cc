#include "net/connection.h"

namespace trunkline::net {
namespace {

Error ConnectionFailed(const std::string& what, int uv_error) {
  return {.code = ErrorCode::kConnectionFailed,
          .message = what + ": " + uv_strerror(uv_error) + " (" + uv_err_name(uv_error) + ")"};
}

}  // namespace

// libuv owns it until its callback.
struct Connection::WriteRequest {
  uv_write_t request;
  std::string bytes;
};

Connection::Connection(Context& context, const Route& route, ConnectionOwner& owner)
    : context_(context), route_(route), owner_(owner), timer_([this] { on_timer_(); }), loss_timer_([this] {
        Lose(std::move(*pending_loss_));
      }) {}

ConnectTarget Connection::Target() const {
  const BaseUrl& server = route_.proxy != nullptr ? route_.proxy->server : route_.origin;
  return {.host = server.host, .port = server.port, .name = PeerName(), .check = route_.check};
}

// Whom we speak to at present, for messages.
std::string Connection::PeerName() const {
  const bool to_proxy = state_ == State::kConnecting || state_ == State::kTunnel;
  return to_proxy && route_.proxy != nullptr ? route_.proxy->Name() : route_.origin.authority;
}

void Connection::Open() {
  connector_.emplace(context_, Target(),
                     [this](Result<Connector::Connected> connected) { OnTcp(std::move(connected)); });
  connector_->Start();
}

void Connection::OnTcp(Result<Connector::Connected> connected) {
  connector_.reset();
  if (!connected) return Lose(std::move(connected.error()));
  tcp_ = std::move(connected->socket);
  tcp_->data = this;
  owner_.OnReached(connected->address);
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
  if (error != 0) return Lose(ConnectionFailed("cannot read from " + PeerName(), error));
  if (route_.tls == nullptr) return Established();
  if (route_.proxy == nullptr) return StartTls();
  state_ = State::kTunnel;
  tunnel_.emplace(*route_.proxy, route_.origin);
  Write(tunnel_->Request());
}

void Connection::StartTls() {
  state_ = State::kHandshake;
  tls_ = std::make_unique<TlsSession>(*route_.tls);
  if (Status started = tls_->Handshake(); !started.ok()) return Lose(std::move(started.error()));
  FlushTls();
}

void Connection::Established() {
  state_ = State::kIdle;
  owner_.OnConnected(*this);
}

void Connection::Send(std::string_view wire, bool head_request) {
  state_ = State::kBusy;
  parser_.emplace(route_.limits, head_request);
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
  const int error =
      uv_write(&write->request, reinterpret_cast<uv_stream_t*>(tcp_.get()), &buffer, 1,
               [](uv_write_t* request, int status) {
                 const std::unique_ptr<WriteRequest> done(static_cast<WriteRequest*>(request->data));
                 auto* self = static_cast<Connection*>(request->handle->data);
                 if (self != nullptr && status != 0) {
                   self->Lose(ConnectionFailed("the connection to " + self->PeerName() + " broke", status));
                 }
               });
  if (error != 0) return LoseSoon(ConnectionFailed("cannot write to " + PeerName(), error));
  (void)write.release();
}

void Connection::OnRead(ssize_t count, std::string_view bytes) {
  if (count == UV_EOF) return OnPeerClosed(!tls_);
  if (count < 0)
    return Lose(ConnectionFailed("the connection to " + PeerName() + " broke", static_cast<int>(count)));
  if (state_ == State::kTunnel) {
    const auto stands = tunnel_->Feed(bytes);
    if (!stands) return Lose(stands.error());
    if (*stands) StartTls();
    return;
  }
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
    return Lose(
        {.code = ErrorCode::kMalformedResponse, .message = PeerName() + " sent bytes that nobody asked for"});
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
        .message = PeerName() + " closed the connection without an answer"});
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
