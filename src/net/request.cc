#include "net/request.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>
#include <charconv>

namespace trunkline::net {
namespace {

Error Invalid(std::string message) {
  return {.code = ErrorCode::kConfigInvalid, .message = std::move(message)};
}

// The characters of a set, for one look each: every byte of every header is looked at.
class CharacterSet {
 public:
  constexpr explicit CharacterSet(std::string_view more) {
    for (unsigned char c = '0'; c <= '9'; ++c) has_[c] = true;
    for (unsigned char c = 'A'; c <= 'Z'; ++c) has_[c] = has_[c + ('a' - 'A')] = true;
    for (const char c : more) has_[static_cast<unsigned char>(c)] = true;
  }
  constexpr bool has(char c) const { return has_[static_cast<unsigned char>(c)]; }

 private:
  std::array<bool, 256> has_{};
};
constexpr CharacterSet kTokenCharacters("!#$%&'*+-.^_`|~");  // tchar of RFC 9110, 5.6.2
constexpr CharacterSet kUnreserved("-._~");                  // RFC 3986, 2.3

bool IsToken(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return kTokenCharacters.has(c); });
}

// field-value of RFC 9110, 5.5: visible characters, spaces, tabs and bytes above 127, no white space at the
// ends.
bool IsFieldValue(std::string_view text) {
  if (!text.empty() &&
      (text.front() == ' ' || text.front() == '\t' || text.back() == ' ' || text.back() == '\t')) {
    return false;
  }
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

bool IsTarget(std::string_view text) {
  return !text.empty() && text.front() == '/' && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '#';
  });
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool StartsWithIgnoringCase(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && EqualsIgnoringCase(text.substr(0, start.size()), start);
}

// What Serialize writes itself, or what would change how the message is framed.
bool IsReserved(std::string_view name) {
  constexpr std::array<std::string_view, 8> kReserved = {
      "Host",    "Content-Length", "Connection", "Transfer-Encoding",
      "Upgrade", "Expect",         "Trailer",    "Proxy-Authorization"};
  return std::any_of(kReserved.begin(), kReserved.end(),
                     [&](auto reserved) { return EqualsIgnoringCase(name, reserved); });
}

constexpr std::uint16_t DefaultPort(bool tls) { return tls ? 443 : 80; }

auto Parse(std::string_view text) {
  return boost::urls::parse_absolute_uri(boost::core::string_view(text.data(), text.size()));
}

// Boost 1.81 ends an authority too early: a:80x would be the port 80, and what follows the path.
bool EndsTooEarly(const boost::urls::url_view& url) {
  return !url.encoded_path().empty() && url.encoded_path().front() != '/';
}

}  // namespace

