#include "net/proxy.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "crypto/encoding.h"

namespace trunkline::net {
namespace {

Error Invalid(std::string message) {
  return {.code = ErrorCode::kConfigInvalid, .message = std::move(message)};
}

std::string AuthorizationLine(const Proxy& proxy) {
  return proxy.authorization.empty() ? std::string() : "Proxy-Authorization: " + proxy.authorization + "\r\n";
}

}  // namespace

Error Proxy::Refusal(const BaseUrl& origin, int status) const {
  Error error{.code = ErrorCode::kConnectionFailed,
              .message = Name() + " refused the way to " + origin.HostAndPort() + " with status " +
                         std::to_string(status)};
  // Some, tinyproxy among them, say 401 where the password is wrong.
  if (status == kAuthenticationRequired || status == 401) {
    error.hint = authorization.empty()
                     ? "The proxy asks for a user name and a password. Put them into its URL: "
                       "http://user:password@host:port, percent-encoded."
                     : "The proxy does not take the user name and password in its URL. Check them, and that "
                       "they are percent-encoded.";
  }
  return error;
}

Result<Proxy> ParseProxyUrl(std::string_view text) {
  const auto url = boost::urls::parse_absolute_uri(boost::core::string_view(text.data(), text.size()));
  std::string without_user(text);
  Proxy proxy;
  if (url && url->has_userinfo()) {
    const std::string user = url->user();
    // The colon ends the name (RFC 7617, 2).
    if (user.find(':') != std::string::npos) return Invalid("proxy: the user name holds a colon");
    const std::string pair = user + ":" + url->password();
    proxy.authorization = "Basic " + crypto::Encode(AsBytes(pair), crypto::Encoding::kBase64);
    const auto info = url->encoded_userinfo();
    without_user.erase(static_cast<std::size_t>(info.data() - text.data()), info.size() + 1);  // and the @
  }
  auto server = ParseBaseUrl(without_user);
  if (!server || server->tls || !server->path.empty())
    return Invalid("proxy: expected a URL such as http://proxy.example.com:3128");
  proxy.server = std::move(*server);
  return proxy;
}

void WriteForProxy(std::string& wire, const BaseUrl& origin, const Proxy& proxy) {
  wire.insert(wire.find("\r\n") + 2, AuthorizationLine(proxy));
  wire.insert(wire.find(' ') + 1, "http://" + origin.authority);
}

Tunnel::Tunnel(const Proxy& proxy, const BaseUrl& origin)
    : proxy_(proxy), origin_(origin), parser_({.max_header_bytes = kMostAnswerBytes}, true) {}

std::string Tunnel::Request() const {
  const std::string host = origin_.HostAndPort();
  return "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n" + AuthorizationLine(proxy_) + "\r\n";
}

Result<bool> Tunnel::Feed(std::string_view bytes) {
  constexpr std::string_view kBeginning = "HTTP/1.";
  unread_.append(bytes);
  for (;;) {
    // Whoever speaks first and is no proxy need not send an empty line ever.
    if (!kBeginning.starts_with(std::string_view(unread_).substr(0, kBeginning.size())))
      return Failed("does not speak HTTP");
    const std::size_t end = unread_.find("\r\n\r\n");
    if (end == std::string::npos && unread_.size() > kMostAnswerBytes)
      return Failed("does not end its answer");
    if (end == std::string::npos) return false;
    const auto progress = parser_.Feed(std::string_view(unread_).substr(0, end + 4));
    unread_.erase(0, end + 4);
    if (!progress) return Failed("gave an answer that is not valid HTTP");
    if (*progress == ResponseParser::Progress::kDone) break;  // else it was an interim answer (1xx)
  }
  const int status = parser_.Take().status;
  if (status / 100 != 2) return proxy_.Refusal(origin_, status);
  if (!unread_.empty()) return Failed("sent bytes that nobody asked for");
  return true;
}

Error Tunnel::Failed(const std::string& why) const {
  return {.code = ErrorCode::kConnectionFailed, .message = proxy_.Name() + " " + why};
}

}  // namespace trunkline::net
