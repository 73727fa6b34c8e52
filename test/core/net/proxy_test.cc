// Proxies: their URLs, what they are sent, and what becomes of those that refuse, lie or fall silent.
#include "net/proxy.h"

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/resolver.h"
#include "support/server.h"

namespace trunkline::net {
namespace {

using namespace std::string_literals;

using test::Answer;
using test::Call;
using test::Client;
using test::Credentials;
using test::Loop;
using test::OptionsFor;
using test::Peer;
using test::Server;
using test::ServerTls;
using test::Signal;

constexpr char kEstablished[] = "HTTP/1.1 200 Connection established\r\n\r\n";

Proxy ProxyAt(std::string_view url) {
  auto parsed = ParseProxyUrl(url);
  EXPECT_TRUE(parsed.ok()) << url;
  return parsed.ok() ? *parsed : Proxy{};
}
BaseUrl Base(std::string_view url) { return std::move(ParseBaseUrl(url)).value(); }

TEST(ProxyUrl, HostPortAndCredentials) {
  const Proxy plain = ProxyAt("http://proxy.example.com:3128");
  EXPECT_EQ(plain.server.host, "proxy.example.com");
  EXPECT_EQ(plain.server.port, 3128);
  EXPECT_EQ(plain.authorization, "");
  EXPECT_EQ(plain.Name(), "the proxy proxy.example.com:3128");
  EXPECT_EQ(ProxyAt("http://proxy/").server.port, 80);
  EXPECT_EQ(ProxyAt("http://[::1]:8080").server.host, "::1");
  const Proxy named = ProxyAt("http://ann:p%40ss%3Aw%25rd@127.0.0.1.example.com:3128/");
  EXPECT_EQ(named.authorization, "Basic YW5uOnBAc3M6dyVyZA==");  // ann:p@ss:w%rd
  EXPECT_EQ(named.server.host, "127.0.0.1.example.com");
  EXPECT_EQ(named.server.port, 3128);
  EXPECT_EQ(ProxyAt("http://ann@proxy").authorization, "Basic YW5uOg==");
  EXPECT_EQ(named.Name().find("ann"), std::string::npos);
}

TEST(ProxyUrl, EverythingElseIsRefusedWithoutRepeatingIt) {
  for (const std::string& text :
       {""s, "proxy:3128"s, "https://proxy:3128"s, "socks5://proxy"s, "http://"s, "http://:3128"s,
        "http://proxy:0"s, "http://proxy:99999"s, "http://proxy/path"s, "http://proxy?x"s, "http://proxy#x"s,
        "http://a b"s, "http://ann:topsecret@"s, "http://ann:topsecret%zz@proxy"s,
        "http://ann:topsecret@proxy/path"s, "http://a%3Ab:topsecret@proxy"s,
        "http://ann:topsecret@proxy\r\nX: y"s}) {
    const auto parsed = ParseProxyUrl(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kConfigInvalid);
    EXPECT_EQ(parsed.error().message.find("topsecret"), std::string::npos);
  }
}

TEST(WriteForProxy, TheAbsoluteFormAndTheCredentials) {
  const BaseUrl origin = Base("http://127.0.0.1:4010/base");
  const std::string wire =
      Serialize(origin, {.method = "PUT", .target = "/a?b", .body = "x y", .has_body = true}).value();
  std::string open = wire, closed = wire;
  WriteForProxy(open, origin, ProxyAt("http://proxy"));
  EXPECT_EQ(open,
            "PUT http://127.0.0.1:4010/base/a?b HTTP/1.1\r\nHost: 127.0.0.1:4010\r\nAccept: */*\r\n"
            "Content-Length: 3\r\n\r\nx y");
  WriteForProxy(closed, origin, ProxyAt("http://a:b@proxy"));
  EXPECT_EQ(closed,
            "PUT http://127.0.0.1:4010/base/a?b HTTP/1.1\r\nProxy-Authorization: Basic YTpi\r\n"
            "Host: 127.0.0.1:4010\r\nAccept: */*\r\nContent-Length: 3\r\n\r\nx y");
}

class TunnelTest : public ::testing::Test {
 protected:
  Result<bool> Feed(std::string_view bytes) { return tunnel_.Feed(bytes); }
  std::string ErrorOf(std::string_view bytes) {
    Tunnel tunnel(proxy_, origin_);
    const auto stands = tunnel.Feed(bytes);
    if (stands) return *stands ? "stands" : "needs more";
    EXPECT_EQ(stands.error().code, ErrorCode::kConnectionFailed);
    EXPECT_NE(stands.error().message.find("proxy.example.com:3128"), std::string::npos);
    EXPECT_EQ(stands.error().message.find("topsecret"), std::string::npos);
    return stands.error().message;
  }

