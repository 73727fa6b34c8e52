// The client over real loopback connections: when one is used again, how many there are, what time-outs and
// dead ones do.
#include "net/http_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "support/client.h"
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

// Answers each request with its path and the number of its connection, until the client is gone.
void Echo(Peer& peer) {
  for (;;) {
    const std::string request = peer.ReadRequest();
    if (request.empty()) return;
    const std::string path =
        request.substr(request.find(' ') + 1, request.find(" HTTP/") - request.find(' ') - 1);
    peer.Write(Answer(200, path + " on " + std::to_string(peer.number())));
  }
}

TEST(HttpClient, OneConnectionCarriesOneRequestAfterTheOther) {
  Loop loop;
  Server server(Echo);
  Client client(loop, server.url());
  for (const char* path : {"/a", "/b", "/c"})
    EXPECT_EQ(client.Fetch(path)->body(), std::string(path) + " on 1");
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client.counters().requests, 3U);
  EXPECT_EQ(client.counters().connections_opened, 1U);
  EXPECT_EQ(client.counters().resent, 0U);
}

TEST(HttpClient, AnyStatusIsAnAnswer) {
  Loop loop;
  Server server([](Peer& peer) {
    for (const int status : {200, 204, 302, 404, 500}) {
      peer.ReadRequest();
      peer.Write(status == 204 ? "HTTP/1.1 204 X\r\n\r\n" : Answer(status, "x"));
    }
    peer.ReadToEnd();
  });
  Client client(loop, server.url());
  for (const int status : {200, 204, 302, 404, 500}) EXPECT_EQ(client.Fetch()->status(), status);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, AHeadRequestsAnswerHasNoBody) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.ReadRequest();
    peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    Echo(peer);
  });
  Client client(loop, server.url());
  const Call head = client.Start({.method = "HEAD"});
  client.Wait(head);
  EXPECT_EQ(head->status(), 200);
  EXPECT_EQ(client.Fetch("/next")->body(), "/next on 1");
}

TEST(HttpClient, AConnectionThatMustCloseIsNotUsedAgain) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.ReadRequest();
    peer.Write(Answer(200, "x", "Connection: close\r\n"));
    peer.ReadToEnd();
  });
  Client client(loop, server.url());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Fetch()->status(), 200);
  EXPECT_EQ(server.connections(), 3);
  EXPECT_EQ(client.counters().resent, 0U);
}

TEST(HttpClient, TheNumberOfConnectionsIsBoundedAndTheRestWaitsInOrder) {
  Loop loop;
  std::atomic<int> at_once{0}, most{0};
  Server server([&](Peer& peer) {
    for (;;) {
      const std::string request = peer.ReadRequest();
      if (request.empty()) return;
      const int now = ++at_once;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      --at_once;
      peer.Write(Answer(200, "x"));
    }
  });
  auto options = OptionsFor(server.url());
  options.max_connections = 3;
  Client client(loop, options);
  std::vector<Call> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(client.Get());
  for (const Call& call : calls) {
    client.Wait(call);
    EXPECT_EQ(call->status(), 200);
    EXPECT_EQ(call->calls, 1);
  }
  EXPECT_EQ(server.connections(), 3);
  EXPECT_LE(most, 3);
}

TEST(HttpClient, OneConnectionServesItsQueueInOrder) {
  Loop loop;
  Server server(Echo);
  auto options = OptionsFor(server.url());
  options.max_connections = 1;
  Client client(loop, options);
  std::vector<Call> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(client.Get("/" + std::to_string(i)));
  for (int i = 19; i >= 0; --i) {
    client.Wait(calls[static_cast<std::size_t>(i)]);
    for (int earlier = 0; earlier <= i; ++earlier)
      ASSERT_TRUE(calls[static_cast<std::size_t>(earlier)]->done());
    EXPECT_EQ(calls[static_cast<std::size_t>(i)]->body(), "/" + std::to_string(i) + " on 1");
  }
}

TEST(HttpClient, TheConnectionUsedLastIsUsedNextAndTheOthersGoIdleForGood) {
  Loop loop;
  Signal gone(loop);
  Server server([&](Peer& peer) {
    Echo(peer);
    gone.Set();
  });
  Client client(loop, server.url());
  const std::vector<Call> calls = {client.Get("/a"), client.Get("/b"), client.Get("/c")};
  for (const Call& call : calls) client.Wait(call);
  ASSERT_EQ(server.connections(), 3);
  const std::string last = client.Fetch("/x")->body();
  for (int i = 0; i < 4; ++i) {
    loop.Advance(1500);
    EXPECT_EQ(client.Fetch("/x")->body(), last);
  }
  EXPECT_TRUE(loop.RunUntil([&] { return gone.count() == 2; })) << "idle for 6 s, closed after 4";
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, TheIdleConnectionsTimeBeginsWithEachAnswer) {
  Loop loop;
  Signal gone(loop);
  Server server([&](Peer& peer) {
    Echo(peer);
    gone.Set();
  });
  Client client(loop, server.url());
  EXPECT_EQ(client.Fetch("/a")->body(), "/a on 1");
  loop.Advance(4500);
  EXPECT_TRUE(loop.RunUntil([&] { return gone.count() == 1; }));
  EXPECT_EQ(client.Fetch("/b")->body(), "/b on 2");
  EXPECT_EQ(client.counters().resent, 0U) << "it was not tried on the closed one";
}

