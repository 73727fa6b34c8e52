// TLS against real servers with certificates made here: which are trusted, and what a person is told of those
// that are not.
#include "net/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "support/client.h"
#include "support/server.h"

namespace trunkline::net {
namespace {

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

const Credentials& Authority() {
  static const Credentials authority = test::MakeAuthority();
  return authority;
}
const Credentials& Good() {
  static const Credentials good = test::MakeCertificate(Authority());
  return good;
}

void Serve(Peer& peer) {
  for (;;) {
    const std::string request = peer.ReadRequest();
    if (request.empty()) return;
    peer.Write(Answer(200, std::string_view(request).substr(request.find("\r\n\r\n") + 4)));
  }
}

ClientOptions Trusting(const std::string& url, const std::string& trusted = Authority().certificate_pem) {
  auto options = OptionsFor(url);
  options.tls.trusted_pem = trusted;
  return options;
}

// What a client that trusts the authority makes of a server with these credentials.
Call CallServerWith(const Credentials& credentials, const std::string& host = "127.0.0.1") {
  Loop loop;
  Server server(Serve, ServerTls{credentials});
  Client client(loop, Trusting(server.url(host)));
  return client.Fetch();
}

TEST(Tls, BothVersionsAndBothKindsOfName) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const char* host : {"127.0.0.1", "localhost"}) {
      Loop loop;
      Server server(Serve, ServerTls{Good(), version});
      Client client(loop, Trusting(server.url(host)));
      for (int i = 0; i < 3; ++i) {
        const Call call = client.Fetch();
        EXPECT_EQ(call->status(), 200) << host << " " << call->error() << " " << call->message();
      }
      EXPECT_EQ(server.connections(), 1);
    }
  }
}

TEST(Tls, OlderVersionsAreRefused) {
  Loop loop;
  Server server(Serve, ServerTls{Good(), TLS1_1_VERSION});
  Client client(loop, Trusting(server.url()));
  EXPECT_EQ(client.Fetch()->error(), "TLS_FAILED");
}

TEST(Tls, FiveMegabytesEachWay) {
  std::string body(5 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 5 >> 2);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Loop loop;
    Server server(Serve, ServerTls{Good(), version});
    Client client(loop, Trusting(server.url()));
    const Call call = client.Post(body);
    client.Wait(call);
    EXPECT_TRUE(call->body() == body) << call->error();
    EXPECT_EQ(client.Fetch()->status(), 200);
    EXPECT_EQ(server.connections(), 1);
  }
}

TEST(Tls, AnExpiredCertificate) {
  const Call call =
      CallServerWith(test::MakeCertificate(Authority(), {.valid_from_days = -10, .valid_to_days = -1}));
  EXPECT_EQ(call->error(), "TLS_FAILED");
  EXPECT_NE(call->hint().find("expired"), std::string::npos) << call->hint();
}

TEST(Tls, ACertificateOfTheFuture) {
  const Call call = CallServerWith(test::MakeCertificate(Authority(), {.valid_from_days = 1}));
  EXPECT_EQ(call->error(), "TLS_FAILED");
  EXPECT_NE(call->hint().find("not valid yet"), std::string::npos) << call->hint();
}

TEST(Tls, ACertificateForAnotherHost) {
  const Credentials other_address =
      test::MakeCertificate(Authority(), {.names = "DNS:localhost,IP:127.0.0.2"});
  const Credentials other_name =
      test::MakeCertificate(Authority(), {.names = "DNS:example.com,IP:127.0.0.1"});
  // An address written as a name is not that address (RFC 6125, RFC 2818 3.1).
  const Credentials as_name = test::MakeCertificate(Authority(), {.names = "DNS:127.0.0.1"});
  for (const Call& call : {CallServerWith(other_address, "127.0.0.1"),
                           CallServerWith(other_name, "localhost"), CallServerWith(as_name, "127.0.0.1")}) {
    EXPECT_EQ(call->error(), "TLS_FAILED");
    EXPECT_NE(call->hint().find("another host"), std::string::npos) << call->hint();
  }
}

TEST(Tls, ASelfSignedCertificate) {
  const Call call = CallServerWith(test::MakeSelfSigned());
  EXPECT_EQ(call->error(), "TLS_FAILED");
  EXPECT_NE(call->hint().find("self-signed"), std::string::npos) << call->hint();
}

