// What goes out: where to, which bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace trunkline::net {

// Scheme, host and port of a server, and the path that its base URL carries (RFC 3986).
struct BaseUrl {
  bool tls = true;
  std::string host;        // name, IPv4, or IPv6 without brackets
  std::uint16_t port = 0;  // never 0 once parsed
  std::string authority;   // as the Host header writes it: port only when it is not the scheme's own
  std::string path;        // without a trailing slash; may be empty

  bool IsLoopback() const;          // localhost, 127.0.0.0/8 or ::1
  std::string HostAndPort() const;  // the authority, always with its port
  bool operator==(const BaseUrl&) const = default;
};

// CONFIG_INVALID for anything but an absolute http or https URL with a host and without user info, query or
// fragment.
Result<BaseUrl> ParseBaseUrl(std::string_view text);

struct Request {
  std::string method = "GET";
  std::string target = "/";  // path and query, already percent-encoded
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  bool has_body = false;
};

// The bytes of an HTTP/1.1 request (RFC 9112). Host, Content-Length and Accept are added; whoever passes
// those, Connection or Transfer-Encoding is refused, like anything that would break out of the request line
// or a header: CONFIG_INVALID. `lines` and `more_lines` are header lines that SerializeHeaders has made, or
// that hold nothing of a caller's.
Result<std::string> Serialize(const BaseUrl& base, const Request& request, std::string_view lines = {},
                              std::string_view more_lines = {});

// Header lines, each with its CRLF, under the same conditions.
Result<std::string> SerializeHeaders(const std::vector<std::pair<std::string, std::string>>& headers);

// Percent-encodes everything but RFC 3986's unreserved characters, for one segment of a path.
std::string EncodePathSegment(std::string_view text);
void AppendPathSegment(std::string& path, std::string_view text);

}  // namespace trunkline::net
