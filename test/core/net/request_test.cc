// Requests: which URLs are a base, and that nothing breaks out of the line or header that it stands in.
#include "net/request.h"

#include <gtest/gtest.h>

#include <string>

namespace trunkline::net {
namespace {

using namespace std::string_literals;

BaseUrl Base(std::string_view text) {
  auto parsed = ParseBaseUrl(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : BaseUrl{};
}

std::string WireOf(const Request& request, std::string_view base = "http://127.0.0.1:4010") {
  auto wire = Serialize(Base(base), request);
  EXPECT_TRUE(wire.ok()) << (wire.ok() ? "" : wire.error().message);
  return wire.ok() ? *wire : std::string();
}

bool IsRefused(const Request& request) {
  const auto wire = Serialize(Base("http://127.0.0.1"), request);
  return !wire.ok() && wire.error().code == ErrorCode::kConfigInvalid;
}

TEST(BaseUrl, PartsOfAUrl) {
  const BaseUrl plain = Base("https://api.cognigy.ai");
  EXPECT_TRUE(plain.tls);
  EXPECT_EQ(plain.host, "api.cognigy.ai");
  EXPECT_EQ(plain.port, 443);
  EXPECT_EQ(plain.authority, "api.cognigy.ai");
  EXPECT_EQ(plain.path, "");
  const BaseUrl full = Base("http://127.0.0.1:4010/some/prefix");
  EXPECT_FALSE(full.tls);
  EXPECT_EQ(full.host, "127.0.0.1");
  EXPECT_EQ(full.port, 4010);
  EXPECT_EQ(full.authority, "127.0.0.1:4010");
  EXPECT_EQ(full.path, "/some/prefix");
}

TEST(BaseUrl, TheHostHeaderNamesThePortOnlyWhereItIsNotTheSchemesOwn) {
  EXPECT_EQ(Base("https://a:443").authority, "a");
  EXPECT_EQ(Base("http://a:80").authority, "a");
  EXPECT_EQ(Base("https://a:80").authority, "a:80");
  EXPECT_EQ(Base("http://a:443").authority, "a:443");
  EXPECT_EQ(Base("https://a:").authority, "a") << "an empty port is the scheme's own (RFC 3986, 3.2.3)";
  EXPECT_EQ(Base("https://a:").port, 443);
}

TEST(BaseUrl, Ipv6LosesItsBracketsInTheHostAndKeepsThemInTheHeader) {
  const BaseUrl base = Base("http://[::1]:8080/x");
  EXPECT_EQ(base.host, "::1");
  EXPECT_EQ(base.authority, "[::1]:8080");
  EXPECT_EQ(base.port, 8080);
}

TEST(BaseUrl, SchemesInAnyCase) {
  EXPECT_TRUE(Base("HTTPS://Example.COM").tls);
  EXPECT_FALSE(Base("hTTp://localhost").tls);
}

TEST(BaseUrl, TrailingSlashesOfThePrefixGo) {
  EXPECT_EQ(Base("https://a/").path, "");
  EXPECT_EQ(Base("https://a///").path, "");
  EXPECT_EQ(Base("https://a/b/c//").path, "/b/c");
  EXPECT_EQ(Base("https://a/%2F").path, "/%2F");
}

TEST(BaseUrl, Ports) {
  EXPECT_EQ(Base("http://a:1").port, 1);
  EXPECT_EQ(Base("http://a:65535").port, 65535);
  for (const char* port : {"0", "65536", "65537", "99999", "99999999999", "-1", "80x", "8x0", "x"}) {
    EXPECT_FALSE(ParseBaseUrl("http://a:"s + port).ok()) << port;
  }
}

TEST(BaseUrl, ANameMayBeginLikeAnAddress) {
  for (const std::string& host : {"127.0.0.1.example.com"s, "127.0.0.1x"s, "1.2.3.4.5"s}) {
    for (const std::string& rest : {""s, "/"s, ":8080"s, ":8080/a/b"s, "/a:b"s}) {
      const BaseUrl base = Base("http://" + host + rest);
      const bool port = rest.starts_with(":8080");
      EXPECT_EQ(base.host, host);
      EXPECT_EQ(base.authority, host + (port ? ":8080" : ""));
      EXPECT_EQ(base.port, port ? 8080 : 80);
      EXPECT_EQ(base.path, rest.ends_with("/a/b") ? "/a/b" : rest == "/a:b" ? "/a:b" : "");
      EXPECT_FALSE(base.IsLoopback());
    }
  }
}

TEST(BaseUrl, HostAndPortAlwaysNamesThePort) {
  EXPECT_EQ(Base("https://a").HostAndPort(), "a:443");
  EXPECT_EQ(Base("http://a/b").HostAndPort(), "a:80");
  EXPECT_EQ(Base("https://a:80").HostAndPort(), "a:80");
  EXPECT_EQ(Base("https://[::1]").HostAndPort(), "[::1]:443");
}

TEST(BaseUrl, EverythingElseIsRefusedWithoutRepeatingIt) {
  for (const std::string& text : {""s,
                                  "api.cognigy.ai"s,
                                  "//api.cognigy.ai"s,
                                  "/path"s,
                                  "ftp://a"s,
                                  "ws://a"s,
                                  "file:///etc/passwd"s,
                                  "https:"s,
                                  "https://"s,
                                  "https:///path"s,
                                  "https://:443"s,
                                  "https://user@a"s,
                                  "https://user:topsecret@a"s,
                                  "https://@a"s,
                                  "https://a?query"s,
                                  "https://a/?"s,
                                  "https://a#fragment"s,
                                  "https://a#"s,
                                  "https://a b"s,
                                  "https://a/b c"s,
                                  "https://a\r\nHost: b"s,
                                  "https://a\0b"s,
                                  " https://a"s,
                                  "https://a "s,
                                  "https://[::1"s,
                                  "https://[::g]"s,
                                  "https://a/%zz"s,
                                  "https://\xC3\xBC"s,
                                  "javascript:alert(1)"s,
                                  "thpp:["s,
                                  "http://[::1]x"s,
                                  "http://127.0.0.1.example.com:80x"s,
                                  "http://user@127.0.0.1.example.com"s}) {
    const auto parsed = ParseBaseUrl(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kConfigInvalid);
    EXPECT_EQ(parsed.error().message.find("topsecret"), std::string::npos)
        << "a message never holds a secret";
  }
}

TEST(BaseUrl, LoopbackIsAWholeAddress) {
  BaseUrl base;
  for (const char* host :
       {"127.0.0.1.example.com", "127.0.0.1x", "127.1", "0127.0.0.1", "::1x", "::ffff:10.0.0.1", ""}) {
    base.host = host;
    EXPECT_FALSE(base.IsLoopback()) << host;
  }
}

TEST(BaseUrl, Loopback) {
  for (const char* text : {"http://localhost", "http://LocalHost:1", "http://127.0.0.1", "http://127.255.0.9",
                           "http://[::1]", "http://[0:0:0:0:0:0:0:1]"}) {
    EXPECT_TRUE(Base(text).IsLoopback()) << text;
  }
  for (const char* text :
       {"http://localhost.example.com", "http://128.0.0.1", "http://0.0.0.0", "http://[::]", "http://[::2]",
        "http://10.0.0.1", "http://xlocalhost", "http://[fe80::1]"}) {
    EXPECT_FALSE(Base(text).IsLoopback()) << text;
  }
}

TEST(Serialize, ABareGet) {
  EXPECT_EQ(WireOf({.target = "/a?b=c"}),
            "GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:4010\r\nAccept: */*\r\n\r\n");
}

TEST(Serialize, APostWithABodyUnderAPrefix) {
  EXPECT_EQ(
      WireOf({.method = "POST",
              .target = "/t",
              .headers = {{"X-A", "b c\t\xC3\xBC"}},
              .body = "{}",
              .has_body = true},
             "https://h/base/"),
      "POST /base/t HTTP/1.1\r\nHost: h\r\nX-A: b c\t\xC3\xBC\r\nAccept: */*\r\nContent-Length: 2\r\n\r\n{}");
}

TEST(Serialize, MethodsThatCarryABodySayHowLongAnEmptyOneIs) {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    EXPECT_NE(WireOf({.method = method}).find("\r\nContent-Length: 0\r\n"), std::string::npos) << method;
  }
  for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS"}) {
    EXPECT_EQ(WireOf({.method = method}).find("Content-Length"), std::string::npos) << method;
  }
  EXPECT_NE(WireOf({.method = "DELETE", .has_body = true}).find("Content-Length: 0"), std::string::npos);
  EXPECT_NE(WireOf({.method = "DELETE", .body = "ab"}).find("Content-Length: 2"), std::string::npos)
      << "or the body would pass for the next request";
}

TEST(Serialize, AcceptIsTheCallersWhereGiven) {
  const std::string wire = WireOf({.headers = {{"aCCept", "application/json"}}});
  EXPECT_NE(wire.find("aCCept: application/json"), std::string::npos);
  EXPECT_EQ(wire.find("*/*"), std::string::npos);
}

TEST(Serialize, ABodyMayHoldAnything) {
  const std::string body = "\0\r\n\r\nGET / HTTP/1.1\r\n\r\n"s;
  const std::string wire = WireOf({.method = "POST", .body = body, .has_body = true});
  EXPECT_NE(wire.find("Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body),
            std::string::npos);
}

TEST(Serialize, NothingBreaksOutOfItsPlace) {
  for (const std::string& evil :
       {"a\r\nX-Evil: 1"s, "a\rb"s, "a\nb"s, "a\0b"s, "\r\n"s, "a\x7f"s, "a\x01"s}) {
    EXPECT_TRUE(IsRefused({.headers = {{"X-A", evil}}})) << "value";
    EXPECT_TRUE(IsRefused({.headers = {{evil, "a"}}})) << "name";
    EXPECT_TRUE(IsRefused({.target = "/" + evil})) << "target";
    EXPECT_TRUE(IsRefused({.method = evil})) << "method";
  }
  for (const std::string& name : {""s, " X"s, "X "s, "X:"s, "X Y"s, "X(Y)"s, "\xC3\xBC"s, "X\t"s}) {
    EXPECT_TRUE(IsRefused({.headers = {{name, "a"}}})) << name;
  }
  for (const std::string& value : {" a"s, "a "s, "\ta"s, "a\t"s})
    EXPECT_TRUE(IsRefused({.headers = {{"X", value}}})) << value;
  for (const std::string& target :
       {""s, "a"s, "http://evil/"s, "*"s, "/a b"s, "/a#b"s, "/\xC3\xBC"s, "/a\tb"s}) {
    EXPECT_TRUE(IsRefused({.target = target})) << target;
  }
  for (const std::string& method : {""s, "G ET"s, "GET /x"s, "GET:"s, "\xC3\x9C"s})
    EXPECT_TRUE(IsRefused({.method = method})) << method;
}

TEST(Serialize, ARefusalDoesNotRepeatTheValue) {
  const auto wire =
      Serialize(Base("http://127.0.0.1"), {.headers = {{"Authorization", "Bearer topsecret\n"}}});
  ASSERT_FALSE(wire.ok());
  EXPECT_EQ(wire.error().message.find("topsecret"), std::string::npos);
  EXPECT_NE(wire.error().message.find("Authorization"), std::string::npos);
}

TEST(Serialize, WhatFramesTheMessageIsNotTheCallers) {
  for (const char* name : {"Host", "Content-Length", "Connection", "Transfer-Encoding", "Upgrade", "Expect",
                           "Trailer", "Proxy-Authorization"}) {
    std::string lower = name, upper = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    for (const std::string& written : {std::string(name), lower, upper}) {
      EXPECT_TRUE(IsRefused({.headers = {{written, "1"}}})) << written;
    }
  }
}

TEST(EncodePathSegment, OnlyUnreservedCharactersStay) {
  EXPECT_EQ(EncodePathSegment("azAZ09-._~"), "azAZ09-._~");
  EXPECT_EQ(EncodePathSegment("a/b?c#d e%f"), "a%2Fb%3Fc%23d%20e%25f");
  EXPECT_EQ(EncodePathSegment("\xC3\xBC\xF0\x9F\x98\x80"), "%C3%BC%F0%9F%98%80");
  EXPECT_EQ(EncodePathSegment("a\0b\r\n"s), "a%00b%0D%0A");
  EXPECT_EQ(EncodePathSegment(""), "");
  EXPECT_EQ(EncodePathSegment("%2F"), "%252F") << "never decoded, so never taken for a slash";
}

TEST(EncodePathSegment, NoSegmentIsAStepInThePath) {
  EXPECT_EQ(EncodePathSegment("."), "%2E");
  EXPECT_EQ(EncodePathSegment(".."), "%2E%2E");
  EXPECT_EQ(EncodePathSegment("..."), "...");
  EXPECT_EQ(EncodePathSegment("../.."), "..%2F..");
}

TEST(EncodePathSegment, EveryByteMakesAValidTarget) {
  for (int c = 0; c < 256; ++c) {
    const std::string segment(1, static_cast<char>(c));
    EXPECT_TRUE(Serialize(Base("http://127.0.0.1"), {.target = "/" + EncodePathSegment(segment)}).ok()) << c;
  }
}

}  // namespace
}  // namespace trunkline::net
