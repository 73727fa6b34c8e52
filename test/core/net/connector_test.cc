// The race for a connection: which address is tried when, who wins, and that the others leave nothing behind.
#include "net/connector.h"

#include <gtest/gtest.h>

#include "support/black_hole.h"
#include "support/loop.h"
#include "support/resolver.h"
#include "support/server.h"

namespace trunkline::net {
namespace {

using test::BlackHole;
using test::Loop;
using test::Peer;
using test::ResolverFake;
using test::Server;

// What a connector came to.
struct Outcome {
  std::optional<Result<std::string>> result;  // the address that it is connected to
  int calls = 0;

  bool done() const { return calls > 0; }
  std::string address() const { return result && result->ok() ? **result : std::string(); }
  std::string error() const {
    return result && !result->ok() ? std::string(Describe(result->error().code).name) : std::string();
  }
};

std::unique_ptr<Connector> Start(Loop& loop, ConnectTarget target, Outcome& outcome) {
  auto connector = std::make_unique<Connector>(loop.context, std::move(target),
                                               [&](Result<Connector::Connected> connected) {
                                                 ++outcome.calls;
                                                 if (connected.ok()) {
                                                   outcome.result = connected->address.Text();
                                                 } else {
                                                   outcome.result = std::move(connected.error());
                                                 }
                                               });
  connector->Start();
  EXPECT_FALSE(outcome.done()) << "never inside the call";
  return connector;
}

ConnectTarget Target(const std::string& host, int port) {
  return {.host = host, .port = static_cast<std::uint16_t>(port), .name = host};
}

TEST(Connector, AnAddressNeedsNoLookUp) {
  Loop loop;
  Server server([](Peer& peer) { peer.ReadToEnd(); });
  Outcome outcome;
  const auto connector = Start(loop, Target("127.0.0.1", server.port()), outcome);
  ASSERT_TRUE(loop.RunUntil([&] { return outcome.done(); }));
  EXPECT_EQ(outcome.address(), "127.0.0.1");
}

TEST(Connector, AnAddressThatRefusesGivesWayAtOnce) {
  Loop loop;
  Server server([](Peer& peer) { peer.ReadToEnd(); });
  const ResolverFake fake("several.test", {"::1", "127.0.0.3", "127.0.0.2", "127.0.0.1"});
  Outcome outcome;
  const std::int64_t begun = loop.clock.MonotonicMs();
  const auto connector = Start(loop, Target("several.test", server.port()), outcome);
  ASSERT_TRUE(loop.RunUntil([&] { return outcome.done(); }));
  EXPECT_EQ(outcome.address(), "127.0.0.1");
  EXPECT_LT(loop.clock.MonotonicMs() - begun, Connector::kAttemptDelayMs);
}

TEST(Connector, AnAddressThatIsSilentGivesWayAfterADelay) {
  Loop loop;
  Server server([](Peer& peer) { peer.ReadToEnd(); });
  const BlackHole silent("127.0.0.2", server.port()), silent_too("127.0.0.3", server.port());
  const ResolverFake fake("several.test", {"127.0.0.2", "127.0.0.3", "127.0.0.1"});
  Outcome outcome;
  const auto connector = Start(loop, Target("several.test", server.port()), outcome);
  ASSERT_TRUE(loop.RunUntil([&] { return loop.timers.size() > 0; })) << "the look-up is done";
  for (int delays = 0; delays < 2; ++delays) {
    loop.Advance(Connector::kAttemptDelayMs - 10);
    EXPECT_EQ(server.connections(), 0);
    loop.Advance(10);
  }
  ASSERT_TRUE(loop.RunUntil([&] { return outcome.done(); }));
  EXPECT_EQ(outcome.address(), "127.0.0.1");
  loop.Advance(10 * Connector::kAttemptDelayMs);
  EXPECT_EQ(outcome.calls, 1);
}

// The silent first one is not waited for when the second refuses: the third is tried at once.
TEST(Connector, ARefusalBesideASilentAddressMovesOn) {
  Loop loop;
  Server server([](Peer& peer) { peer.ReadToEnd(); });
  const BlackHole silent("127.0.0.2", server.port());
  const ResolverFake fake("several.test", {"127.0.0.2", "127.0.0.3", "127.0.0.1"});
  Outcome outcome;
  const auto connector = Start(loop, Target("several.test", server.port()), outcome);
  ASSERT_TRUE(loop.RunUntil([&] { return loop.timers.size() > 0; }));
  loop.Advance(Connector::kAttemptDelayMs);
  ASSERT_TRUE(loop.RunUntil([&] { return outcome.done(); }));
  EXPECT_EQ(outcome.address(), "127.0.0.1");
}

TEST(Connector, WhenAllRefuseTheErrorSaysWhom) {
  Loop loop;
  const ResolverFake fake("several.test", {"127.0.0.2", "127.0.0.1"});
  Outcome outcome;
  const auto connector = Start(loop, Target("several.test", test::UnusedPort()), outcome);
  ASSERT_TRUE(loop.RunUntil([&] { return outcome.done(); }));
  EXPECT_EQ(outcome.error(), "CONNECTION_FAILED");
  EXPECT_NE(outcome.result->error().message.find("cannot connect to several.test: "), std::string::npos);
  EXPECT_NE(outcome.result->error().message.find("ECONNREFUSED"), std::string::npos);
}

TEST(Connector, AnUnknownName) {
  Loop loop;
  const ResolverFake fake("nobody.test", {});
  Outcome outcome;
  const auto connector = Start(loop, Target("nobody.test", 1), outcome);
  ASSERT_TRUE(loop.RunUntil([&] { return outcome.done(); }));
  EXPECT_EQ(outcome.error(), "DNS_FAILED");
  Outcome odd;
  const auto second = Start(loop, Target(std::string(100'000, 'a'), 1), odd);
  ASSERT_TRUE(loop.RunUntil([&] { return odd.done(); }));
  EXPECT_EQ(odd.error(), "DNS_FAILED");
}

TEST(Connector, ANameOfManyAddressesIsNotTriedForEver) {
  Loop loop;
  Server server([](Peer& peer) { peer.ReadToEnd(); });
  std::vector<std::string> many;
  for (std::size_t i = 0; i < Connector::kMostAddresses; ++i) many.push_back("127.0.1." + std::to_string(i));
  many.push_back("127.0.0.1");
  Outcome outcome;
  const ResolverFake fake("many.test", many);
  const auto connector = Start(loop, Target("many.test", server.port()), outcome);
  ASSERT_TRUE(loop.RunUntil([&] { return outcome.done(); }));
  EXPECT_EQ(outcome.error(), "CONNECTION_FAILED");
}

TEST(Connector, WhatTheCheckRefusesIsNotTried) {
  Loop loop;
  Server server([](Peer& peer) { peer.ReadToEnd(); });
  const auto check = [](const Address& address) -> Status {
    if (address.Text() != "127.0.0.1") return Ok();
    return Error{.code = ErrorCode::kAddressForbidden, .message = "not there"};
  };
  Outcome forbidden;
  auto target = Target("127.0.0.1", server.port());
  target.check = check;
  const auto connector = Start(loop, target, forbidden);
  ASSERT_TRUE(loop.RunUntil([&] { return forbidden.done(); }));
  EXPECT_EQ(forbidden.error(), "ADDRESS_FORBIDDEN");

  const ResolverFake fake("several.test", {"127.0.0.1", "127.0.0.2"});
  Outcome other;
  target.host = "several.test";
  const auto second = Start(loop, target, other);
  ASSERT_TRUE(loop.RunUntil([&] { return other.done(); }));
  EXPECT_EQ(other.error(), "CONNECTION_FAILED") << "of the other address, where nobody listens";
  EXPECT_EQ(server.connections(), 0);
}

TEST(Connector, ItsEndInEveryStage) {
  Server server([](Peer& peer) { peer.ReadToEnd(); });
  const BlackHole beside("127.0.0.2", server.port());
  const ResolverFake fake("several.test", {"127.0.0.2", "127.0.0.1"});
  for (int turns = 0; turns < 8; ++turns) {
    Loop loop;
    Outcome outcome;
    auto connector = Start(loop, Target("several.test", server.port()), outcome);
    loop.Turn(turns);
    if (turns > 4) loop.clock.Advance(Connector::kAttemptDelayMs);
    if (turns > 4) loop.timers.Advance(loop.clock.MonotonicMs());
    connector.reset();
    const int calls = outcome.calls;
    loop.Advance(10 * Connector::kAttemptDelayMs);
    EXPECT_EQ(outcome.calls, calls);
  }
}

TEST(Connector, TheCallbackMayDestroyIt) {
  Server server([](Peer& peer) { peer.ReadToEnd(); });
  for (const int port : {server.port(), test::UnusedPort()}) {
    Loop loop;
    std::unique_ptr<Connector> connector;
    bool done = false;
    connector = std::make_unique<Connector>(loop.context, Target("127.0.0.1", port), [&](auto) {
      connector.reset();
      done = true;
    });
    connector->Start();
    EXPECT_TRUE(loop.RunUntil([&] { return done; }));
  }
}

}  // namespace
}  // namespace trunkline::net
