// Names to addresses, by the system's own resolver.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace trunkline::net {

// An IP address and a port.
struct Address {
  sockaddr_storage storage{};

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  bool is_ipv6() const { return storage.ss_family == AF_INET6; }
  std::string Text() const;  // without the port: "192.0.2.1", "2001:db8::1"
};

// Of a host that is an address already, IPv6 without brackets; nothing for a name.
std::optional<Address> ParseAddress(const std::string& host, std::uint16_t port);

// The order in which to try them (RFC 8305, 4): the families alternate, that of the first one leads. The
// system has put the addresses in order by then (RFC 6724): IPv6 leads, unless this machine has no way there
// or its administrator says otherwise.
std::vector<Address> Interleave(std::vector<Address> addresses);

// One look-up. Destroying it gives the look-up up: its callback never runs then. One thread: the loop's.
class Resolver {
 public:
  using Callback =
      std::function<void(Result<std::vector<Address>>)>;  // at least one, as the system orders them

  explicit Resolver(uv_loop_t* loop) : loop_(loop) {}
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Once. The callback follows, never inside this call, and may destroy the resolver: DNS_FAILED when the
  // name is not known. An error here: no look-up could be begun.
  Status Resolve(const std::string& host, std::uint16_t port, Callback callback);

 private:
  struct Request;

  uv_loop_t* loop_;
  Request* request_ = nullptr;  // libuv's, until its callback
};

}  // namespace trunkline::net