TEST(Tls, AnAuthorityThatIsNotTrusted) {
  const Call call = CallServerWith(test::MakeCertificate(test::MakeAuthority()));
  EXPECT_EQ(call->error(), "TLS_FAILED");
  EXPECT_NE(call->hint().find("unknown CA"), std::string::npos) << call->hint();
}

TEST(Tls, NothingOfTheRequestIsSentToAServerThatIsNotTrusted) {
  Loop loop;
  std::atomic<bool> asked{false};
  Server server([&](Peer& peer) { asked = !peer.ReadRequest().empty(); },
                ServerTls{test::MakeSelfSigned(), TLS1_3_VERSION});
  {
    Client client(loop, Trusting(server.url()));
    EXPECT_EQ(client.Fetch()->error(), "TLS_FAILED");
  }
  loop.Turn();
  EXPECT_FALSE(asked);
}

TEST(Tls, OneOfSeveralTrustedAuthoritiesIsEnough) {
  Loop loop;
  Server server(Serve, ServerTls{Good()});
  Client client(loop, Trusting(server.url(), test::MakeAuthority().certificate_pem + "\n# a comment\n" +
                                                 Authority().certificate_pem));
  EXPECT_EQ(client.Fetch()->status(), 200);
}

TEST(Tls, ManyClientsTrustTheSame) {
  auto trust = TlsTrust::Read(test::MakeSelfSigned().certificate_pem + Authority().certificate_pem, "tls.ca");
  ASSERT_TRUE(trust.ok());
  Loop loop;
  Server good(Serve, ServerTls{Good()});
  Server bad(Serve, ServerTls{test::MakeCertificate(test::MakeAuthority())});
  for (int i = 0; i < 3; ++i) {
    auto options = Trusting(good.url(), "");
    options.tls.trust = *trust;
    Client client(loop, options);
    EXPECT_EQ(client.Fetch()->status(), 200);
    options = Trusting(bad.url(), "");
    options.tls.trust = *trust;
    Client betrayed(loop, options);
    EXPECT_EQ(betrayed.Fetch()->error(), "TLS_FAILED");
  }
}

TEST(Tls, WithoutVerificationAnyCertificateWillDo) {
  for (const Credentials& credentials :
       {test::MakeSelfSigned({.names = "DNS:example.com", .valid_from_days = -10, .valid_to_days = -1}),
        Good()}) {
    Loop loop;
    Server server(Serve, ServerTls{credentials});
    auto options = OptionsFor(server.url());
    options.tls.verify = false;
    Client client(loop, options);
    EXPECT_EQ(client.Fetch()->status(), 200);
  }
}

TEST(Tls, ClientCertificates) {
  const Credentials own = test::MakeCertificate(Authority());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Loop loop;
    Server server(Serve, ServerTls{Good(), version, Authority().certificate_pem});
    auto options = Trusting(server.url());
    options.tls.cert_pem = own.certificate_pem;
    options.tls.key_pem = own.key_pem;
    Client client(loop, options);
    EXPECT_EQ(client.Fetch()->status(), 200);
  }
}

TEST(Tls, AServerThatWantsAClientCertificateAndGetsNone) {
  Loop loop;
  Server server(Serve, ServerTls{Good(), TLS1_2_VERSION, Authority().certificate_pem});
  Client client(loop, Trusting(server.url()));
  EXPECT_EQ(client.Fetch()->error(), "TLS_FAILED");
}

TEST(Tls, AServerThatSpeaksNoTls) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.Write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    peer.ReadToEnd();
  });
  Client client(loop, Trusting("https://127.0.0.1:" + std::to_string(server.port())));
  EXPECT_EQ(client.Fetch()->error(), "TLS_FAILED");
}

TEST(Tls, AServerThatClosesDuringTheHandshake) {
  for (const bool reset : {false, true}) {
    Loop loop;
    Server server([&](Peer& peer) {
      if (reset) peer.Reset();
    });
    Client client(loop, Trusting("https://127.0.0.1:" + std::to_string(server.port())));
    EXPECT_EQ(client.Fetch()->error(), "CONNECTION_FAILED");
  }
}

TEST(Tls, OnlyAnOrderlyCloseEndsABodyWithoutALength) {
  for (const bool orderly : {true, false}) {
    Loop loop;
    Server server(
        [&](Peer& peer) {
          peer.ReadRequest();
          peer.Write("HTTP/1.1 200 OK\r\n\r\nall of it?");
          if (orderly) peer.CloseOrderly();
        },
        ServerTls{Good()});
    Client client(loop, Trusting(server.url()));
    const Call call = client.Fetch();
    EXPECT_EQ(call->body(), orderly ? "all of it?" : "");
    EXPECT_EQ(call->error(), orderly ? "" : "MALFORMED_RESPONSE")
        << "anybody on the way can end a TCP stream (RFC 9112, 9.8)";
  }
}