TEST(HttpClient, RefusedConnections) {
  Loop loop;
  Client client(loop, "http://127.0.0.1:" + std::to_string(test::UnusedPort()));
  const std::vector<Call> calls = {client.Get(), client.Get(), client.Get()};
  for (const Call& call : calls) {
    client.Wait(call);
    EXPECT_EQ(call->error(), "CONNECTION_FAILED");
    EXPECT_NE(call->message().find("ECONNREFUSED"), std::string::npos) << call->message();
  }
}

TEST(HttpClient, ATimeOutWhileTheAnswerIsAwaited) {
  Loop loop;
  Signal asked(loop), gone(loop);
  Server server([&](Peer& peer) {
    if (peer.number() > 1) return Echo(peer);
    peer.ReadRequest();
    asked.Set();
    peer.ReadToEnd();
    gone.Set();
  });
  Client client(loop, server.url());
  const Call call = client.Get("/", 700);
  ASSERT_TRUE(loop.RunUntil([&] { return asked.count() == 1; }));
  loop.Advance(600);
  EXPECT_FALSE(call->done());
  loop.Advance(110);
  EXPECT_EQ(call->error(), "TIMEOUT");
  EXPECT_TRUE(loop.RunUntil([&] { return gone.count() == 1; })) << "the connection is of no use any more";
  EXPECT_EQ(client.Fetch("/b")->body(), "/b on 2");
}

TEST(HttpClient, ATimeOutInTheMiddleOfAnAnswer) {
  Loop loop;
  Signal half(loop);
  Server server([&](Peer& peer) {
    peer.ReadRequest();
    peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    half.Set();
    peer.ReadToEnd();
  });
  Client client(loop, server.url());
  const Call call = client.Get();
  ASSERT_TRUE(loop.RunUntil([&] { return half.count() == 1; }));
  loop.Turn();
  EXPECT_FALSE(call->done());
  loop.Advance(5001);
  EXPECT_EQ(call->error(), "TIMEOUT");
}

