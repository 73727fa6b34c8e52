// A TCP connection to a host that may have several addresses, by the first of them that answers: "Happy
// Eyeballs" (RFC 8305).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/context.h"
#include "net/resolver.h"
#include "net/uv_handle.h"

namespace trunkline::net {

struct ConnectTarget {
  std::string host;  // name, IPv4, or IPv6 without brackets
  std::uint16_t port = 0;
  std::string name;  // how messages call it, e.g. "api.example.com" or "the proxy 192.0.2.1:3128"
  // Judges each address before anything is sent there, and so the one that is connected to in the end; what
  // it refuses is not tried. Its error is the connector's where it refuses them all. Empty: all will do.
  std::function<Status(const Address&)> check{};
};

// Each address gets kAttemptDelayMs before the next one is tried beside it; one that fails gives way at once.
// The first to stand wins, and the others are closed. How long all of it may take is the owner's to bound: it
// destroys the connector, which is safe at any time and gives everything up. One thread: the loop's.
class Connector {
 public:
  static constexpr std::int64_t kAttemptDelayMs = 250;  // RFC 8305, 5
  static constexpr std::size_t kMostAddresses = 16;     // of one name; further ones are not tried

  struct Connected {
    UvHandle<uv_tcp_t> socket;
    Address address;
  };
  using Callback = std::function<void(Result<Connected>)>;

  // `context` outlives the connector. The callback may destroy it.
  Connector(Context& context, ConnectTarget target, Callback callback);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Once. The callback follows, once, never inside this call: DNS_FAILED, CONNECTION_FAILED (the last
  // address's), or what `check` says.
  void Start();

 private:
  struct Attempt;

  void OnResolved(std::vector<Address> addresses);
  void TryNext();
  Status Try(const Address& address);
  void OnAttempt(Attempt& attempt, int status);
  void OnTimer();
  void Fail(Error error);
  Error Refused(int uv_error) const;

  Context& context_;
  const ConnectTarget target_;
  Callback callback_;
  Resolver resolver_;
  std::vector<Address> addresses_;  // still to be tried, the next one last
  std::vector<std::unique_ptr<Attempt>> attempts_;
  std::optional<Error> failed_;  // why the last address is out, or that there is none
  retry::Timer timer_;           // the next attempt's; or tells the failure, which no call of ours may
};

}  // namespace trunkline::net