  const Proxy proxy_ = ProxyAt("http://ann:topsecret@proxy.example.com:3128");
  const BaseUrl origin_ = Base("https://api.example.com/v1");
  Tunnel tunnel_{proxy_, origin_};
};

TEST_F(TunnelTest, TheRequestNamesHostAndPort) {
  EXPECT_EQ(tunnel_.Request(),
            "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n"
            "Proxy-Authorization: Basic YW5uOnRvcHNlY3JldA==\r\n\r\n");
  const Proxy open = ProxyAt("http://proxy");
  const BaseUrl ipv6 = Base("https://[::1]:8443");
  EXPECT_EQ(Tunnel(open, ipv6).Request(), "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n");
}

TEST_F(TunnelTest, TheAnswerMayComeInPieces) {
  const std::string answer = "HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11\r\n\r\n";
  for (std::size_t i = 0; i < answer.size(); ++i) {
    const auto stands = Feed(answer.substr(i, 1));
    ASSERT_TRUE(stands.ok());
    EXPECT_EQ(*stands, i + 1 == answer.size());
  }
}

TEST_F(TunnelTest, AnswersThatOpenIt) {
  EXPECT_EQ(ErrorOf(kEstablished), "stands");
  EXPECT_EQ(ErrorOf("HTTP/1.1 204 \r\n\r\n"), "stands");
  EXPECT_EQ(ErrorOf("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), "stands");
  for (const char* length : {"Content-Length: 5", "Transfer-Encoding: chunked"}) {
    EXPECT_EQ(ErrorOf("HTTP/1.1 200 OK\r\n"s + length + "\r\n\r\n"), "stands")
        << "means nothing here (RFC 9110, 9.3.6)";
  }
  for (const char* half :
       {"", "H", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"})
    EXPECT_EQ(ErrorOf(half), "needs more");
}

TEST_F(TunnelTest, AnswersThatRefuse) {
  for (const int status : {301, 400, 403, 407, 502, 503}) {
    const std::string code = std::to_string(status);
    for (const char* rest : {"\r\n", "Content-Length: 5\r\n\r\nsorry"}) {
      EXPECT_EQ(
          ErrorOf("HTTP/1.1 " + code + " No\r\n" + rest),
          "the proxy proxy.example.com:3128 refused the way to api.example.com:443 with status " + code);
    }
  }
  for (const char* status : {"401", "407"}) {
    const Error wrong = Tunnel(proxy_, origin_).Feed("HTTP/1.1 "s + status + " No\r\n\r\n").error();
    EXPECT_NE(wrong.hint.find("does not take the user name and password"), std::string::npos);
  }
  const Proxy open = ProxyAt("http://proxy");
  const Error missing = Tunnel(open, origin_).Feed("HTTP/1.1 407 No\r\n\r\n").error();
  EXPECT_NE(missing.hint.find("asks for a user name and a password"), std::string::npos);
  EXPECT_EQ(Tunnel(open, origin_).Feed("HTTP/1.1 502 No\r\n\r\n").error().hint, "");
}

TEST_F(TunnelTest, AnswersThatAreNone) {
  for (const std::string& bytes : {"SSH-2.0-OpenSSH_9.2p1\r\n"s, "\0"s, "\r\n\r\n"s, "\x16\x03\x01"s,
                                   "HTTP/2 200\r\n\r\n"s, "HTTP/1.1 abc\r\n\r\n"s, "HTTP/1.1 099 X\r\n\r\n"s,
                                   "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"s, "HTTP/1.1 101 X\r\n\r\n"s}) {
    const std::string error = ErrorOf(bytes);
    EXPECT_NE(error.find("HTTP"), std::string::npos) << error;
  }
  EXPECT_NE(
      ErrorOf("HTTP/1.1 200 OK\r\nX: " + std::string(Tunnel::kMostAnswerBytes, 'x')).find("does not end"),
      std::string::npos);
  EXPECT_NE(ErrorOf("HTTP/1.1 200 OK\r\nX: " + std::string(2 * Tunnel::kMostAnswerBytes, 'x') + "\r\n\r\n"),
            "stands");
}

TEST_F(TunnelTest, BytesThatFollowTheAnswerAreRefused) {
  EXPECT_NE(ErrorOf(kEstablished + "\x16\x03\x03"s).find("nobody asked for"), std::string::npos);
  EXPECT_NE(ErrorOf(kEstablished + std::string(kEstablished)).find("nobody asked for"), std::string::npos);
}

// ------------------------------------------------------------------------- through the client, over real
// sockets

const Credentials& Authority() {
  static const Credentials authority = test::MakeAuthority();
  return authority;
}

// Plays the proxy first, and after CONNECT the origin behind it.
ServerTls OriginTls(const std::string& names = "DNS:api.example.com") {
  return {.credentials = test::MakeCertificate(Authority(), {.names = names}), .on_demand = true};
}

ClientOptions Through(const Server& proxy, const std::string& origin, const std::string& user = {}) {
  auto options = OptionsFor(origin);
  options.tls.trusted_pem = Authority().certificate_pem;
  options.allow_insecure = true;
  options.proxy = ProxyAt("http://" + user + "127.0.0.1:" + std::to_string(proxy.port()));
  return options;
}

void ServeAsOrigin(Peer& peer) {
  for (;;) {
    const std::string request = peer.ReadRequest();
    if (request.empty()) return;
    peer.Write(Answer(200, request));
  }
}

void ServeTunnel(Peer& peer) {
  peer.ReadRequest();
  peer.Write(kEstablished);
  if (peer.StartTls()) ServeAsOrigin(peer);
}

// The origin's name means nothing on this machine: it is the proxy that looks it up.
TEST(Proxy, AnHttpsOriginIsSpokenToInsideATunnel) {
  Loop loop;
  std::string connect;
  Server server(
      [&](Peer& peer) {
        connect = peer.ReadRequest();
        peer.Write(kEstablished);
        if (peer.StartTls()) ServeAsOrigin(peer);
      },
      OriginTls());
  const test::ResolverFake nobody("api.example.com", {});
  Client client(loop, Through(server, "https://api.example.com/v1", "ann:secret@"));
  for (int i = 0; i < 3; ++i) {
    const Call call = client.Fetch("/users");
    EXPECT_EQ(call->body(), "GET /v1/users HTTP/1.1\r\nHost: api.example.com\r\nAccept: */*\r\n\r\n")
        << call->message();
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(connect.find("CONNECT api.example.com:443 HTTP/1.1\r\n"), 0U);
  EXPECT_NE(connect.find("Proxy-Authorization: Basic YW5uOnNlY3JldA=="), std::string::npos);
}

TEST(Proxy, AHttpOriginsRequestsGoToTheProxyItself) {
  Loop loop;
  Server server(ServeAsOrigin);
  const test::ResolverFake nobody("api.example.com", {});
  Client client(loop, Through(server, "http://api.example.com:8080", "ann:secret@"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(
        client.Fetch("/users")->body(),
        "GET http://api.example.com:8080/users HTTP/1.1\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n"
        "Host: api.example.com:8080\r\nAccept: */*\r\n\r\n");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(Proxy, A407IsTheProxysEitherWay) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.ReadRequest();
    peer.Write(Answer(407, "who are you?", "Proxy-Authenticate: Basic realm=\"x\"\r\n"));
    peer.ReadToEnd();
  });
  for (const char* origin : {"https://api.example.com", "http://api.example.com"}) {
    Client client(loop, Through(server, origin));
    const Call call = client.Fetch();
    EXPECT_EQ(call->error(), "CONNECTION_FAILED");
    EXPECT_NE(call->message().find("407"), std::string::npos) << call->message();
    EXPECT_NE(call->hint().find("user name"), std::string::npos) << call->hint();
  }
}

// Inside a tunnel it is the origin's, whatever that means by it.
TEST(Proxy, AnOriginsOwn407IsAnAnswer) {
  Loop loop;
  Server server(
      [](Peer& peer) {
        peer.ReadRequest();
        peer.Write(kEstablished);
        if (!peer.StartTls()) return;
        peer.ReadRequest();
        peer.Write(Answer(407));
        peer.ReadToEnd();
      },
      OriginTls());
  Client client(loop, Through(server, "https://api.example.com"));
  EXPECT_EQ(client.Fetch()->status(), 407);
}

TEST(Proxy, ProxiesThatFail) {
  const std::vector<std::function<void(Peer&)>> scripts = {
      [](Peer& peer) { peer.Write("HTTP/1.1 502 Bad Gateway\r\n\r\n"); },
      [](Peer&) {},
      [](Peer& peer) { peer.Reset(); },
      [](Peer& peer) { peer.Write("HTTP/1.1 200 Conn"); },
      [](Peer& peer) { peer.Write("garbage"); },
      [](Peer& peer) { peer.Write(std::string(100'000, 'x')); },
      [](Peer& peer) { peer.Write(kEstablished + "extra"s); },
  };
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    Loop loop;
    Server server([&](Peer& peer) {
      peer.ReadRequest();
      scripts[i](peer);
    });
    Client client(loop, Through(server, "https://api.example.com"));
    const Call call = client.Fetch();
    EXPECT_EQ(call->error(), "CONNECTION_FAILED") << i;
    EXPECT_NE(call->message().find("the proxy 127.0.0.1:"), std::string::npos) << i << call->message();
    EXPECT_TRUE(call->result->error().nothing_sent) << i;
  }
}

TEST(Proxy, OneThatCannotBeReachedIsNamed) {
  Loop loop;
  auto options = OptionsFor("https://api.example.com");
  options.tls.verify = false;
  options.proxy = ProxyAt("http://ann:secret@127.0.0.1:" + std::to_string(test::UnusedPort()));
  Client client(loop, options);
  const Call call = client.Fetch();
  EXPECT_EQ(call->error(), "CONNECTION_FAILED");
  EXPECT_NE(call->message().find("cannot connect to the proxy 127.0.0.1:"), std::string::npos)
      << call->message();
  EXPECT_EQ(call->message().find("secret"), std::string::npos);
}

TEST(Proxy, ASilentOneEndsWithTheConnectTimeOut) {
  Loop loop;
  Signal asked(loop);
  Server server([&](Peer& peer) {
    peer.ReadRequest();
    asked.Set();
    peer.ReadToEnd();
  });
  Client client(loop, Through(server, "https://api.example.com"));
  const Call call = client.Get("/", 60'000);
  ASSERT_TRUE(loop.RunUntil([&] { return asked.count() == 1; }));
  loop.Advance(3000);
  EXPECT_EQ(call->error(), "TIMEOUT");
}

TEST(Proxy, TheCertificateHasToBeTheOrigins) {
  Loop loop;
  Server server(ServeTunnel, OriginTls("DNS:localhost,IP:127.0.0.1"));
  Client client(loop, Through(server, "https://api.example.com"));
  const Call call = client.Fetch();
  EXPECT_EQ(call->error(), "TLS_FAILED");
  EXPECT_NE(call->hint().find("another host"), std::string::npos) << call->hint();
}

TEST(Proxy, SessionsAreResumedThroughIt) {
  Loop loop;
  Server server(
      [](Peer& peer) {
        peer.ReadRequest();
        peer.Write(kEstablished);
        if (!peer.StartTls()) return;
        peer.ReadRequest();
        peer.Write(Answer(200, peer.resumed() ? "resumed" : "new", "Connection: close\r\n"));
      },
      OriginTls());
  Client client(loop, Through(server, "https://api.example.com"));
  EXPECT_EQ(client.Fetch()->body(), "new");
  EXPECT_EQ(client.Fetch()->body(), "resumed");
}

TEST(Proxy, ItsEndInEveryStage) {
  for (int turns = 0; turns < 16; ++turns) {
    Loop loop;
    Server server(ServeTunnel, OriginTls());
    Client client(loop, Through(server, "https://api.example.com"));
    const Call call = client.Get();
    loop.Turn(turns);
    client.Destroy();
    loop.Turn();
    EXPECT_FALSE(call->done() && !call->result->ok());
  }
}

}  // namespace
}  // namespace trunkline::net
