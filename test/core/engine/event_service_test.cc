// The whole core at work: a real engine, a real store, a real connection to a platform played by a loopback
// server.
#include "engine/event_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "support/events.h"
#include "support/inbox.h"
#include "support/opened_store.h"
#include "support/server.h"
#include "support/temp_directory.h"

namespace trunkline::engine {
namespace {

using delivery::Answer;
using delivery::AnswerKind;
using test::Inbox;
using test::MakeInbox;
using test::Peer;
using test::Server;
using test::TempDirectory;
using test::WebhookBody;

using Answers = std::shared_ptr<Inbox<Answer>>;

std::string KeyOf(const std::string& request) {
  const std::size_t at = request.find("Idempotency-Key: ") + 17;
  return request.substr(at, request.find("\r\n", at) - at);
}

// A platform that answers as `status` says, and keeps the requests.
class Platform {
 public:
  Platform() : server_([this](Peer& peer) { Serve(peer); }) {}

  std::string url() const { return server_.url(); }
  std::string TakeRequest() { return requests_.Take().value_or(""); }
  std::size_t waiting() { return requests_.size(); }

  std::atomic<int> status{200};  // 0: takes the request and never answers

 private:
  void Serve(Peer& peer) {
    for (;;) {
      std::string request = peer.ReadRequest();
      if (request.empty()) return;
      requests_.Push(std::move(request));
      if (status == 0) return peer.ReadToEnd();
      peer.Write(test::Answer(status, "{}"));
    }
  }

  Inbox<std::string> requests_;
  Server server_;
};

std::shared_ptr<const retry::Policy> Waits(int attempts, std::int64_t base_ms) {
  return std::make_shared<retry::Policy>(retry::Policy{
      .attempts = attempts, .base_ms = base_ms, .max_ms = base_ms * 4, .jitter = retry::Jitter::kNone});
}

EventServiceOptions OptionsFor(const std::string& url, const std::string& directory) {
  EventServiceOptions options;
  options.scheme = *crypto::FindScheme("cognigy");
  options.secrets = {test::SecretBytes()};
  options.ring.capacity = 1000;
  options.store.directory = directory;
  options.client.base = std::move(net::ParseBaseUrl(url)).value();
  options.exchange.platform = "Cognigy.AI";
  options.pipeline.request = std::move(delivery::RequestTemplate::Compile(
                                           "POST", "/sessions/{sessionId}/state", R"({"id":"{eventId}"})"))
                                 .value();
  options.pipeline.default_queue = "q";
  options.pipeline.retry = Waits(4, 1);
  return options;
}

// What a queue elsewhere was asked to take.
struct Asked {
  std::uint64_t id;
  std::string queue, event_id, key, payload;
};

class Service {
 public:
  explicit Service(EventServiceOptions options, bool elsewhere = false) {
    EventServiceCallbacks callbacks{[ends = ends](const delivery::Finished& end) { ends->Push(end); }};
    if (elsewhere) {
      callbacks.publish = [asked = asked](std::uint64_t id, const delivery::PublishedMessage& message) {
        asked->Push({id, std::string(message.queue), std::string(message.event_id),
                     std::string(message.idempotency_key), std::string(message.payload)});
      };
    }
    auto created =
        EventService::Create(std::move(Engine::Acquire()).value(), std::move(options), std::move(callbacks));
    EXPECT_TRUE(created.ok()) << (created.ok() ? "" : created.error().message);
    if (created.ok()) service_ = std::move(*created);
  }

  Result<std::size_t> Open() {
    const auto opened = MakeInbox<Result<std::size_t>>();
    service_->Open([=](Result<std::size_t> result) { opened->Push(std::move(result)); });
    auto result = opened->Take();
    return result ? std::move(*result)
                  : Result<std::size_t>(Error{.code = ErrorCode::kAborted, .message = "no answer"});
  }

