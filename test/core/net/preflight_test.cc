// A preflight against scripted servers: each verdict, in each phase; what is sent and what never is; its end
// in every state.
#include "net/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <atomic>
#include <vector>

#include "support/black_hole.h"
#include "support/loop.h"
#include "support/resolver.h"
#include "support/server.h"

namespace trunkline::net {
namespace {

using test::Answer;
using test::BlackHole;
using test::Credentials;
using test::Loop;
using test::Peer;
using test::ResolverFake;
using test::Server;
using test::ServerTls;
using test::Signal;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Credentials& Authority() {
  static const Credentials authority = test::MakeAuthority();
  return authority;
}
const Credentials& Good() {
  static const Credentials good = test::MakeCertificate(Authority());
  return good;
}

// A preflight, and what became of it.
class Flight {
 public:
  explicit Flight(Loop& loop, const std::string& origin, const std::string& target = "/",
                  bool allow_private = true)
      : loop_(loop) {
    auto created =
        Preflight::Create(loop.context,
                          {.origin = ParseBaseUrl(origin).value(),
                           .target = target,
                           .tls = {.trust = TlsTrust::Read(Authority().certificate_pem, "ca").value()},
                           .allow_private = allow_private},
                          [this](Result<PreflightReport> result) {
                            preflight_.reset();
                            ++calls_;
                            result_ = std::move(result);
                          });
    EXPECT_TRUE(created.ok());
    preflight_ = std::move(*created);
    preflight_->Start();
    EXPECT_EQ(calls_, 0) << "never inside the call";
  }

  bool done() const { return calls_ > 0; }
  void Destroy() { preflight_.reset(); }
  bool Wait() {
    return loop_.RunUntil([&] { return done(); });
  }
  const PreflightReport& Report() {
    static const PreflightReport kNone;
    if (!Wait() || !result_->ok()) {
      ADD_FAILURE() << "no verdict";
      return kNone;
    }
    EXPECT_EQ(calls_, 1);
    return **result_;
  }
  // "tls TLS_FAILED"; empty for none.
  std::string Failure() {
    const auto& failure = Report().failure;
    if (!failure) return {};
    EXPECT_FALSE(failure->reason.empty() || failure->hint.empty());
    return std::string(PhaseName(failure->phase)) + " " + std::string(Describe(failure->code).name);
  }
  std::string Reason() { return Report().failure ? Report().failure->reason : std::string(); }
  std::string Hint() { return Report().failure ? Report().failure->hint : std::string(); }
  // The code of what is no verdict.
  std::string Refusal() {
    if (!Wait() || result_->ok()) return {};
    return std::string(Describe(result_->error().code).name);
  }

