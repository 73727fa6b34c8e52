// Preflights on the engine: their reports, and their end with whom they are for.
#include "engine/preflight_service.h"

#include <gtest/gtest.h>

#include "support/inbox.h"
#include "support/server.h"

namespace trunkline::engine {
namespace {

using test::Peer;
using test::Server;

net::PreflightOptions OptionsFor(const Server& server) {
  return {.origin = net::ParseBaseUrl("https://127.0.0.1:" + std::to_string(server.port())).value(),
          .target = "/",
          .tls = {.trusted_pem = test::MakeAuthority().certificate_pem},
          .allow_private = true,
          .timeout_ms = 600'000};
}

std::shared_ptr<Engine> Acquire() { return Engine::Acquire().value(); }

// The failure's code, or the error's.
using Codes = std::shared_ptr<test::Inbox<std::string>>;
net::Preflight::Callback Into(Codes codes) {
  return [codes = std::move(codes)](Result<net::PreflightReport> result) {
    const ErrorCode code = result.ok() ? result->failure->code : result.error().code;
    codes->Push(std::string(Describe(code).name));
  };
}

TEST(PreflightService, ReportsAndRefusals) {
  Server server([](Peer& peer) { peer.ReadSome(); });
  PreflightService service(Acquire());
  const auto codes = test::MakeInbox<std::string>();
  ASSERT_TRUE(service.Start(OptionsFor(server), Into(codes)).ok());
  EXPECT_EQ(codes->Take(), "CONNECTION_FAILED");
  net::PreflightOptions options = OptionsFor(server);
  options.allow_private = false;
  ASSERT_TRUE(service.Start(options, Into(codes)).ok());
  EXPECT_EQ(codes->Take(), "ADDRESS_FORBIDDEN");
  options.tls.trusted_pem = "no PEM";
  EXPECT_EQ(service.Start(options, Into(codes)).error().code, ErrorCode::kConfigInvalid);
  options.tls = OptionsFor(server).tls;
  options.target = "no path";
  EXPECT_TRUE(service.Start(options, Into(codes)).ok());
  EXPECT_EQ(codes->Take(), "CONFIG_INVALID");
}

TEST(PreflightService, ItsEndDropsWhatIsUnderWay) {
  const auto greeted = test::MakeInbox<int>();
  Server server([&](Peer& peer) {
    peer.ReadSome();
    greeted->Push(peer.number());
    peer.ReadToEnd();
  });
  const auto engine = Acquire();  // goes on
  const auto codes = test::MakeInbox<std::string>();
  {
    PreflightService service(engine);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(service.Start(OptionsFor(server), Into(codes)).ok());
    EXPECT_TRUE(greeted->Take());
    ASSERT_TRUE(service.Start(OptionsFor(server), Into(codes)).ok());
  }
  engine->RunAndWait([] {});
  EXPECT_EQ(codes.use_count(), 1) << "no callback is kept";
}

}  // namespace
}  // namespace trunkline::engine