  // As the door does it.
  Answers Post(const std::string& id) {
    const std::string body = WebhookBody(id);
    auto answers = MakeInbox<Answer>();
    auto admitted = service_->Admit(AsBytes(body), {test::SignatureOf(body)});
    const auto callback = [answers](const Answer& answer) { answers->Push(answer); };
    switch (admitted.verdict) {
      case delivery::Verdict::kClaimed:
        service_->Accept(std::move(admitted.fields), body, SystemClock().MonotonicUs(), callback);
        break;
      case delivery::Verdict::kInFlight:
        service_->JoinDuplicate(id, callback);
        break;
      case delivery::Verdict::kDone:
        answers->Push({AnswerKind::kDuplicate});
        break;
      default:
        answers->Push({AnswerKind::kRefused, admitted.error});
        break;
    }
    return answers;
  }
  Answers Replay(const std::string& id, std::optional<std::string> body = std::nullopt) {
    auto answers = MakeInbox<Answer>();
    service_->Replay(id, std::move(body), [answers](const Answer& answer) { answers->Push(answer); });
    return answers;
  }
  void Close(std::int64_t grace_ms = 5000) {
    const auto closed = MakeInbox<int>();
    service_->Close(grace_ms, [=] { closed->Push(1); });
    EXPECT_EQ(closed->Take(), 1);
  }
  void Destroy() { service_.reset(); }
  EventService* operator->() { return service_.get(); }

  const std::shared_ptr<Inbox<delivery::Finished>> ends = MakeInbox<delivery::Finished>();
  const std::shared_ptr<Inbox<Asked>> asked = MakeInbox<Asked>();

 private:
  std::unique_ptr<EventService> service_;
};

// As somebody sees them who looks at the directory from outside.
std::vector<store::DeadLetter> DeadLettersIn(const TempDirectory& directory) {
  test::OpenedStore store(directory.path(), {.role = store::Role::kOnlooker});
  EXPECT_TRUE(store.Open().ok());
  return *store.DeadLetters();
}

std::string Text(const Answers& answers) {
  const auto answer = answers->Take();
  if (!answer) return "none";
  constexpr const char* kNames[] = {"processed", "duplicate", "accepted", "dead", "refused", "unknown"};
  std::string text = kNames[static_cast<int>(answer->kind)];
  if (answer->kind == AnswerKind::kDead || answer->kind == AnswerKind::kRefused) {
    text += " " + std::string(Describe(answer->error.code).name);
  }
  return text;
}

TEST(EventService, AnEventFromTheDoorToThePlatform) {
  const TempDirectory directory;
  Platform platform;
  Service service(OptionsFor(platform.url(), directory.path()));
  const auto opened = service.Open();
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(*opened, 0U);
  EXPECT_EQ(Text(service.Post("e1")), "processed");
  EXPECT_NE(platform.TakeRequest().find("POST /sessions/s-e1/state"), std::string::npos);
  EXPECT_EQ(Text(service.Post("e1")), "duplicate");
  const auto end = service.ends->Take();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->event_id, "e1");
  EXPECT_TRUE(end->success);
  EXPECT_EQ(service->ring_use().size, 1U);
  EXPECT_EQ(service->counters().events.processed, 1U);
  service.Close();
  EXPECT_EQ(Text(service.Post("e2")), "refused CLOSED");
  EXPECT_EQ(Text(service.Replay("e1")), "refused CLOSED");
}

TEST(EventService, IdsAndDeadLettersOutliveIt) {
  const TempDirectory directory;
  Platform platform;
  {
    Service service(OptionsFor(platform.url(), directory.path()));
    ASSERT_TRUE(service.Open().ok());
    EXPECT_EQ(Text(service.Post("done")), "processed");
    platform.status = 404;
    EXPECT_EQ(Text(service.Post("dead")), "dead NOT_FOUND");
    service.Close();
  }
  Service service(OptionsFor(platform.url(), directory.path()));
  const auto opened = service.Open();
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(*opened, 0U);
  EXPECT_EQ(Text(service.Post("done")), "duplicate");
  EXPECT_EQ(Text(service.Post("dead")), "duplicate");
  auto letters = DeadLettersIn(directory);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].event_id, "dead");
  EXPECT_EQ(letters[0].tries.size(), 1U);
  platform.status = 200;
  EXPECT_EQ(Text(service.Replay("dead")), "processed");
  EXPECT_TRUE(DeadLettersIn(directory).empty());
  EXPECT_EQ(Text(service.Replay("nobody")), "unknown");
  EXPECT_EQ(Text(service.Replay({}, "no JSON")), "refused MALFORMED_PAYLOAD");
  EXPECT_EQ(Text(service.Replay({}, WebhookBody("fresh"))), "processed");
}