 private:
  Loop& loop_;
  std::unique_ptr<Preflight> preflight_;
  int calls_ = 0;
  std::optional<Result<PreflightReport>> result_;
};

std::string TlsUrl(const Server& server, const std::string& host = "127.0.0.1") {
  return "https://" + host + ":" + std::to_string(server.port());
}

void Serve(Peer& peer) {
  while (!peer.ReadRequest().empty()) {
    peer.Write("HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n");
  }
}

TEST(Preflight, ATargetThatIsFit) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Loop loop;
    std::string asked;
    Server server(
        [&](Peer& peer) {
          asked = peer.ReadRequest();
          peer.Write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 12345\r\n\r\n");
          peer.ReadToEnd();
        },
        ServerTls{Good(), version});
    Flight flight(loop, TlsUrl(server), "/a/../b?c=%7e");
    const PreflightReport& report = flight.Report();
    EXPECT_EQ(flight.Failure(), "") << flight.Reason();
    EXPECT_TRUE(report.tls_valid);
    EXPECT_EQ(report.status, 200);
    EXPECT_EQ(report.content_type, "text/html");
    EXPECT_EQ(report.protocol, version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_EQ(report.address, "127.0.0.1");
    EXPECT_THAT(asked, StartsWith("HEAD /a/../b?c=%7e HTTP/1.1\r\nHost: 127.0.0.1:"));
  }
}

TEST(Preflight, WhatTheCertificateSays) {
  Loop loop;
  Server server(Serve,
                ServerTls{test::MakeCertificate(Authority(), {.names = "DNS:localhost,IP:127.0.0.1"})});
  Flight flight(loop, TlsUrl(server, "localhost"));
  ASSERT_TRUE(flight.Report().certificate);
  const PeerCertificate& certificate = *flight.Report().certificate;
  EXPECT_THAT(certificate.subject, StartsWith("CN=trunkline test server "));
  EXPECT_THAT(certificate.issuer, StartsWith("CN=trunkline test CA "));
  EXPECT_EQ(certificate.subject_alt_name, "DNS:localhost, IP Address:127.0.0.1");
  EXPECT_EQ(certificate.valid_to_ms - certificate.valid_from_ms, 31 * 86'400'000LL);
  EXPECT_NEAR(static_cast<double>(certificate.valid_to_ms),
              static_cast<double>(SystemClock().WallMs() + 30 * 86'400'000LL), 3'600'000.0);
  EXPECT_EQ(certificate.fingerprint256.size(), 32 * 3 - 1U);
  EXPECT_EQ(certificate.fingerprint256.find_first_not_of("0123456789ABCDEF:"), std::string::npos);
}

TEST(Preflight, DaysLeftAreRoundedDown) {
  const Credentials made = test::MakeCertificate(Authority(), {.valid_to_days = 3});
  const std::int64_t end_ms = SystemClock().WallMs() + 3 * 86'400'000LL;
  constexpr std::int64_t kHour = 3'600'000;
  const std::pair<std::int64_t, std::int64_t> cases[] = {
      {25 * kHour, 1}, {23 * kHour, 0}, {-kHour, -1}, {-25 * kHour, -2}};
  for (const auto& [left_ms, days] : cases) {
    Loop loop;
    loop.clock.wall_ms = end_ms - left_ms;
    Server server(Serve, ServerTls{made});
    EXPECT_EQ(Flight(loop, TlsUrl(server)).Report().days_left, days);
  }
}

TEST(Preflight, EachCertificateThatIsRefusedIsShownAllTheSame) {
  struct Case {
    Credentials credentials;
    std::string_view hint;
  };
  const Case cases[] = {
      {test::MakeCertificate(Authority(), {.valid_from_days = -10, .valid_to_days = -1}), "has expired"},
      {test::MakeCertificate(Authority(), {.valid_from_days = 1}), "not valid yet"},
      {test::MakeCertificate(Authority(), {.names = "DNS:example.com,IP:127.0.0.2"}), "another host"},
      {test::MakeSelfSigned(), "self-signed"},
      {test::MakeCertificate(test::MakeAuthority()), "pass the CA as ca."},
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Case& one : cases) {
      Loop loop;
      std::atomic<bool> asked{false};
      Signal ended(loop);
      Server server(
          [&](Peer& peer) {
            asked = peer.StartTls() && !peer.ReadRequest().empty();
            ended.Set();
          },
          ServerTls{.credentials = one.credentials, .version = version, .on_demand = true});
      Flight flight(loop, TlsUrl(server));
      EXPECT_EQ(flight.Failure(), "tls TLS_FAILED");
      EXPECT_THAT(flight.Hint(), HasSubstr(one.hint));
      const PreflightReport& report = flight.Report();
      EXPECT_FALSE(report.tls_valid);
      EXPECT_EQ(report.status, 0);
      ASSERT_TRUE(report.certificate);
      EXPECT_THAT(report.certificate->subject, StartsWith("CN=trunkline test server "));
      EXPECT_EQ(report.protocol, version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
      EXPECT_EQ(report.address, "127.0.0.1");
      loop.RunUntil([&] { return ended.count() > 0; });
      EXPECT_FALSE(asked) << "nothing is sent to whom it does not trust";
    }
  }
}

TEST(Preflight, AProtocolThatIsTooOld) {
  Loop loop;
  Server server(Serve, ServerTls{Good(), TLS1_1_VERSION});
  Flight flight(loop, TlsUrl(server));
  EXPECT_EQ(flight.Failure(), "tls TLS_FAILED");
  EXPECT_THAT(flight.Hint(), HasSubstr("too old"));
  EXPECT_FALSE(flight.Report().certificate);
  EXPECT_EQ(flight.Report().protocol, "");
}

TEST(Preflight, AnAlertThatSaysSo) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.ReadSome();
    peer.Write(std::string_view("\x15\x03\x01\x00\x02\x02\x46", 7));  // fatal, protocol_version (RFC 8446, 6)
    peer.ReadToEnd();
  });
  Flight flight(loop, TlsUrl(server));
  EXPECT_EQ(flight.Failure(), "tls TLS_FAILED");
  EXPECT_THAT(flight.Hint(), HasSubstr("too old"));
}

