#include "net/connector.h"

#include <algorithm>
#include <utility>

namespace trunkline::net {

struct Connector::Attempt {
  Connector& connector;
  const Address address;
  UvHandle<uv_tcp_t> socket{};
};

Connector::Connector(Context& context, ConnectTarget target, Callback callback)
    : context_(context),
      target_(std::move(target)),
      callback_(std::move(callback)),
      resolver_(context.loop),
      timer_([this] { OnTimer(); }) {}

Connector::~Connector() = default;

void Connector::Start() {
  if (const auto address = ParseAddress(target_.host, target_.port)) return OnResolved({*address});
  Status begun = resolver_.Resolve(target_.host, target_.port, [this](Result<std::vector<Address>> found) {
    if (found.ok()) return OnResolved(std::move(*found));
    Fail(std::move(found.error()));
  });
  if (!begun.ok()) Fail(std::move(begun.error()));
}

void Connector::OnResolved(std::vector<Address> addresses) {
  if (target_.check) {
    std::erase_if(addresses, [this](const Address& address) {
      Status allowed = target_.check(address);
      if (allowed.ok()) return false;
      failed_ = std::move(allowed.error());
      return true;
    });
  }
  addresses_ = Interleave(std::move(addresses));
  if (addresses_.size() > kMostAddresses) addresses_.resize(kMostAddresses);
  std::reverse(addresses_.begin(), addresses_.end());
  TryNext();
}

void Connector::TryNext() {
  while (!addresses_.empty()) {
    const Address address = addresses_.back();
    addresses_.pop_back();
    Status begun = Try(address);
    if (begun.ok()) {
      if (!addresses_.empty())
        context_.timers->Schedule(timer_, context_.clock->MonotonicMs() + kAttemptDelayMs);
      return;
    }
    failed_ = std::move(begun.error());
  }
  if (attempts_.empty()) Fail(*failed_);
}

Status Connector::Try(const Address& address) {
  std::unique_ptr<Attempt> attempt(new Attempt{*this, address});
  auto socket = std::make_unique<uv_tcp_t>();
  if (const int error = uv_tcp_init(context_.loop, socket.get()); error != 0) return Refused(error);
  socket->data = attempt.get();
  attempt->socket.reset(socket.release());
  uv_tcp_nodelay(attempt->socket.get(), 1);
  auto request = std::make_unique<uv_connect_t>();
  const auto ended = [](uv_connect_t* connect, int status) {
    const std::unique_ptr<uv_connect_t> done(connect);
    auto* self = static_cast<Attempt*>(connect->handle->data);
    if (self != nullptr) self->connector.OnAttempt(*self, status);  // null: it was given up
  };
  const int error = uv_tcp_connect(request.get(), attempt->socket.get(), address.raw(), ended);
  if (error != 0) return Refused(error);
  (void)request.release();  // libuv's until its callback, which comes even when the socket is closed
  attempts_.push_back(std::move(attempt));
  return Ok();
}

void Connector::OnAttempt(Attempt& attempt, int status) {
  context_.timers->Cancel(timer_);
  if (status == 0) {
    Connected connected{std::move(attempt.socket), attempt.address};
    attempts_.clear();
    addresses_.clear();
    const Callback callback = std::move(callback_);
    return callback(std::move(connected));
  }
  failed_ = Refused(status);
  std::erase_if(attempts_, [&](const auto& one) { return one.get() == &attempt; });
  TryNext();
}

void Connector::OnTimer() {
  if (!attempts_.empty() || !addresses_.empty()) return TryNext();
  const Callback callback = std::move(callback_);
  callback(std::move(*failed_));
}

void Connector::Fail(Error error) {
  failed_ = std::move(error);
  context_.timers->Schedule(timer_, 0);
}

Error Connector::Refused(int uv_error) const {
  return {.code = ErrorCode::kConnectionFailed,
          .message = "cannot connect to " + target_.name + ": " + uv_strerror(uv_error) + " (" +
                     uv_err_name(uv_error) + ")"};
}

}  // namespace trunkline::net