TEST(Tls, ADeadConnectionIsReplaced) {
  Loop loop;
  Server server(
      [](Peer& peer) {
        peer.ReadRequest();
        peer.Write(Answer(200, "x"));
        if (peer.ReadRequest().empty()) return;
        if (peer.number() == 1) return peer.CloseOrderly();
      },
      ServerTls{Good()});
  Client client(loop, Trusting(server.url()));
  EXPECT_EQ(client.Fetch()->body(), "x");
  EXPECT_EQ(client.Fetch()->body(), "x");
  EXPECT_EQ(client.counters().resent, 1U);
}

TEST(Tls, ItsEndInEveryStage) {
  for (int turns = 0; turns < 12; ++turns) {
    Loop loop;
    Server server(Serve, ServerTls{Good()});
    Client client(loop, Trusting(server.url("localhost")));
    const Call call = client.Post(std::string(1 << 20, 'x'));
    loop.Turn(turns);
    client.Destroy();
    loop.Turn();
    EXPECT_FALSE(call->done() && !call->result->ok());
  }
}

// Each connection carries one request. How many of `fetches` connections went on with an earlier session is
// both what the client counted and what the server saw.
std::uint64_t Resumed(int fetches, const ServerTls& tls, std::function<void(ClientOptions&)> change = {}) {
  Loop loop;
  std::atomic<std::uint64_t> resumed{0};
  Server server(
      [&](Peer& peer) {
        if (peer.resumed()) ++resumed;
        peer.ReadRequest();
        peer.Write(Answer(200, "x", "Connection: close\r\n"));
      },
      tls);
  auto options = Trusting(server.url());
  if (change) change(options);
  Client client(loop, options);
  for (int i = 0; i < fetches; ++i) EXPECT_EQ(client.Fetch()->body(), "x");
  EXPECT_EQ(client.counters().tls_handshakes, static_cast<std::uint64_t>(fetches));
  EXPECT_EQ(client.counters().tls_resumed, resumed);
  return resumed;
}

TEST(TlsResumption, ALaterConnectionGoesOnWithTheSession) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    EXPECT_EQ(Resumed(4, ServerTls{Good(), version}), 3U);
}

TEST(TlsResumption, AlsoWithAClientCertificateAndWithoutVerification) {
  const Credentials own = test::MakeCertificate(Authority());
  EXPECT_EQ(Resumed(3, ServerTls{Good(), TLS1_3_VERSION, Authority().certificate_pem},
                    [&](ClientOptions& options) {
                      options.tls.cert_pem = own.certificate_pem;
                      options.tls.key_pem = own.key_pem;
                    }),
            2U);
  EXPECT_EQ(Resumed(3, ServerTls{test::MakeSelfSigned()},
                    [](ClientOptions& options) { options.tls.verify = false; }),
            2U);
}

// What was accepted unverified once is nothing to those who verify: each client has sessions of its own.
TEST(TlsResumption, NoSessionLeavesItsClient) {
  Loop loop;
  Server server(Serve, ServerTls{Good()});
  auto careless = OptionsFor(server.url());
  careless.tls.verify = false;
  for (const ClientOptions& options : {careless, Trusting(server.url()), Trusting(server.url("localhost"))}) {
    Client client(loop, options);
    EXPECT_EQ(client.Fetch()->status(), 200);
    EXPECT_EQ(client.counters().tls_resumed, 0U);
  }
}

// A server gives two tickets with a handshake: of three connections at once two have one to go on with.
TEST(TlsResumption, ATicketIsUsedOnce) {
  Loop loop;
  Signal asked(loop);
  std::atomic<bool> together{false};
  Server server(
      [&](Peer& peer) {
        peer.ReadRequest();
        asked.Set();
        while (together && asked.count() < 4) std::this_thread::yield();
        peer.Write(Answer(200, "x", "Connection: close\r\n"));
      },
      ServerTls{Good(), TLS1_3_VERSION});
  Client client(loop, Trusting(server.url()));
  EXPECT_EQ(client.Fetch()->status(), 200);
  together = true;
  const std::vector<Call> calls = {client.Get(), client.Get(), client.Get()};
  for (const Call& call : calls) {
    client.Wait(call);
    EXPECT_EQ(call->status(), 200);
  }
  EXPECT_EQ(client.counters().tls_handshakes, 4U);
  EXPECT_EQ(client.counters().tls_resumed, 2U);
}