TEST(Preflight, AServerThatSpeaksNoTls) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.ReadSome();
    peer.Write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    peer.ReadToEnd();
  });
  Flight flight(loop, TlsUrl(server));
  EXPECT_EQ(flight.Failure(), "tls TLS_FAILED");
  EXPECT_THAT(flight.Hint(), HasSubstr("does not speak TLS"));
}

TEST(Preflight, AServerThatWantsAClientCertificate) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Loop loop;
    Server server(Serve, ServerTls{Good(), version, Authority().certificate_pem});
    Flight flight(loop, TlsUrl(server));
    // With TLS 1.3 the request is on its way by then, and a reset may overtake the server's reason.
    if (version == TLS1_3_VERSION && flight.Failure() == "http CONNECTION_FAILED") continue;
    EXPECT_EQ(flight.Failure(), "tls TLS_FAILED");
    EXPECT_FALSE(flight.Report().tls_valid);
  }
}

TEST(Preflight, AServerThatBreaksOffTheHandshake) {
  for (const bool reset : {false, true}) {
    Loop loop;
    Server server([&](Peer& peer) {
      peer.ReadSome();
      if (reset) peer.Reset();
    });
    EXPECT_EQ(Flight(loop, TlsUrl(server)).Failure(), "tls CONNECTION_FAILED");
  }
}

TEST(Preflight, ANameThatNobodyHas) {
  Loop loop;
  const ResolverFake fake("nobody.test", {});
  Flight flight(loop, "https://nobody.test");
  EXPECT_EQ(flight.Failure(), "dns DNS_FAILED");
  EXPECT_THAT(flight.Reason(), HasSubstr("nobody.test"));
  EXPECT_EQ(flight.Report().address, "");
}

TEST(Preflight, APortOnWhichNobodyListens) {
  Loop loop;
  Flight flight(loop, "https://127.0.0.1:" + std::to_string(test::UnusedPort()));
  EXPECT_EQ(flight.Failure(), "connect CONNECTION_FAILED");
  EXPECT_THAT(flight.Reason(), HasSubstr("ECONNREFUSED"));
  EXPECT_THAT(flight.Hint(), HasSubstr("Nobody listens"));
}

TEST(Preflight, StatusesThatAreNoSuccess) {
  const std::pair<int, std::string> cases[] = {{404, "http NOT_FOUND"},
                                               {401, "http AUTHENTICATION_FAILED"},
                                               {302, "http UNEXPECTED_STATUS"},
                                               {418, "http BAD_REQUEST"},
                                               {503, "http UPSTREAM_ERROR"}};
  for (const auto& [status, failure] : cases) {
    Loop loop;
    Server server(
        [status = status](Peer& peer) {
          peer.ReadRequest();
          peer.Write(Answer(status));
          peer.ReadToEnd();
        },
        ServerTls{Good()});
    Flight flight(loop, TlsUrl(server));
    EXPECT_EQ(flight.Failure(), failure);
    EXPECT_TRUE(flight.Report().tls_valid);
    EXPECT_EQ(flight.Report().status, status);
    EXPECT_THAT(flight.Reason(), HasSubstr(std::to_string(status)));
  }
}

// The second answer is far larger than anything that is wanted of it, and never ends.
TEST(Preflight, AHeadThatIsRefusedIsAskedAgainAsGet) {
  for (const int refusal : {405, 501}) {
    Loop loop;
    std::atomic<int> connections{0};
    std::vector<std::string> asked;
    Server server(
        [&](Peer& peer) {
          asked.push_back(peer.ReadRequest());
          if (++connections == 1) {
            peer.Write(Answer(refusal));
          } else {
            peer.Write(
                "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 99999999\r\n\r\nthe first of it");
          }
          peer.ReadToEnd();
        },
        ServerTls{Good()});
    Flight flight(loop, TlsUrl(server), "/x?y");
    EXPECT_EQ(flight.Failure(), "");
    EXPECT_EQ(flight.Report().status, 200);
    EXPECT_EQ(flight.Report().content_type, "a/b");
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_THAT(asked[0], StartsWith("HEAD /x?y HTTP/1.1\r\n"));
    EXPECT_THAT(asked[1], StartsWith("GET /x?y HTTP/1.1\r\n"));
    EXPECT_THAT(asked[1], HasSubstr("\r\nRange: bytes=0-0\r\n"));
  }
}