TEST(EventService, TriesUntilThePlatformIsBackUnderOneKey) {
  const TempDirectory directory;
  Platform platform;
  platform.status = 503;
  auto options = OptionsFor(platform.url(), directory.path());
  options.pipeline.retry = Waits(1000, 1);
  Service service(options);
  ASSERT_TRUE(service.Open().ok());
  const Answers answers = service.Post("e1");
  std::set<std::string> keys;
  for (int i = 0; i < 5; ++i) keys.insert(KeyOf(platform.TakeRequest()));
  platform.status = 200;
  EXPECT_EQ(Text(answers), "processed");
  EXPECT_EQ(keys.size(), 1U);
  EXPECT_GE(service->counters().platform.retries, 4U);
}

// Not closed, only destroyed, with work under way: the next run goes on with it under the same key.
TEST(EventService, WhatWasUnderWayIsResumedByTheNextRun) {
  const TempDirectory directory;
  Platform platform;
  platform.status = 0;
  std::string first;
  {
    Service service(OptionsFor(platform.url(), directory.path()));
    ASSERT_TRUE(service.Open().ok());
    service.Post("e1");
    first = platform.TakeRequest();
  }
  platform.status = 200;
  Service service(OptionsFor(platform.url(), directory.path()));
  const auto opened = service.Open();
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(*opened, 1U);
  EXPECT_EQ(platform.TakeRequest(), first) << "the same bytes, key included";
  const auto end = service.ends->Take();
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(end->success);
  EXPECT_EQ(Text(service.Post("e1")), "duplicate");
}

TEST(EventService, ClosingLeavesTheRestForTheNextRun) {
  const TempDirectory directory;
  Platform platform;
  platform.status = 0;
  {
    Service service(OptionsFor(platform.url(), directory.path()));
    ASSERT_TRUE(service.Open().ok());
    const Answers answers = service.Post("e1");
    platform.TakeRequest();
    service.Close(1);
    EXPECT_EQ(Text(answers), "accepted");
  }
  platform.status = 200;
  Service service(OptionsFor(platform.url(), directory.path()));
  const auto opened = service.Open();
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(*opened, 1U);
  EXPECT_TRUE(service.ends->Take().has_value());
}

TEST(EventService, AQueueElsewhereIsAskedAndAnswersByNumber) {
  const TempDirectory directory;
  Platform platform;
  Service service(OptionsFor(platform.url(), directory.path()), true);
  ASSERT_TRUE(service.Open().ok());
  const Answers answers = service.Post("e1");
  const auto asked = service.asked->Take();
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->queue, "q");
  EXPECT_EQ(asked->event_id, "e1");
  EXPECT_EQ(asked->payload, WebhookBody("e1"));
  EXPECT_EQ(platform.waiting(), 0U);
  service->Published(asked->id + 1000, Ok());  // nobody's
  service->Published(asked->id, Error{.code = ErrorCode::kUpstreamError, .message = "not now"});
  service->Published(asked->id, Ok());  // too late
  const auto again = service.asked->Take();
  ASSERT_TRUE(again.has_value());
  EXPECT_NE(again->id, asked->id);
  EXPECT_EQ(again->key, asked->key);
  service->Published(again->id, Ok());
  EXPECT_EQ(Text(answers), "processed");
  EXPECT_EQ(KeyOf(platform.TakeRequest()), asked->key);
  service.Close();
  service->Published(again->id, Ok());
  EXPECT_EQ(service.asked->size(), 0U);
}