// Some servers break off where they should pass over a session that they no longer know. No call is to pay
// for it.
TEST(TlsResumption, AServerThatBreaksOffGetsAFullHandshakeAtOnce) {
  for (const bool reset : {false, true}) {
    Loop loop;
    Server server(
        [&](Peer& peer) {
          if (peer.number() == 2) {
            peer.ReadSome();  // the session is offered
            return reset ? peer.Reset() : peer.Close();
          }
          if (!peer.StartTls()) return;
          peer.ReadRequest();
          peer.Write(Answer(200, peer.resumed() ? "resumed" : "new", "Connection: close\r\n"));
        },
        ServerTls{.credentials = Good(), .version = TLS1_2_VERSION, .on_demand = true});
    Client client(loop, Trusting("https://127.0.0.1:" + std::to_string(server.port())));
    for (const char* session : {"new", "new", "resumed"}) EXPECT_EQ(client.Fetch()->body(), session);
    EXPECT_EQ(server.connections(), 4);
  }
}

// But a server that never lets it through is not asked for ever.
TEST(TlsResumption, AServerThatTurnsAwayEveryoneIsAFailure) {
  Loop loop;
  Server server(
      [&](Peer& peer) {
        if (peer.number() > 1) peer.ReadSome();
        if (peer.number() > 1 || !peer.StartTls()) return;
        peer.ReadRequest();
        peer.Write(Answer(200, "x", "Connection: close\r\n"));
      },
      ServerTls{.credentials = Good(), .on_demand = true});
  Client client(loop, Trusting("https://127.0.0.1:" + std::to_string(server.port())));
  EXPECT_EQ(client.Fetch()->status(), 200);
  EXPECT_EQ(client.Fetch()->error(), "CONNECTION_FAILED");
  EXPECT_EQ(server.connections(), 3);
}

// What PEM calls a certificate.
std::string NoCertificate(std::string_view der) {
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio(out, PEM_STRING_X509, "", reinterpret_cast<const unsigned char*>(der.data()),
                static_cast<long>(der.size()));
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(out);
  return pem;
}

TEST(TlsContext, CredentialsThatCannotBeRead) {
  const Credentials own = test::MakeCertificate(Authority());
  const std::string secret = own.key_pem.substr(40, 20);
  const std::string trusted = Authority().certificate_pem;
  const std::string broken = trusted.substr(0, 100) + "!!" + trusted.substr(100);
  const TlsOptions refused[] = {
      {.trusted_pem = ""},
      {.trusted_pem = "no PEM at all"},
      {.trusted_pem = own.key_pem},
      {.trusted_pem = broken},
      {.trusted_pem = trusted + broken},
      {.trusted_pem = NoCertificate("")},
      {.trusted_pem = NoCertificate("no DER")},
      {.trusted_pem = trusted + NoCertificate("\x30\x82\x01\x00 cut off")},
      {.trusted_pem = NoCertificate({"\x30\x0c\x30\x0a\x02\0\x02\0\x02\0\x02\0\x02\0", 14})},
      {.trusted_pem = trusted, .cert_pem = "no PEM", .key_pem = own.key_pem},
      {.trusted_pem = trusted, .cert_pem = own.certificate_pem},
      {.trusted_pem = trusted, .cert_pem = own.certificate_pem, .key_pem = "no PEM"},
      {.trusted_pem = trusted, .cert_pem = own.certificate_pem, .key_pem = Good().key_pem},
  };
  for (const TlsOptions& options : refused) {
    const auto context = TlsContext::Create(options, "localhost");
    ASSERT_FALSE(context.ok());
    EXPECT_EQ(context.error().code, ErrorCode::kConfigInvalid);
    EXPECT_EQ(context.error().message.find(secret), std::string::npos);
  }
  EXPECT_TRUE(
      TlsContext::Create({.trusted_pem = trusted, .cert_pem = own.certificate_pem, .key_pem = own.key_pem},
                         "localhost")
          .ok());
  EXPECT_TRUE(TlsContext::Create({.trusted_pem = "", .verify = false}, "localhost").ok());
}

}  // namespace
}  // namespace trunkline::net