TEST(Preflight, AServerThatBreaksOffWhereASessionIsOfferedIsAskedWithoutOne) {
  for (const bool reset : {false, true}) {
    Loop loop;
    Server server(
        [&](Peer& peer) {
          if (peer.number() == 2) {
            peer.ReadSome();
            return reset ? peer.Reset() : peer.Close();
          }
          if (!peer.StartTls()) return;
          peer.ReadRequest();
          peer.Write(Answer(peer.number() == 1 ? 405 : 200));
          peer.ReadToEnd();
        },
        ServerTls{.credentials = Good(), .version = TLS1_2_VERSION, .on_demand = true});
    Flight flight(loop, TlsUrl(server));
    EXPECT_EQ(flight.Failure(), "");
    EXPECT_TRUE(flight.Report().certificate);
    EXPECT_EQ(server.connections(), 3);
  }
}

// What the first connection has shown stays in the report.
TEST(Preflight, ASecondConnectionThatFails) {
  Loop loop;
  Server server(
      [](Peer& peer) {
        if (peer.number() > 1 || !peer.StartTls()) return;
        peer.ReadRequest();
        peer.Write(Answer(405));
        peer.ReadToEnd();
      },
      ServerTls{.credentials = Good(), .on_demand = true});
  Flight flight(loop, TlsUrl(server));
  EXPECT_EQ(flight.Failure(), "http CONNECTION_FAILED");
  EXPECT_TRUE(flight.Report().certificate);
  EXPECT_EQ(flight.Report().status, 405);
}

TEST(Preflight, AGetThatIsRefusedTooIsTheVerdict) {
  Loop loop;
  Server server(
      [](Peer& peer) {
        peer.ReadRequest();
        peer.Write(Answer(405));
        peer.ReadToEnd();
      },
      ServerTls{Good()});
  Flight flight(loop, TlsUrl(server));
  EXPECT_EQ(flight.Failure(), "http BAD_REQUEST");
  EXPECT_EQ(server.connections(), 2);
}

TEST(Preflight, AnswersThatAreNone) {
  const std::pair<std::string, std::string> cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Ty", "http MALFORMED_RESPONSE"},
      {"", "http CONNECTION_FAILED"},
      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "http MALFORMED_RESPONSE"},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(64 * 1024, 'x') + "\r\n\r\n", "http RESPONSE_TOO_LARGE"}};
  for (const auto& [answer, failure] : cases) {
    Loop loop;
    Server server(
        [&](Peer& peer) {
          peer.ReadRequest();
          peer.Write(answer);
        },
        ServerTls{Good()});
    Flight flight(loop, TlsUrl(server));
    EXPECT_EQ(flight.Failure(), failure) << answer.substr(0, 20) << flight.Reason();
    EXPECT_TRUE(flight.Report().tls_valid);
    EXPECT_EQ(flight.Report().status, 0);
  }
}

TEST(Preflight, TimeIsBoundedInEachPhase) {
  {
    Loop loop;
    Server server([](Peer& peer) { peer.ReadToEnd(); });
    const BlackHole silent("127.0.0.2", server.port());
    Flight flight(loop, TlsUrl(server, "127.0.0.2"));
    loop.Turn();
    loop.Advance(4900);
    EXPECT_FALSE(flight.done());
    loop.Advance(100);
    EXPECT_EQ(flight.Failure(), "connect TIMEOUT");
    EXPECT_THAT(flight.Hint(), HasSubstr("firewall"));
    EXPECT_GE(flight.Report().phase_ms[1], 4980);
    EXPECT_GE(flight.Report().duration_ms, 5000);
  }
  {
    Loop loop;
    Signal greeted(loop);
    Server server([&](Peer& peer) {
      peer.ReadSome();
      greeted.Set();
      peer.ReadToEnd();
    });
    Flight flight(loop, TlsUrl(server));
    loop.RunUntil([&] { return greeted.count() > 0; });
    loop.Advance(5000);
    EXPECT_EQ(flight.Failure(), "tls TIMEOUT");
    EXPECT_GE(flight.Report().phase_ms[2], 5000);
  }
  {
    Loop loop;
    Signal asked(loop);
    Server server(
        [&](Peer& peer) {
          peer.ReadRequest();
          asked.Set();
          peer.ReadToEnd();
        },
        ServerTls{Good()});
    Flight flight(loop, TlsUrl(server));
    loop.RunUntil([&] { return asked.count() > 0; });
    loop.Advance(5000);
    EXPECT_EQ(flight.Failure(), "http TIMEOUT");
    EXPECT_TRUE(flight.Report().tls_valid);
    EXPECT_GE(flight.Report().phase_ms[3], 5000);
  }
}

