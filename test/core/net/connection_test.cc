// One connection, seen through the client: names and addresses, broken and early answers, bodies larger than
// any buffer.
#include "net/connection.h"

#include <gtest/gtest.h>

#include <atomic>

#include "support/client.h"
#include "support/resolver.h"
#include "support/server.h"

namespace trunkline::net {
namespace {

using test::Answer;
using test::Call;
using test::Client;
using test::Loop;
using test::OptionsFor;
using test::Peer;
using test::Server;
using test::Signal;

// The error that comes of a server which reads one request and then does this.
std::string ErrorAfter(const std::function<void(Peer&)>& script) {
  Loop loop;
  Server server([&](Peer& peer) {
    if (!peer.ReadRequest().empty()) script(peer);
  });
  Client client(loop, server.url());
  return client.Fetch()->error();
}

TEST(Connection, ANameIsLookedUp) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.Write(Answer(200, peer.ReadRequest()));
    peer.ReadToEnd();
  });
  Client client(loop, server.url("localhost"));
  const Call call = client.Fetch();
  EXPECT_EQ(call->status(), 200);
  EXPECT_NE(call->body().find("Host: localhost:" + std::to_string(server.port())), std::string::npos);
}

TEST(Connection, EveryAddressOfANameIsTriedBeforeGivingUp) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.ReadRequest();
    peer.Write(Answer(200, "x"));
    peer.ReadToEnd();
  });
  auto options = OptionsFor("http://two-addresses.test:" + std::to_string(server.port()));
  options.allow_insecure = true;
  const test::ResolverFake fake("two-addresses.test",
                                {"127.0.0.3", "127.0.0.2", "127.0.0.1"});  // the first two refuse
  Client client(loop, options);
  EXPECT_EQ(client.Fetch()->status(), 200);
  EXPECT_EQ(client.counters().connections_opened, 1U);

  auto nowhere = options;
  nowhere.base.port = static_cast<std::uint16_t>(test::UnusedPort());
  Client lost(loop, nowhere);
  EXPECT_EQ(lost.Fetch()->error(), "CONNECTION_FAILED");
}

TEST(Connection, ANameThatDoesNotExist) {
  Loop loop;
  auto options = OptionsFor("http://nobody.invalid:1");
  options.allow_insecure = true;
  const test::ResolverFake fake("nobody.invalid", {});
  Client client(loop, options);
  const Call call = client.Fetch();
  EXPECT_EQ(call->error(), "DNS_FAILED");
  EXPECT_NE(call->message().find("nobody.invalid"), std::string::npos);
}

TEST(Connection, ItsEndDuringTheLookUp) {
  Loop loop;
  Call call;
  {
    Client client(loop, "http://localhost:" + std::to_string(test::UnusedPort()));
    call = client.Get();
  }
  loop.Turn(10);
  EXPECT_FALSE(call->done());
}

TEST(Connection, AnswersThatBreakOff) {
  EXPECT_EQ(ErrorAfter([](Peer&) {}), "CONNECTION_FAILED");
  EXPECT_EQ(ErrorAfter([](Peer& peer) { peer.Reset(); }), "CONNECTION_FAILED");
  EXPECT_EQ(ErrorAfter([](Peer& peer) { peer.Write("HTTP/1.1 20"); }), "MALFORMED_RESPONSE");
  EXPECT_EQ(ErrorAfter([](Peer& peer) { peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"); }),
            "MALFORMED_RESPONSE");
  EXPECT_EQ(ErrorAfter([](Peer& peer) { peer.Write("HTTP/1.1 100 Continue\r\n\r\n"); }),
            "MALFORMED_RESPONSE");
}

TEST(Connection, AnswersThatAreNone) {
  const auto error_of = [](std::string bytes) {
    return ErrorAfter([&](Peer& peer) {
      peer.Write(bytes);
      peer.ReadToEnd();
    });
  };
  EXPECT_EQ(error_of("SSH-2.0-OpenSSH_9.2p1\r\n"), "MALFORMED_RESPONSE");
  EXPECT_EQ(error_of(std::string(100'000, '\0')), "MALFORMED_RESPONSE");
  EXPECT_EQ(error_of(Answer(200, "x") + Answer(200, "smuggled")), "MALFORMED_RESPONSE");
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), "RESPONSE_TOO_LARGE");
}

TEST(Connection, TheCloseEndsABodyWithoutALength) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.ReadRequest();
    peer.Write("HTTP/1.0 200 OK\r\n\r\nall of it");
  });
  Client client(loop, server.url());
  EXPECT_EQ(client.Fetch()->body(), "all of it");
  EXPECT_EQ(client.Fetch()->body(), "all of it");
  EXPECT_EQ(server.connections(), 2);
}

TEST(Connection, BytesThatNobodyAskedForEndIt) {
  Loop loop;
  Signal closed(loop);
  Server server([&](Peer& peer) {
    peer.ReadRequest();
    peer.Write(Answer(200, "first"));
    if (peer.number() == 1) {
      peer.ReadRequest();
      peer.Write(Answer(200, "second"));
      peer.Write(Answer(200, "smuggled"));
    }
    peer.ReadToEnd();
    closed.Set();
  });
  Client client(loop, server.url());
  EXPECT_EQ(client.Fetch()->body(), "first");
  const Call second = client.Fetch();
  // Together with the answer or after it: either way nothing of it is taken for the answer to a later
  // request.
  EXPECT_TRUE(second->body() == "second" || second->error() == "MALFORMED_RESPONSE");
  ASSERT_TRUE(loop.RunUntil([&] { return closed.count() == 1; }));
  EXPECT_EQ(client.Fetch()->body(), "first");
  EXPECT_EQ(server.connections(), 2);
}

TEST(Connection, FiveMegabytesEachWay) {
  std::string body(5 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 >> 3);
  Loop loop;
  Server server([](Peer& peer) {
    for (;;) {
      const std::string request = peer.ReadRequest();
      if (request.empty()) return;
      peer.Write(Answer(200, std::string_view(request).substr(request.find("\r\n\r\n") + 4)));
    }
  });
  Client client(loop, server.url());
  for (int i = 0; i < 2; ++i) {
    const Call call = client.Post(body);
    client.Wait(call);
    EXPECT_EQ(call->status(), 200);
    EXPECT_TRUE(call->body() == body);
  }
  EXPECT_EQ(server.connections(), 1);
}

// 413 to a body that the server does not want: the answer counts, but what is left of the request must not
// end up before the next one.
TEST(Connection, AnAnswerBeforeTheRequestWasReadEndsTheConnection) {
  Loop loop;
  Server server([](Peer& peer) {
    if (peer.number() > 1) peer.ReadRequest();
    peer.Write(Answer(peer.number() > 1 ? 200 : 413, "x"));
    if (peer.number() > 1) return peer.ReadToEnd();
    while (peer.number() == 1 && !peer.ReadRequest().empty()) {
    }
  });
  Client client(loop, server.url());
  const Call refused = client.Post(std::string(20 << 20, 'x'));
  client.Wait(refused);
  EXPECT_EQ(refused->status(), 413);
  EXPECT_EQ(client.Fetch()->status(), 200);
  EXPECT_EQ(server.connections(), 2);
}

TEST(Connection, AServerThatClosesDuringALargeRequest) {
  Loop loop;
  Server server([](Peer& peer) { peer.Reset(); });
  Client client(loop, server.url());
  const Call call = client.Post(std::string(20 << 20, 'x'));
  client.Wait(call);
  EXPECT_EQ(call->error(), "CONNECTION_FAILED");
}

}  // namespace
}  // namespace trunkline::net