bool BaseUrl::IsLoopback() const {
  if (EqualsIgnoringCase(host, "localhost")) return true;
  // inet_pton takes whole addresses only: 127.0.0.1.example.com is somebody else's machine.
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string BaseUrl::HostAndPort() const {
  const bool named = port != DefaultPort(tls);
  return named ? authority : authority + ':' + std::to_string(port);
}

Result<BaseUrl> ParseBaseUrl(std::string_view text) {
  BaseUrl base;
  // First, because Boost 1.81 asserts on some of what has another scheme.
  if (StartsWithIgnoringCase(text, "https://")) {
    base.tls = true;
  } else if (StartsWithIgnoringCase(text, "http://")) {
    base.tls = false;
  } else {
    return Invalid("base URL: expected an absolute http or https URL such as https://api.example.com");
  }
  auto parsed = Parse(text);
  // Boost 1.81 takes the beginning of 127.0.0.1.example.com for an address, and the rest for a path. Behind a
  // letter it reads such a host as the name that it is.
  std::string behind_letter;
  if (parsed && parsed->host_type() == boost::urls::host_type::ipv4 && EndsTooEarly(*parsed)) {
    const auto host = static_cast<std::size_t>(parsed->encoded_host().data() - text.data());
    behind_letter = std::string(text).insert(host, 1, 'x');
    parsed = Parse(behind_letter);
  }
  if (!parsed)
    return Invalid("base URL: expected an absolute http or https URL such as https://api.example.com");
  const boost::urls::url_view url = *parsed;
  if (url.has_userinfo()) return Invalid("base URL: user name and password do not belong into it");
  if (url.has_query() || url.has_fragment())
    return Invalid("base URL: a query or fragment does not belong into it");
  const std::size_t added = behind_letter.empty() ? 0 : 1;
  base.host = url.host_address().substr(added);
  if (base.host.empty()) return Invalid("base URL: the host is missing");
  base.port = DefaultPort(base.tls);
  if (const std::string port(url.port()); !port.empty()) {
    // Not url.port_number(): in Boost 1.81 it wraps around, and 99999 would be 34463.
    const auto read = std::from_chars(port.data(), port.data() + port.size(), base.port);
    if (read.ec != std::errc{} || base.port == 0) return Invalid("base URL: the port is out of range");
  }
  base.authority = std::string(url.encoded_host()).substr(added);
  if (base.port != DefaultPort(base.tls)) base.authority += ':' + std::to_string(base.port);
  if (EndsTooEarly(url)) return Invalid("base URL: the host or port cannot be read");
  base.path = std::string(url.encoded_path());
  while (!base.path.empty() && base.path.back() == '/') base.path.pop_back();
  return base;
}

namespace {

Status AppendHeaders(std::string& wire, const std::vector<std::pair<std::string, std::string>>& headers) {
  for (const auto& [name, value] : headers) {
    if (!IsToken(name)) return Invalid("header name: expected an HTTP token");
    if (IsReserved(name)) return Invalid("header " + name + ": is set by the client itself");
    if (!IsFieldValue(value))
      return Invalid("header " + name + ": the value holds a character that no header may hold");
    wire.append(name).append(": ").append(value).append("\r\n");
  }
  return Ok();
}

bool HasAccept(std::string_view lines) {
  for (std::size_t at = 0; at < lines.size(); at = lines.find("\r\n", at) + 2) {
    if (EqualsIgnoringCase(lines.substr(at, 7), "Accept:")) return true;
  }
  return false;
}

}  // namespace

Result<std::string> SerializeHeaders(const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string lines;
  if (Status appended = AppendHeaders(lines, headers); !appended.ok()) return appended.error();
  return lines;
}

Result<std::string> Serialize(const BaseUrl& base, const Request& request, std::string_view lines,
                              std::string_view more_lines) {
  if (!IsToken(request.method)) return Invalid("method: expected an HTTP token such as POST");
  if (!IsTarget(request.target)) return Invalid("path: expected a percent-encoded path that begins with /");
  std::size_t size = 128 + base.path.size() + request.target.size() + base.authority.size() + lines.size() +
                     more_lines.size() + request.body.size();
  for (const auto& [name, value] : request.headers) size += name.size() + value.size() + 4;
  std::string wire;
  wire.reserve(size);
  wire.append(request.method)
      .append(" ")
      .append(base.path)
      .append(request.target)
      .append(" HTTP/1.1\r\nHost: ")
      .append(base.authority)
      .append("\r\n");
  const std::size_t headers_at = wire.size();
  if (Status appended = AppendHeaders(wire, request.headers); !appended.ok()) return appended.error();
  wire.append(lines).append(more_lines);
  if (!HasAccept(std::string_view(wire).substr(headers_at))) wire.append("Accept: */*\r\n");
  // A method that usually carries a body says so even when it is empty (RFC 9110, 8.6).
  if (request.has_body || !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
      request.method == "PATCH") {
    wire.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  wire.append("\r\n").append(request.body);
  return wire;
}

void AppendPathSegment(std::string& path, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  // A segment of dots alone would be taken as a step in the path.
  const bool all_encoded = text == "." || text == "..";
  for (const char c : text) {
    if (kUnreserved.has(c) && !all_encoded) {
      path += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      path += '%';
      path += kHex[byte >> 4];
      path += kHex[byte & 15];
    }
  }
}

std::string EncodePathSegment(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  AppendPathSegment(encoded, text);
  return encoded;
}

}  // namespace trunkline::net