// The one limit is for both requests.
TEST(Preflight, TheSecondRequestGetsWhatTheFirstHasLeft) {
  Loop loop;
  Signal asked(loop), go(loop);
  Server server(
      [&](Peer& peer) {
        peer.ReadRequest();
        asked.Set();
        if (peer.number() > 1) return peer.ReadToEnd();
        while (go.count() == 0) std::this_thread::yield();
        peer.Write(Answer(405));
      },
      ServerTls{Good()});
  Flight flight(loop, TlsUrl(server));
  loop.RunUntil([&] { return asked.count() == 1; });
  loop.Advance(3000);
  go.Set();
  loop.RunUntil([&] { return asked.count() == 2; });
  EXPECT_FALSE(flight.done());
  loop.Advance(2000);
  EXPECT_EQ(flight.Failure(), "http TIMEOUT");
}

TEST(Preflight, AnAddressThatIsNotPublicIsNeverConnectedTo) {
  Loop loop;
  Server server(Serve, ServerTls{Good()});
  const ResolverFake fake("public.test", {"127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"});
  for (const char* host : {"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "public.test", "10.0.0.1",
                           "169.254.169.254"}) {
    Flight flight(loop, TlsUrl(server, host), "/", false);
    EXPECT_EQ(flight.Refusal(), "ADDRESS_FORBIDDEN") << host;
  }
  EXPECT_EQ(server.connections(), 0);
}

// Rebinding: the name leads to another address the second time.
TEST(Preflight, EachConnectionIsJudgedByItself) {
  Loop loop;
  Signal asked(loop), go(loop);
  Server server(
      [&](Peer& peer) {
        peer.ReadRequest();
        asked.Set();
        while (go.count() == 0) std::this_thread::yield();
        peer.Write(Answer(405));
      },
      ServerTls{test::MakeCertificate(Authority(), {.names = "DNS:moves.test"})});
  std::optional<ResolverFake> fake(std::in_place, "moves.test", std::vector<std::string>{"127.0.0.1"});
  Flight flight(loop, TlsUrl(server, "moves.test"));
  loop.RunUntil([&] { return asked.count() == 1; });
  fake.emplace("moves.test", std::vector<std::string>{"127.0.0.9"});
  go.Set();
  EXPECT_EQ(flight.Failure(), "http CONNECTION_FAILED") << "nobody listens there";
}

TEST(Preflight, OptionsThatCannotWork) {
  Loop loop;
  const auto code = [&](PreflightOptions options) {
    const auto created = Preflight::Create(loop.context, std::move(options), [](auto) {});
    return created.ok() ? "" : std::string(Describe(created.error().code).name);
  };
  const std::string trusted = Authority().certificate_pem;
  const auto url = [](const char* text) { return ParseBaseUrl(text).value(); };
  EXPECT_EQ(code({.origin = url("https://a"), .target = "/", .tls = {.trusted_pem = trusted}}), "");
  EXPECT_EQ(code({.origin = url("http://a"), .target = "/", .tls = {.trusted_pem = trusted}}),
            "CONFIG_INVALID");
  EXPECT_EQ(code({.origin = url("https://a"), .target = "/a b", .tls = {.trusted_pem = trusted}}),
            "CONFIG_INVALID");
  EXPECT_EQ(code({.origin = url("https://a"), .target = "/\r\nX: y", .tls = {.trusted_pem = trusted}}),
            "CONFIG_INVALID");
  EXPECT_EQ(code({.origin = url("https://a"), .target = "/", .tls = {.trusted_pem = "none"}}),
            "CONFIG_INVALID");
}

TEST(Preflight, ItsEndInEveryState) {
  const ResolverFake fake("several.test", {"127.0.0.2", "127.0.0.1"});
  const Credentials credentials = test::MakeCertificate(Authority(), {.names = "DNS:several.test"});
  for (int turns = 0; turns < 40; turns += turns < 12 ? 1 : 4) {
    Loop loop;
    Server server(
        [](Peer& peer) {
          peer.ReadRequest();
          peer.Write(Answer(peer.number() == 1 ? 405 : 200));
          peer.ReadToEnd();
        },
        ServerTls{credentials});
    Flight flight(loop, TlsUrl(server, "several.test"));
    for (int i = 0; i < turns; ++i) {
      loop.Turn(1);
      std::this_thread::yield();
    }
    const bool done = flight.done();
    flight.Destroy();
    loop.Advance(10'000);
    EXPECT_EQ(flight.done(), done);
  }
}

}  // namespace
}  // namespace trunkline::net
