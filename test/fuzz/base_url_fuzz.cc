// Fuzzes ParseBaseUrl against a plain reading of RFC 3986's authority, and EncodePathSegment against its way
// back.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/request.h"
#include "require.h"

namespace {

using trunkline::ErrorCode;
using trunkline::fuzz::Require;
using namespace trunkline::net;

bool IsVisible(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f) return false;
  }
  return true;
}

// scheme "://" authority, up to the path: what every other reader of the URL takes for the host.
std::string_view AuthorityOf(std::string_view url) {
  const std::size_t from = url.find("://") + 3;
  return url.substr(from, std::min(url.find_first_of("/?#", from), url.size()) - from);
}

void CheckUrl(std::string_view text) {
  const auto base = ParseBaseUrl(text);
  if (!base.ok()) {
    Require(base.error().code == ErrorCode::kConfigInvalid, "one error code");
    Require(base.error().message.size() < 160, "messages repeat nothing of the URL");
    return;
  }
  const std::string_view authority = AuthorityOf(text);
  Require(IsVisible(text), "a URL is visible ASCII");
  Require(authority.find('@') == std::string_view::npos, "no user info");
  Require(text.find_first_of("?#") == std::string_view::npos, "no query, no fragment");
  Require(!base->host.empty() && base->port != 0, "somewhere to connect to");

  // The host that is connected to is the one that the URL names.
  const std::size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  const std::string_view host = authority.substr(0, has_port ? colon : authority.size());
  const std::string_view port = has_port ? authority.substr(colon + 1) : std::string_view();
  Require(port.find_first_not_of("0123456789") == std::string_view::npos, "a port is a number");
  if (host.starts_with('[')) {
    Require(host == "[" + base->host + "]", "the address between the brackets");
  } else if (host.find('%') == std::string_view::npos) {
    Require(host == base->host, "the host of the URL");
  }
  const std::uint16_t default_port = base->tls ? 443 : 80;
  Require(base->authority ==
              std::string(host) + (base->port == default_port ? "" : ":" + std::to_string(base->port)),
          "the Host header names it as the URL does");
  Require(base->path.empty() || (base->path.front() == '/' && base->path.back() != '/'), "a prefix of paths");

  const auto again = ParseBaseUrl((base->tls ? "https://" : "http://") + base->authority + base->path);
  Require(again.ok() && again->tls == base->tls && again->host == base->host && again->port == base->port &&
              again->authority == base->authority && again->path == base->path,
          "put together again it reads the same");
  const auto wire = Serialize(*base, {});
  Require(
      wire.ok() && wire->starts_with("GET " + base->path + "/ HTTP/1.1\r\nHost: " + base->authority + "\r\n"),
      "a request to it");
}

void CheckSegment(std::string_view text) {
  const std::string encoded = EncodePathSegment(text);
  Require(encoded != "." && encoded != "..", "no step in the path");
  std::string decoded;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    const char c = encoded[i];
    if (c != '%') {
      Require(std::isalnum(static_cast<unsigned char>(c)) ||
                  std::string_view("-._~").find(c) != std::string_view::npos,
              "unreserved characters alone");
      decoded += c;
      continue;
    }
    Require(i + 2 < encoded.size(), "whole triplets");
    const std::string hex = encoded.substr(i + 1, 2);
    Require(hex.find_first_not_of("0123456789ABCDEF") == std::string::npos, "capital hex digits");
    decoded += static_cast<char>(std::stoi(hex, nullptr, 16));
    i += 2;
  }
  Require(decoded == text, "decoded, the segment is what it was");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckUrl(text);
  CheckSegment(text);
  return 0;
}
