// HTTP proxies: where one is, and how requests go through it. What is for a plain http origin is sent to the
// proxy itself (RFC 9112, 3.2.2); what is for an https one goes through a tunnel, inside which TLS is spoken
// with the origin (RFC 9110, 9.3.6).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/request.h"
#include "net/response_parser.h"

namespace trunkline::net {

struct Proxy {
  static constexpr int kAuthenticationRequired = 407;

  BaseUrl server;             // plain http, without a path
  std::string authorization;  // the value of Proxy-Authorization; empty: none. A secret.

  std::string Name() const { return "the proxy " + server.HostAndPort(); }  // for messages

  // What a status that the proxy itself gave comes to: CONNECTION_FAILED; the hint of a 407 speaks of user
  // name and password.
  Error Refusal(const BaseUrl& origin, int status) const;

  bool operator==(const Proxy&) const = default;
};

// http://host:port or http://user:password@host:port, both percent-encoded. CONFIG_INVALID for anything else,
// never repeating it.
Result<Proxy> ParseProxyUrl(std::string_view text);

// Makes of a request that Serialize wrote the one that a proxy takes.
void WriteForProxy(std::string& wire, const BaseUrl& origin, const Proxy& proxy);

// One CONNECT: the request, and the reading of its answer.
class Tunnel {
 public:
  static constexpr std::size_t kMostAnswerBytes = 16 * 1024;

  // Both outlive it.
  Tunnel(const Proxy& proxy, const BaseUrl& origin);

  std::string Request() const;

  // Takes the next bytes of the answer; true once the tunnel stands. CONNECTION_FAILED when the proxy refuses
  // or does not speak HTTP, and also when bytes follow its answer: they cannot be the origin's, which has not
  // been spoken to yet, and TLS must not take them for its own.
  Result<bool> Feed(std::string_view bytes);

 private:
  Error Failed(const std::string& why) const;

  const Proxy& proxy_;
  const BaseUrl& origin_;
  ResponseParser parser_;
  std::string unread_;
};

}  // namespace trunkline::net
