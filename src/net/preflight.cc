#include "net/preflight.h"

#include <utility>

#include "net/address_class.h"

namespace trunkline::net {
namespace {

constexpr std::size_t kMaxHeaderBytes = 32 * 1024;
constexpr std::int64_t kDayMs = 86'400'000;

struct PhaseText {
  std::string_view name;
  std::string_view missing;  // what had not come when the time was over
  std::string_view timeout_hint;
  std::string_view broken_hint;  // for a connection that failed
};

constexpr PhaseText kPhases[kPreflightPhases] = {
    {"dns", "an address of the name",
     "The resolver of this machine does not answer in time. Check its configuration.", ""},
    {"connect", "a connection",
     "Nothing comes back from the address: a firewall may drop what is sent. Check host, port and firewall.",
     "Nobody listens there, or a firewall refuses it. Check host, port and firewall."},
    {"tls", "the end of the TLS handshake",
     "The server takes the connection but says nothing. Check that it speaks TLS on this port.",
     "The server broke off during the TLS handshake. Check that it speaks TLS on this port, and for this "
     "name."},
    {"http", "an answer", "The server is connected but does not answer in time. Look into the server.",
     "The server closed the connection instead of answering. Look into the server."},
};

const PhaseText& TextOf(PreflightPhase phase) { return kPhases[static_cast<std::size_t>(phase)]; }

// The more telling of what the failure says itself, what the phase makes of it, and the table's hint.
std::string HintFor(const Error& error, PreflightPhase phase) {
  if (!error.hint.empty()) return error.hint;
  if (error.code == ErrorCode::kConnectionFailed) return std::string(TextOf(phase).broken_hint);
  return std::string(Describe(error.code).hint);
}

}  // namespace

std::string_view PhaseName(PreflightPhase phase) { return TextOf(phase).name; }

Result<std::unique_ptr<Preflight>> Preflight::Create(Context& context, PreflightOptions options,
                                                     Callback callback) {
  if (!options.origin.tls)
    return Error{.code = ErrorCode::kConfigInvalid, .message = "url: expected an https URL"};
  auto head = Serialize(options.origin, {.method = "HEAD", .target = options.target});
  if (!head) return std::move(head.error());
  auto get = Serialize(options.origin, {.target = options.target, .headers = {{"Range", "bytes=0-0"}}});
  if (!get) return std::move(get.error());
  auto tls = TlsContext::Create(options.tls, options.origin.host);
  if (!tls) return std::move(tls.error());
  return std::unique_ptr<Preflight>(new Preflight(context, std::move(options), std::move(*tls),
                                                  std::move(*head), std::move(*get), std::move(callback)));
}

Preflight::Preflight(Context& context, PreflightOptions options, std::shared_ptr<TlsContext> tls,
                     std::string head, std::string get, Callback callback)
    : context_(context),
      options_(std::move(options)),
      limits_{.max_header_bytes = kMaxHeaderBytes, .head_only = true},
      tls_(std::move(tls)),
      head_(std::move(head)),
      get_(std::move(get)),
      callback_(std::move(callback)),
      timer_([this] { OnTimeout(); }) {}

void Preflight::Start() {
  started_ms_ = phase_started_ms_ = context_.clock->MonotonicMs();
  context_.timers->Schedule(timer_, started_ms_ + options_.timeout_ms);
  Open();
}

void Preflight::Open() {
  const Route route{.origin = options_.origin,
                    .proxy = nullptr,
                    .tls = tls_.get(),
                    .limits = limits_,
                    .check = [this](const Address& address) { return Judge(address); }};
  connection_ = std::make_unique<Connection>(context_, route, static_cast<ConnectionOwner&>(*this));
  connection_->Open();
}

// The name has been resolved when its first address is judged.
Status Preflight::Judge(const Address& address) {
  Enter(PreflightPhase::kConnect);
  if (options_.allow_private || IsPublic(address)) return Ok();
  return Error{.code = ErrorCode::kAddressForbidden,
               .message = options_.origin.host + " is not at a public address: " + address.Text()};
}

// Only forward: a second connection, for GET, is part of the last phase.
void Preflight::Enter(PreflightPhase phase) {
  if (phase <= phase_) return;
  const std::int64_t now_ms = context_.clock->MonotonicMs();
  report_.phase_ms[static_cast<std::size_t>(phase_)] = now_ms - phase_started_ms_;
  phase_ = phase;
  phase_started_ms_ = now_ms;
}

void Preflight::OnReached(const Address& address) {
  report_.address = address.Text();
  Enter(PreflightPhase::kTls);
}

void Preflight::OnConnected(Connection& connection) {
  SeeCertificate(connection);
  report_.tls_valid = true;
  Enter(PreflightPhase::kHttp);
  connection.Send(head_refused_ ? get_ : head_, !head_refused_);
}

void Preflight::OnResponse(Connection&, Response response, bool) {
  connection_.reset();
  report_.status = response.status;
  report_.content_type = std::string(response.Header("content-type"));
  if (!head_refused_ && (response.status == 405 || response.status == 501)) {
    head_refused_ = true;
    return Open();
  }
  if (response.status >= 200 && response.status < 300) return Finish();
  Fail(
      {.code = CodeForStatus(response.status),
       .message = options_.origin.authority + " answers with the status " + std::to_string(response.status)});
}

void Preflight::OnLost(Connection& connection, Error error) {
  // Some servers break off where they should pass over the session of the first connection. The next one
  // offers none: see ~TlsSession.
  const TlsSession* tls = connection.tls();
  if (tls != nullptr && tls->resuming() && !tls->handshake_done()) return Open();
  SeeCertificate(connection);
  if (error.code == ErrorCode::kTlsFailed) report_.tls_valid = false;
  connection_.reset();
  Fail(std::move(error));
}

void Preflight::SeeCertificate(const Connection& connection) {
  auto seen = connection.tls() != nullptr ? connection.tls()->peer_certificate() : std::nullopt;
  if (!seen) return;
  const std::int64_t left_ms = seen->valid_to_ms - context_.clock->WallMs();
  report_.certificate = std::move(seen);
  report_.protocol = connection.tls()->protocol();
  report_.days_left = left_ms / kDayMs - (left_ms % kDayMs < 0 ? 1 : 0);
}

void Preflight::OnTimeout() {
  connection_.reset();
  Fail({.code = ErrorCode::kTimeout,
        .message = std::string(TextOf(phase_).missing) + " did not come from " + options_.origin.authority +
                   " within " + std::to_string(options_.timeout_ms) + " ms",
        .hint = std::string(TextOf(phase_).timeout_hint)});
}

void Preflight::Fail(Error error) {
  if (error.code == ErrorCode::kAddressForbidden) {
    context_.timers->Cancel(timer_);
    const Callback callback = std::move(callback_);
    return callback(std::move(error));
  }
  // With TLS 1.3 a server may refuse us when for our side the handshake is done (RFC 8446, 4.4.2.4).
  const PreflightPhase phase = error.code == ErrorCode::kTlsFailed ? PreflightPhase::kTls : phase_;
  std::string hint = HintFor(error, phase);
  report_.failure = {phase, error.code, std::move(error.message), std::move(hint)};
  Finish();
}

void Preflight::Finish() {
  context_.timers->Cancel(timer_);
  const std::int64_t now_ms = context_.clock->MonotonicMs();
  report_.phase_ms[static_cast<std::size_t>(phase_)] = now_ms - phase_started_ms_;
  report_.duration_ms = now_ms - started_ms_;
  const Callback callback = std::move(callback_);
  callback(std::move(report_));
}

}  // namespace trunkline::net