TEST(EventService, WhatAQueueElsewhereHasNotTakenIsPublishedByTheNextRun) {
  const TempDirectory directory;
  Platform platform;
  std::string key;
  {
    Service service(OptionsFor(platform.url(), directory.path()), true);
    ASSERT_TRUE(service.Open().ok());
    service.Post("e1");
    service.Post("e2");
    key = service.asked->Take()->key;
    service->Published(service.asked->Take()->id, Ok());
    EXPECT_FALSE(platform.TakeRequest().empty());
  }
  Service service(OptionsFor(platform.url(), directory.path()), true);
  const auto opened = service.Open();
  ASSERT_TRUE(opened.ok());
  const auto asked = service.asked->Take();
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->event_id, "e1");
  EXPECT_EQ(asked->key, key);
  EXPECT_EQ(asked->payload, WebhookBody("e1"));
  service->Published(asked->id, Ok());
  for (std::size_t i = 0; i < *opened; ++i) EXPECT_TRUE(service.ends->Take()->success);
  EXPECT_EQ(service.asked->size(), 0U) << "what had been taken is not published again";
  EXPECT_EQ(service->counters().events.oldest_since_ms, 0);
}

TEST(EventService, AnswersAndTheEndAtOnce) {
  const TempDirectory directory;
  Platform platform;
  auto options = OptionsFor(platform.url(), directory.path());
  options.pipeline.publish.retry = *Waits(1000, 1);
  options.pipeline.publish.timeout_ms = 2;
  for (int round = 0; round < 20; ++round) {
    Service service(options, true);
    ASSERT_TRUE(service.Open().ok());
    for (int i = 0; i < 20; ++i) service.Post(std::to_string(round) + "-" + std::to_string(i));
    for (int i = 0; i < 30; ++i) {
      const auto asked = service.asked->Take();
      ASSERT_TRUE(asked.has_value());
      if (i % 3 != 0) service->Published(asked->id, Ok());
    }
    if (round % 2 == 0) service.Close(round);
  }
}

TEST(EventService, ClosingTwiceAndUnopened) {
  const TempDirectory directory;
  Platform platform;
  Service service(OptionsFor(platform.url(), directory.path()));
  service.Close();
  service.Close();
  EXPECT_EQ(service.Open().error().code, ErrorCode::kClosed);
}

TEST(EventService, ClosingWhileItOpensAnswersBoth) {
  const TempDirectory directory;
  Platform platform;
  for (int i = 0; i < 20; ++i) {
    Service service(OptionsFor(platform.url(), directory.path()));
    const auto opened = MakeInbox<bool>();
    service->Open([=](Result<std::size_t> result) {
      opened->Push(result.ok() || result.error().code == ErrorCode::kClosed);
    });
    service.Close();
    EXPECT_EQ(opened->Take(), true);
  }
}

TEST(EventService, ADirectoryThatCannotBeUsed) {
  const TempDirectory directory;
  Platform platform;
  std::ofstream(directory.path("file")) << "x";
  Service service(OptionsFor(platform.url(), directory.path("file")));
  EXPECT_EQ(service.Open().error().code, ErrorCode::kStoreUnavailable);
  EXPECT_EQ(Text(service.Post("e1")), "refused STORE_UNAVAILABLE");
  EXPECT_EQ(service->counters().events.pending, 0U);
}

TEST(EventService, TwoAtOnceShareTheEngineAndNothingElse) {
  const TempDirectory first_directory, second_directory;
  Platform first_platform, second_platform;
  Service first(OptionsFor(first_platform.url(), first_directory.path()));
  Service second(OptionsFor(second_platform.url(), second_directory.path()));
  ASSERT_TRUE(first.Open().ok());
  ASSERT_TRUE(second.Open().ok());
  EXPECT_EQ(Text(first.Post("e1")), "processed");
  EXPECT_EQ(Text(second.Post("e1")), "processed") << "an id is known where it came";
  EXPECT_NE(KeyOf(first_platform.TakeRequest()), KeyOf(second_platform.TakeRequest()));
  first.Close();
  first.Destroy();
  EXPECT_EQ(Text(second.Post("e2")), "processed");
}