TEST(HttpClient, ATimeOutWhileWaitingForAConnection) {
  Loop loop;
  Signal asked(loop), go(loop);
  Server server([&](Peer& peer) {
    peer.ReadRequest();
    asked.Set();
    while (go.count() == 0) std::this_thread::yield();
    peer.Write(Answer(200, "first"));
    Echo(peer);
  });
  auto options = OptionsFor(server.url());
  options.max_connections = 1;
  Client client(loop, options);
  const Call first = client.Get("/first", 60'000);
  const Call second = client.Get("/second", 1000);
  const Call third = client.Get("/third", 60'000);
  ASSERT_TRUE(loop.RunUntil([&] { return asked.count() == 1; }));
  loop.Advance(1001);
  EXPECT_EQ(second->error(), "TIMEOUT");
  EXPECT_FALSE(first->done());
  go.Set();
  client.Wait(third);
  EXPECT_EQ(first->body(), "first");
  EXPECT_EQ(third->body(), "/third on 1") << "the one that gave up was not sent";
}

TEST(HttpClient, ATimeOutWhileConnecting) {
  Loop loop;
  Signal greeted(loop);
  // Takes the connection and says nothing: a TLS handshake waits for ever.
  Server server([&](Peer& peer) {
    greeted.Set();
    peer.ReadToEnd();
  });
  auto options = OptionsFor("https://127.0.0.1:" + std::to_string(server.port()));
  options.tls.verify = false;
  options.connect_timeout_ms = 800;
  Client client(loop, options);
  const Call call = client.Get("/", 60'000);
  ASSERT_TRUE(loop.RunUntil([&] { return greeted.count() == 1; }));
  loop.Advance(790);
  EXPECT_FALSE(call->done());
  loop.Advance(20);
  EXPECT_EQ(call->error(), "TIMEOUT");
  EXPECT_NE(call->message().find("800 ms"), std::string::npos) << call->message();
}

TEST(HttpClient, ACallThatEndsBeforeItsConnectionStandsLeavesItToTheNext) {
  Loop loop;
  Server server(Echo);
  Client client(loop, server.url());
  const Call hasty = client.Get("/hasty", 100);
  loop.clock.Advance(200);
  loop.timers.Advance(loop.clock.MonotonicMs());
  EXPECT_EQ(hasty->error(), "TIMEOUT");
  EXPECT_EQ(client.Fetch("/next")->body(), "/next on 1");
}

TEST(HttpClient, AnIdleConnectionThatTheServerClosesIsReplaced) {
  Loop loop;
  Signal closed(loop);
  Server server([&](Peer& peer) {
    peer.ReadRequest();
    peer.Write(Answer(200, "x"));
    if (peer.number() > 1) return Echo(peer);
    peer.Close();
    closed.Set();
  });
  Client client(loop, server.url());
  client.Fetch();
  ASSERT_TRUE(loop.RunUntil([&] { return closed.count() == 1; }));
  loop.Turn();
  EXPECT_EQ(client.Fetch()->status(), 200);
  EXPECT_EQ(server.connections(), 2);
}

// The server closes when the request is on its way: that is known only afterwards.
TEST(HttpClient, ARequestThatMetADeadConnectionIsSentAgainAtOnceAndOnce) {
  for (const bool reset : {false, true}) {
    Loop loop;
    std::atomic<int> requests{0};
    Server server([&](Peer& peer) {
      peer.ReadRequest();
      peer.Write(Answer(200, "first"));
      if (peer.ReadRequest().empty()) return;
      ++requests;
      if (peer.number() == 1) return reset ? peer.Reset() : peer.Close();
      peer.Write(Answer(200, "again"));
    });
    Client client(loop, server.url());
    EXPECT_EQ(client.Fetch()->body(), "first");
    const Call call = client.Get();
    client.Wait(call);
    EXPECT_EQ(call->body(), "first") << "on a fresh connection";
    EXPECT_EQ(call->calls, 1);
    EXPECT_EQ(client.counters().resent, 1U);
    EXPECT_EQ(server.connections(), 2);
    EXPECT_EQ(requests, 1);
  }
}

TEST(HttpClient, OtherIdleConnectionsOfADeadOnesAgeAreNotTried) {
  Loop loop;
  Signal served(loop);
  Server server([&](Peer& peer) {
    if (peer.number() > 4) return Echo(peer);
    // All four are held until all have a request, and die with their second one.
    peer.ReadRequest();
    served.Set();
    while (served.count() < 4) std::this_thread::yield();
    peer.Write(Answer(200, "x"));
    peer.ReadRequest();
  });
  Client client(loop, server.url());
  std::vector<Call> calls;
  for (int i = 0; i < 4; ++i) calls.push_back(client.Get());
  for (const Call& call : calls) client.Wait(call);
  ASSERT_EQ(server.connections(), 4);
  EXPECT_EQ(client.Fetch("/y")->body(), "/y on 5");
  EXPECT_EQ(client.counters().resent, 1U) << "not once for each dead one";
}

// A process that thaws sends before any timer had its turn; where the machine was suspended, the monotonic
// clock may have stood still as well. The old connection may lead nowhere by then, without a word from
// anybody.
TEST(HttpClient, AConnectionFromBeforeAFreezeIsNotUsedAgain) {
  for (const bool monotonic_too : {false, true}) {
    Loop loop;
    Server server([](Peer& peer) {
      peer.ReadRequest();
      peer.Write(Answer(200, "on " + std::to_string(peer.number())));
      peer.ReadToEnd();  // a second request is never answered
    });
    Client client(loop, server.url());
    EXPECT_EQ(client.Fetch()->body(), "on 1");
    loop.clock.wall_ms += 60'000;
    if (monotonic_too) loop.clock.monotonic_ms += 60'000;
    EXPECT_EQ(client.Fetch()->body(), "on 2");
    EXPECT_EQ(client.counters().resent, 0U) << "nothing was sent on the old one";
  }
}

TEST(HttpClient, AfterAnHourAtOnceNothingIsLeftToFire) {
  Loop loop;
  Server server(Echo);
  Client client(loop, server.url());
  std::vector<Call> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(client.Get());
  for (const Call& call : calls) client.Wait(call);
  EXPECT_EQ(loop.timers.size(), 20U) << "one for each idle connection";
  loop.clock.Advance(3'600'000);
  EXPECT_TRUE(loop.timers.Advance(loop.clock.MonotonicMs())) << "all in one go";
  EXPECT_EQ(loop.timers.size(), 0U);
  EXPECT_EQ(client.Fetch("/next")->body(), "/next on 21");
}

TEST(HttpClient, AClockThatIsSetBackKeepsConnections) {
  Loop loop;
  Server server(Echo);
  Client client(loop, server.url());
  client.Fetch("/a");
  loop.clock.wall_ms -= 3'600'000;
  EXPECT_EQ(client.Fetch("/b")->body(), "/b on 1");
}

TEST(HttpClient, AFreshConnectionThatDiesIsAFailure) {
  Loop loop;
  Server server([](Peer& peer) { peer.ReadRequest(); });
  Client client(loop, server.url());
  EXPECT_EQ(client.Fetch()->error(), "CONNECTION_FAILED");
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client.counters().resent, 0U);
}

TEST(HttpClient, ARequestWhoseAnswerHadBegunIsNotSentAgain) {
  Loop loop;
  Server server([](Peer& peer) {
    peer.ReadRequest();
    peer.Write(Answer(200, "x"));
    peer.ReadRequest();
    peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  });
  Client client(loop, server.url());
  EXPECT_EQ(client.Fetch()->status(), 200);
  EXPECT_EQ(client.Fetch()->error(), "MALFORMED_RESPONSE");
  EXPECT_EQ(client.counters().resent, 0U);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, PlainHttpLeavesTheMachineOnlyWhereThatIsAllowed) {
  Loop loop;
  auto options = OptionsFor("http://192.0.2.1:9");
  const auto refused = HttpClient::Create(loop.context, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConfigInvalid);
  options.allow_insecure = true;
  EXPECT_TRUE(HttpClient::Create(loop.context, options).ok());
  EXPECT_TRUE(HttpClient::Create(loop.context, OptionsFor("http://localhost")).ok());
}

TEST(HttpClient, ACallbackMaySendTheNextRequest) {
  Loop loop;
  Server server(Echo);
  auto created = HttpClient::Create(loop.context, OptionsFor(server.url()));
  ASSERT_TRUE(created.ok());
  HttpClient& client = **created;
  int answers = 0;
  std::function<void()> next = [&] {
    client.Send(*Serialize(client.options().base, {}), false, 5000, [&](Result<Response> result) {
      EXPECT_TRUE(result.ok());
      if (++answers < 20) next();
    });
  };
  next();
  EXPECT_TRUE(loop.RunUntil([&] { return answers == 20; }));
  EXPECT_EQ(server.connections(), 1);
}

// Its answer, its failure and its time-out; others wait behind it, and are dropped.
TEST(HttpClient, ACallbackMayDestroyIt) {
  for (const int way : {0, 1, 2}) {
    Loop loop;
    Signal asked(loop);
    Server server([&](Peer& peer) {
      peer.ReadRequest();
      asked.Set();
      if (way == 0) peer.Write(Answer(200, "x"));
      peer.ReadToEnd();
    });
    auto options =
        OptionsFor(way == 1 ? "http://127.0.0.1:" + std::to_string(test::UnusedPort()) : server.url());
    options.max_connections = 1;
    auto client = std::move(HttpClient::Create(loop.context, options)).value();
    const std::string wire = *Serialize(options.base, {});
    bool done = false;
    client->Send(wire, false, 1000, [&](auto) {
      client.reset();
      done = true;
    });
    client->Send(wire, false, 60'000, [&](auto) { ADD_FAILURE() << "it was dropped"; });
    if (way == 2) {
      ASSERT_TRUE(loop.RunUntil([&] { return asked.count() == 1; }));
      loop.Advance(1000);
    }
    ASSERT_TRUE(loop.RunUntil([&] { return done; }));
  }
}

// In every stage of a call. That nothing leaks and no handle stays open, the loop's destructor and the
// sanitizer say.
TEST(HttpClient, DestroyingItDropsEverythingWithoutCallingBack) {
  for (int stage = 0; stage < 5; ++stage) {
    Loop loop;
    Signal asked(loop);
    Server server([&](Peer& peer) {
      if (stage == 3) peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      peer.ReadRequest();
      asked.Set();
      peer.ReadToEnd();
    });
    auto options =
        OptionsFor(stage == 4 ? "http://localhost:" + std::to_string(server.port()) : server.url());
    options.max_connections = 2;
    std::vector<Call> calls;
    {
      Client client(loop, options);
      for (int i = 0; i < 4; ++i)
        calls.push_back(stage == 1 ? client.Post(std::string(5 << 20, 'x')) : client.Get());
      if (stage == 1) loop.Turn(5);
      if (stage >= 2 && stage < 4) loop.RunUntil([&] { return asked.count() > 0; });
    }
    loop.Turn();
    for (const Call& call : calls) EXPECT_FALSE(call->done() && call->result->ok()) << stage;
  }
}

}  // namespace
}  // namespace trunkline::net
