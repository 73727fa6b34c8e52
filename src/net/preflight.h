// Is an https target fit to be called? One look at it, phase by phase, within one time limit: its name, the
// connection, its certificate, and an answer to a harmless request.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/connection.h"

namespace trunkline::net {

enum class PreflightPhase : std::uint8_t { kDns, kConnect, kTls, kHttp };
constexpr std::size_t kPreflightPhases = 4;
std::string_view PhaseName(PreflightPhase phase);  // "dns", "connect", "tls", "http"

struct PreflightOptions {
  BaseUrl origin;      // https, without a path
  std::string target;  // path and query, sent as they are
  TlsOptions tls;      // whom to trust
  bool allow_private = false;
  std::int64_t timeout_ms = 5000;
};

struct PreflightFailure {
  PreflightPhase phase;
  ErrorCode code;
  std::string reason;
  std::string hint;
};

struct PreflightReport {
  std::optional<PreflightFailure> failure;     // none: it is fit
  bool tls_valid = false;                      // the handshake is done, the certificate good
  int status = 0;                              // 0: no HTTP answer came
  std::string content_type;                    // empty: the answer names none
  std::optional<PeerCertificate> certificate;  // the one that was shown, a refused one too
  std::int64_t days_left = 0;                  // of the certificate: whole ones, rounded down; < 0: expired
  std::string protocol;                        // "TLSv1.3"; empty: none was agreed on
  std::string address;                         // that was connected to; empty: none
  std::array<std::int64_t, kPreflightPhases> phase_ms{};
  std::int64_t duration_ms = 0;
};

// Asks with HEAD, and where that is refused with 405 or 501, on a connection of its own with GET for the
// first byte. Nothing of an answer but its header is waited for. Unless it may be private, an address that is
// not public is never connected to, whatever name it goes by: judged is the very address that is used.
//
// One thread: the loop's. Destroying it, at any time, gives everything up.
class Preflight final : ConnectionOwner {
 public:
  // A verdict, good or bad. An error is none: ADDRESS_FORBIDDEN.
  using Callback = std::function<void(Result<PreflightReport>)>;

  // CONFIG_INVALID for options that cannot work. `context` outlives it. The callback may destroy it.
  static Result<std::unique_ptr<Preflight>> Create(Context& context, PreflightOptions options,
                                                   Callback callback);

  // Once. The callback follows, once, never inside this call.
  void Start();

 private:
  Preflight(Context& context, PreflightOptions options, std::shared_ptr<TlsContext> tls, std::string head,
            std::string get, Callback callback);

  void Open();
  Status Judge(const Address& address);
  void Enter(PreflightPhase phase);
  void SeeCertificate(const Connection& connection);
  void OnTimeout();
  void Fail(Error error);
  void Finish();

  void OnReached(const Address& address) override;
  void OnConnected(Connection& connection) override;
  void OnResponse(Connection& connection, Response response, bool reusable) override;
  void OnLost(Connection& connection, Error error) override;

  Context& context_;
  const PreflightOptions options_;
  const ResponseLimits limits_;
  const std::shared_ptr<TlsContext> tls_;
  const std::string head_;  // the requests' bytes
  const std::string get_;
  Callback callback_;
  bool head_refused_ = false;
  PreflightPhase phase_ = PreflightPhase::kDns;
  std::int64_t started_ms_ = 0;
  std::int64_t phase_started_ms_ = 0;
  PreflightReport report_;
  std::unique_ptr<Connection> connection_;
  retry::Timer timer_;
};

}  // namespace trunkline::net