TEST(EventService, TwoOnADirectoryShareTheirIdsAndTheirLetters) {
  const TempDirectory directory;
  Platform platform;
  Service first(OptionsFor(platform.url(), directory.path()));
  Service second(OptionsFor(platform.url(), directory.path()));
  ASSERT_TRUE(first.Open().ok());
  ASSERT_TRUE(second.Open().ok());
  EXPECT_EQ(Text(first.Post("e1")), "processed");
  EXPECT_EQ(Text(second.Post("e1")), "duplicate");
  platform.status = 404;
  EXPECT_EQ(Text(first.Post("e2")), "dead NOT_FOUND");
  platform.status = 200;
  EXPECT_EQ(Text(second.Replay("e2")), "processed") << "whoever replays it works on it";
  EXPECT_TRUE(DeadLettersIn(directory).empty());
}

// What one has under way another does not touch, and finishes when the first is gone.
TEST(EventService, WhatOneLeavesTheOtherFinishes) {
  const TempDirectory directory;
  Platform platform;
  auto options = OptionsFor(platform.url(), directory.path());
  options.store.tend_interval_ms = 5;
  options.pipeline.respond_within_ms = 1;
  options.pipeline.retry = Waits(1000, 3'600'000);
  Service second(OptionsFor(platform.url(), directory.path()));
  {
    Service first(options);
    ASSERT_TRUE(first.Open().ok());
    ASSERT_TRUE(second.Open().ok());
    platform.status = 503;
    EXPECT_EQ(Text(first.Post("e1")), "accepted");
    EXPECT_EQ(Text(second.Post("e1")), "duplicate") << "it is on disk, and somebody else's";
    EXPECT_EQ(Text(second.Replay("e1")), "accepted") << "somebody else is at it";
    platform.status = 200;
  }
  const auto end = second.ends->Take();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->event_id, "e1");
  EXPECT_TRUE(end->success);
}

TEST(EventService, OptionsThatCannotWork) {
  const TempDirectory directory;
  const auto refused = [&](const std::function<void(EventServiceOptions&)>& spoil) {
    auto options = OptionsFor("http://127.0.0.1:1", directory.path());
    spoil(options);
    const auto service = EventService::Create(std::move(Engine::Acquire()).value(), std::move(options), {});
    return !service.ok() && service.error().code == ErrorCode::kConfigInvalid;
  };
  EXPECT_TRUE(refused([](EventServiceOptions& o) { o.secrets.clear(); }));
  EXPECT_TRUE(refused([](EventServiceOptions& o) { o.ring.capacity = 0; }));
  EXPECT_TRUE(refused([](EventServiceOptions& o) { o.client.base.host = "192.0.2.1"; }));
  EXPECT_TRUE(refused([](EventServiceOptions& o) { o.client.base.tls = true; })) << "nothing to trust";
}

// Many events from the owner's thread, with a platform that fails now and then; then gone without a word,
// again and again.
TEST(EventService, NothingIsLostOverManyRuns) {
  const TempDirectory directory;
  Platform platform;
  std::set<std::string> accepted;
  for (int run = 0; run < 4; ++run) {
    auto options = OptionsFor(platform.url(), directory.path());
    options.pipeline.retry = Waits(1000, 1);
    Service service(options);
    ASSERT_TRUE(service.Open().ok());
    std::vector<Answers> answers;
    for (int i = 0; i < 100; ++i) {
      platform.status = i % 7 == 0 ? 503 : 200;
      const std::string id = std::to_string(run) + "-" + std::to_string(i);
      answers.push_back(service.Post(id));
      accepted.insert(id);
    }
    platform.status = 200;
    // The last of a run's events is on disk when it is answered, and with it, in order, all before it.
    EXPECT_EQ(Text(answers.back()), "processed");
  }
  Service service(OptionsFor(platform.url(), directory.path()));
  const auto opened = service.Open();
  ASSERT_TRUE(opened.ok());
  for (std::size_t i = 0; i < *opened; ++i) ASSERT_TRUE(service.ends->Take().has_value());
  for (const std::string& id : accepted) EXPECT_EQ(Text(service.Post(id)), "duplicate") << id;
  EXPECT_TRUE(DeadLettersIn(directory).empty());
}

}  // namespace
}  // namespace trunkline::engine
