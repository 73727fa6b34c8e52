// The token cache: one fetch for everyone, refreshed in time by either clock, within bounds, whatever
// callbacks do.
#include "oauth/token_cache.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "token_cache_fixture.h"

namespace trunkline::oauth {
namespace {

// ---- fetching once ----

TEST_F(TokenCacheTest, AThousandCallsFetchOneToken) {
  std::vector<Answer*> waiting;
  for (int i = 0; i < 1000; ++i) waiting.push_back(&Get());
  EXPECT_EQ(endpoint.posts, 1);
  for (const Answer* answer : waiting) EXPECT_EQ(answer->times, 0) << "never inside Get";
  endpoint.Grant("t-1");
  for (const Answer* answer : waiting) {
    EXPECT_EQ(answer->text, "t-1");
    EXPECT_EQ(answer->times, 1);
  }
  EXPECT_EQ(endpoint.posts, 1);
}

TEST_F(TokenCacheTest, TheRequestIsTheCredentials) {
  Get();
  EXPECT_EQ(endpoint.open.front().request.body, BuildTokenRequest(Client()).body);
  EXPECT_EQ(endpoint.open.front().request.headers, BuildTokenRequest(Client()).headers);
}

TEST_F(TokenCacheTest, ATokenAtHandComesInsideTheCall) {
  Hold("t-1");
  EXPECT_EQ(Get().text, "t-1");
  EXPECT_EQ(endpoint.posts, 1);
}

TEST_F(TokenCacheTest, CredentialsDoNotMix) {
  Credential changed = Client();
  changed.client_secret = "new";
  Answer& first = Get();
  Answer& second = Get(changed);
  EXPECT_EQ(endpoint.posts, 2);
  endpoint.Grant("t-1");
  endpoint.Grant("t-2");
  EXPECT_EQ(first.text, "t-1");
  EXPECT_EQ(second.text, "t-2");
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(Got(changed), "t-2");
}

TEST_F(TokenCacheTest, AnErrorReachesEveryoneWhoWaits) {
  std::vector<Answer*> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(&Get());
  endpoint.Refuse(401);
  for (const Answer* answer : waiting) {
    EXPECT_EQ(answer->text, "AUTHENTICATION_FAILED");
    EXPECT_EQ(answer->error.status, 401);
    EXPECT_EQ(answer->error.attempts, 1);
    EXPECT_EQ(answer->times, 1);
  }
  EXPECT_EQ(endpoint.posts, 1) << "not tried again";
}

// ---- refreshing ----

TEST_F(TokenCacheTest, IsRefreshedFiveMinutesBeforeItsEnd) {
  Hold("t-1", 3600);
  Pass(kHour - 300'001);
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(endpoint.posts, 1);
  Pass(1);
  EXPECT_EQ(endpoint.posts, 1) << "by no timer";
  EXPECT_EQ(Got(), "t-1") << "at once, while the refresh runs";
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(endpoint.posts, 2) << "one refresh";
  endpoint.Grant("t-2");
  EXPECT_EQ(Got(), "t-2");
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheTest, ShortLivedOnesAreRefreshedAfterFourFifths) {
  for (const std::int64_t seconds : {1, 10, 300, 1499, 1500}) {
    Rebuild({});
    endpoint.posts = 0;
    Hold("t-1", seconds);
    Pass(seconds * 800 - 1);
    Got();
    EXPECT_EQ(endpoint.posts, 1) << seconds;
    Pass(1);
    EXPECT_EQ(Got(), "t-1");
    EXPECT_EQ(endpoint.posts, 2) << seconds;
    endpoint.Grant("t-2");
  }
}

TEST_F(TokenCacheTest, RefreshBeforeIsHeeded) {
  Credential client = Client();
  client.refresh_before_ms = 60'000;
  Hold("t-1", 3600);
  Pass(kHour - 60'001);
  Got(client);
  EXPECT_EQ(endpoint.posts, 1);
  Pass(1);
  EXPECT_EQ(Got(client), "t-1");
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheTest, ARefreshBeforeOfZeroKeepsTheTokenToItsEnd) {
  Credential client = Client();
  client.refresh_before_ms = 0;
  chance = 0.999;  // no jitter: a refresh of which nobody waits for the end would be one in the background
  Hold("t-1", 100);
  Pass(99'999);
  EXPECT_EQ(Got(client), "t-1");
  EXPECT_EQ(endpoint.posts, 1);
  Pass(1);
  EXPECT_EQ(Got(client), "(waiting)");
}

TEST_F(TokenCacheTest, ARefreshBeforeLongerThanTheLifetimeDoesNotFetchForEver) {
  Credential client = Client();
  client.refresh_before_ms = 600'000;
  Hold("t-1", 600);
  EXPECT_EQ(Got(client), "t-1");
  Pass(479'999);
  EXPECT_EQ(Got(client), "t-1");
  EXPECT_EQ(endpoint.posts, 1) << "the default rule";
  Pass(1);
  Got(client);
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheTest, JitterRefreshesALittleEarlierAndStaysPut) {
  chance = 0.5;
  Hold("t-1", 3600);
  chance = 0.999;  // drawn when the token came, not now
  const std::int64_t due = 3'300'000 - 33'000;
  Pass(due - 1);
  Got();
  EXPECT_EQ(endpoint.posts, 1);
  Pass(1);
  Got();
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheTest, AFailedRefreshKeepsServingAndRestsAWhile) {
  Hold("t-1", 3600);
  Pass(kHour - 300'000);
  EXPECT_EQ(Got(), "t-1");
  endpoint.Refuse(401);
  EXPECT_EQ(Got(), "t-1");
  Pass(TokenCache::kRefreshRestMs - 1);
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(endpoint.posts, 2);
  Pass(1);
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(endpoint.posts, 3);
  endpoint.Grant("t-2");
  EXPECT_EQ(Got(), "t-2");
}

TEST_F(TokenCacheTest, ARefreshRestsForTheTokenThatItFailedAlone) {
  Hold("t-1", 5);
  Pass(4000);
  Got();
  endpoint.Refuse(401);
  Pass(1000);
  Get();
  endpoint.Grant("t-2", 5);
  Pass(4000);
  EXPECT_EQ(Got(), "t-2");
  EXPECT_EQ(endpoint.posts, 4) << "due in its own time";
}

TEST_F(TokenCacheTest, ARefreshThatLastsBeyondTheEndMakesCallsWait) {
  Hold("t-1", 3600);
  Pass(kHour - 1);
  EXPECT_EQ(Got(), "t-1");
  Pass(1);
  Answer& answer = Get();
  EXPECT_EQ(answer.text, "(waiting)");
  EXPECT_EQ(endpoint.posts, 2);
  endpoint.Grant("t-2");
  EXPECT_EQ(answer.text, "t-2");
}

TEST_F(TokenCacheTest, LifetimesCountFromTheRequest) {
  Answer& answer = Get();
  Pass(90'000);
  endpoint.Grant("t-1", 100);
  EXPECT_EQ(answer.text, "t-1");
  Pass(9'999);
  EXPECT_EQ(Got(), "t-1");
  Pass(1);
  EXPECT_EQ(Got(), "(waiting)");
}

TEST_F(TokenCacheTest, OddLifetimesCountAsFiveMinutes) {
  for (const char* odd : {"", R"(,"expires_in":"soon")", R"(,"expires_in":-1)", R"(,"expires_in":null)"}) {
    Rebuild({});
    Get();
    endpoint.Answer(TokenReply{.status = 200, .body = R"({"access_token":"t-1")" + std::string(odd) + "}"});
    Pass(299'999);
    EXPECT_EQ(Got(), "t-1") << odd;
    endpoint.open.clear();
    Pass(1);
    EXPECT_EQ(Got(), "(waiting)") << odd;
    endpoint.open.clear();
  }
}

// ---- those who go ----

TEST_F(TokenCacheTest, ForNobodyThereIsNoFurtherTry) {
  int first = 0, second = 0;
  const auto get = [&](int& who) {
    cache->Get(
        Client(), way, [&who](const Result<std::string>&) { ++who; }, &who);
  };
  get(first);
  get(second);
  cache->Leave(Client(), &first);
  endpoint.Refuse(503);
  Pass(10'000);
  EXPECT_EQ(endpoint.posts, 2) << "the other one waits still";
  cache->Leave(Client(), &second);
  endpoint.Refuse(503);
  Pass(kHour);
  EXPECT_EQ(endpoint.posts, 2);
  EXPECT_EQ(first + second, 0);
}

TEST_F(TokenCacheTest, WhoLeavesBetweenTwoTriesLeavesNoTimer) {
  cache->Get(
      Client(), way, [](const Result<std::string>&) { FAIL(); }, this);
  endpoint.Refuse(503);
  EXPECT_EQ(wheel.size(), 1U);
  cache->Leave(Client(), this);
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_EQ(Got(), "(waiting)");
  EXPECT_EQ(endpoint.posts, 2) << "at once";
}

TEST_F(TokenCacheTest, ATokenThatCameTooLateForOneIsThereForTheNext) {
  cache->Get(
      Client(), way, [](const Result<std::string>&) { FAIL(); }, this);
  cache->Leave(Client(), this);
  endpoint.Grant("t-1");
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(endpoint.posts, 1);
}

TEST_F(TokenCacheTest, ARefreshAheadOfTimeGoesOnForNobody) {
  Hold("t-1");
  Pass(kHour - 300'000);
  EXPECT_EQ(Got(), "t-1");
  cache->Leave(Client(), nullptr);
  cache->Leave(Client("other"), nullptr);
  endpoint.Refuse(503);
  Pass(10'000);
  EXPECT_EQ(endpoint.posts, 3);
}

// ---- clocks ----

TEST_F(TokenCacheTest, AProcessThatThawsKnowsTheTokenIsOld) {
  Hold("t-1", 3600);
  clock.wall_ms += kHour;  // frozen: only the wall clock went on
  EXPECT_EQ(Got(), "(waiting)");
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheTest, AWallClockThatIsSetBackMakesNoTokenYounger) {
  Hold("t-1", 3600);
  clock.wall_ms -= 10 * kHour;
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(endpoint.posts, 1);
  Pass(kHour - 300'000);
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(endpoint.posts, 2) << "due by the other clock";
  endpoint.open.clear();
  Pass(300'000);
  EXPECT_EQ(Got(), "(waiting)");
}

TEST_F(TokenCacheTest, AJumpThereAndBackCostsNothing) {
  Hold("t-1", 3600);
  clock.wall_ms += 100 * kHour;
  clock.wall_ms -= 100 * kHour;
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(endpoint.posts, 1);
}

// ---- bounds ----

TEST_F(TokenCacheTest, TheCredentialUsedLongestAgoMakesRoom) {
  Rebuild({}, 2);
  for (const char* id : {"a", "b"}) {
    Get(Client(id));
    endpoint.Grant(std::string("t-") + id);
  }
  EXPECT_EQ(Got(Client("a")), "t-a");
  Get(Client("c"));
  endpoint.Grant("t-c");
  EXPECT_EQ(Got(Client("a")), "t-a");
  EXPECT_EQ(Got(Client("c")), "t-c");
  EXPECT_EQ(Got(Client("b")), "(waiting)");
}

TEST_F(TokenCacheTest, ACredentialBeingFetchedIsNotGivenUp) {
  Rebuild({}, 2);
  Answer& a = Get(Client("a"));
  Answer& b = Get(Client("b"));
  EXPECT_EQ(Got(Client("c")), "QUEUE_FULL");
  EXPECT_EQ(endpoint.posts, 2);
  endpoint.Grant("t-a");
  endpoint.Refuse(503);
  EXPECT_EQ(Got(Client("c")), "(waiting)") << "in place of a; b waits for its next try";
  Pass(1000);
  endpoint.Grant("t-c");
  endpoint.Grant("t-b");
  EXPECT_EQ(a.text, "t-a");
  EXPECT_EQ(b.text, "t-b");
}

TEST_F(TokenCacheTest, ACallbackMayAskDropAndMakeRoom) {
  Rebuild({}, 1);
  std::vector<std::string> seen;
  cache->Get(Client(), way, [&](Result<std::string> token) {
    seen.push_back(*token);
    cache->Drop(Client(), *token);
    cache->Get(Client("other"), way, [&](Result<std::string> other) { seen.push_back(*other); });
  });
  Get();
  endpoint.Grant("t-1");
  EXPECT_EQ(answers.back().text, "t-1");
  endpoint.Grant("t-2");
  EXPECT_EQ(seen, (std::vector<std::string>{"t-1", "t-2"}));
}

TEST_F(TokenCacheTest, ACallbackMayDestroyTheCache) {
  for (const int status : {200, 401}) {
    Rebuild({});
    cache->Get(Client(), way, [&](Result<std::string>) { cache.reset(); });
    Answer& behind = Get();
    status == 200 ? endpoint.Grant("t-1") : endpoint.Refuse(status);
    EXPECT_EQ(cache, nullptr);
    EXPECT_EQ(behind.times, 1);
  }
  Rebuild({});
  Hold("t-1");
  cache->Get(Client(), way, [&](Result<std::string>) { cache.reset(); });
  EXPECT_EQ(cache, nullptr);
}

TEST_F(TokenCacheTest, AnswersThatComeWhenTheCacheIsGoneAreDropped) {
  Answer& sent = Get();
  Answer& waits = Get(Client("other"));
  std::swap(endpoint.open[0], endpoint.open[1]);
  endpoint.Refuse(503);
  cache.reset();
  EXPECT_EQ(wheel.size(), 0U) << "no try is left behind";
  endpoint.Grant("t-1");
  EXPECT_EQ(sent.times + waits.times, 0);
}

TEST_F(TokenCacheTest, NoErrorHoldsASecret) {
  const std::string echo =
      R"({"error":"invalid_client","error_description":"S3CR3T","access_token":"S3CR3T x"})";
  Credential client = Client();
  client.grant = Grant::kPassword;
  client.username = "S3CR3T-user";
  client.password = "S3CR3T-password";
  client.required_scopes = {"x"};
  for (const ClientAuth auth : {ClientAuth::kBasic, ClientAuth::kBody, ClientAuth::kQuery}) {
    client.client_auth = auth;
    for (const int status : {200, 302, 400, 401, 403, 404, 408, 429, 500, 501, 503}) {
      Rebuild({.attempts = 1}, 1);
      Answer& answer = Get(client);
      Answer& full = Get(Client("other"));
      endpoint.Answer(TokenReply{.status = status, .body = echo});
      for (const Answer* failed : {&answer, &full}) {
        EXPECT_NE(failed->error.message, "") << status;
        EXPECT_EQ((failed->error.message + failed->error.hint).find("S3CR3T"), std::string::npos) << status;
      }
    }
  }
  Rebuild({});
  Answer& scope = Get(client);
  endpoint.Grant("S3CR3T-token", 3600, R"(,"scope":"S3CR3T")");
  EXPECT_EQ(scope.text, "SCOPE_MISSING");
  EXPECT_EQ((scope.error.message + scope.error.hint).find("S3CR3T"), std::string::npos);
}

// Whatever happens in whatever order: every Get is answered exactly once, no credential is asked for twice at
// a time, a token is never served past its end nor after it was dropped.
TEST_F(TokenCacheTest, KeepsItsPromisesInAnyOrder) {
  std::mt19937_64 random(17);
  struct Life {
    std::int64_t sent_wall = 0, sent_monotonic = 0, lifetime = 0;
    bool dropped = false;
  };
  std::vector<Life> tokens;
  for (int round = 0; round < 100; ++round) {
    endpoint.open.clear();
    Rebuild({}, 4);
    std::deque<std::pair<std::int64_t, std::int64_t>> sent;  // when each open call was posted
    int asked = 0, answered = 0;
    std::optional<std::string> latest;
    bool inside = false;  // a Get
    const auto note_posts = [&] {
      while (sent.size() < endpoint.open.size()) sent.emplace_back(clock.wall_ms, clock.monotonic_ms);
    };
    const auto answer_one = [&](bool well) {
      const auto [wall, monotonic] = sent.front();
      sent.pop_front();
      if (well) {
        const auto seconds = static_cast<std::int64_t>(1 + random() % 20);
        tokens.push_back({wall, monotonic, seconds * 1000});
        endpoint.Grant("t-" + std::to_string(tokens.size() - 1), seconds);
      } else {
        const int statuses[] = {503, 429, 401, 200};
        endpoint.Refuse(statuses[random() % 4]);
      }
      note_posts();
    };
    for (int step = 0; step < 300; ++step) {
      chance = static_cast<double>(random() % 1000) / 1000;
      switch (random() % 6) {
        case 0:
        case 1: {
          ++asked;
          inside = true;
          cache->Get(Client(std::string(1, static_cast<char>('a' + random() % 4))), way,
                     [&](Result<std::string> token) {
                       ++answered;
                       if (!token) return;
                       latest = *token;
                       if (!inside) return;  // those who waited get what came, however long it took
                       const Life& life = tokens[std::stoul(token->substr(2))];
                       EXPECT_LT(clock.wall_ms - life.sent_wall, life.lifetime);
                       EXPECT_LT(clock.monotonic_ms - life.sent_monotonic, life.lifetime);
                       EXPECT_FALSE(life.dropped);
                     });
          inside = false;
          note_posts();
          ASSERT_LE(endpoint.open.size(), 4U) << "one for each credential";
          break;
        }
        case 2:
          if (!sent.empty()) answer_one(random() % 3 != 0);
          break;
        case 3:
          if (latest) {
            for (const char id : {'a', 'b', 'c', 'd'}) cache->Drop(Client(std::string(1, id)), *latest);
            tokens[std::stoul(latest->substr(2))].dropped = true;
            latest.reset();
          }
          break;
        case 4:
          clock.wall_ms += static_cast<std::int64_t>(random() % 40'000) - 20'000;
          break;
        default:
          Pass(static_cast<std::int64_t>(random() % 3000));
          note_posts();
      }
    }
    for (int i = 0; i < 1000 && answered < asked; ++i) {
      while (!sent.empty()) answer_one(true);
      Pass(10'000);
      note_posts();
    }
    ASSERT_EQ(answered, asked);
  }
}

}  // namespace
}  // namespace trunkline::oauth
