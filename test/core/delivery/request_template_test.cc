// The request template: every placeholder, escaped for the place it stands in.
#include "delivery/request_template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace trunkline::delivery {
namespace {

using namespace std::string_literals;

const TemplateValues kValues{.event_id = "e-1",
                             .intent = "billing",
                             .dialog_id = "d-1",
                             .session_id = "s-1",
                             .queue = "q-1",
                             .processed_at_ms = 1'700'000'000'123,
                             .latency_ms = 42};

net::Request Render(std::string_view path, std::string_view body, const TemplateValues& values = kValues) {
  auto compiled = RequestTemplate::Compile("POST", path, body);
  EXPECT_TRUE(compiled.ok()) << (compiled.ok() ? "" : compiled.error().message);
  return compiled.ok() ? compiled->Render(values, "key-1") : net::Request{};
}
std::string Body(std::string_view body, const TemplateValues& values = kValues) {
  return Render("/", body, values).body;
}

std::string HeaderOf(const net::Request& request, std::string_view name) {
  const auto found = std::find_if(request.headers.begin(), request.headers.end(),
                                  [&](const auto& one) { return one.first == name; });
  return found == request.headers.end() ? "none" : found->second;
}

TEST(RequestTemplate, EveryPlaceholder) {
  EXPECT_EQ(
      Body(
          R"({"a":"{eventId}","b":"{intent}","c":"{dialogId}","d":"{sessionId}","e":"{queue}","f":"{processedAt}","g":"{latencyMs}"})"),
      R"({"a":"e-1","b":"billing","c":"d-1","d":"s-1","e":"q-1","f":"2023-11-14T22:13:20.123Z","g":42})");
  EXPECT_EQ(Render("/a/{eventId}/{intent}/{dialogId}/{sessionId}/{queue}/{latencyMs}", "").target,
            "/a/e-1/billing/d-1/s-1/q-1/42");
}

TEST(RequestTemplate, HeadersMethodAndKey) {
  const net::Request request = Render("/x", R"({"a":1})");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/x");
  EXPECT_TRUE(request.has_body);
  EXPECT_EQ(HeaderOf(request, "Idempotency-Key"), "key-1");
  EXPECT_EQ(HeaderOf(request, "Content-Type"), "application/json");
  const net::Request bare = Render("/x", "");
  EXPECT_FALSE(bare.has_body);
  EXPECT_EQ(HeaderOf(bare, "Content-Type"), "none");
}

TEST(RequestTemplate, OnlyAWholeValueIsANumber) {
  EXPECT_EQ(Body(R"({"a":"{latencyMs}"})"), R"({"a":42})");
  EXPECT_EQ(Body(R"({"a":"{latencyMs} ms"})"), R"({"a":"42 ms"})");
  EXPECT_EQ(Body(R"({"a":"took {latencyMs}"})"), R"({"a":"took 42"})");
  EXPECT_EQ(Body(R"(["{latencyMs}","{latencyMs}"])"), "[42,42]");
  EXPECT_EQ(Body(R"({"a":"{latencyMs}{latencyMs}"})"), R"({"a":"4242"})");
  EXPECT_EQ(Body(R"({"a":"\"{latencyMs}\""})"), R"({"a":"\"42\""})") << "those quotes are content";
  EXPECT_EQ(Body(R"("{latencyMs}")"), "42");
}

TEST(RequestTemplate, ValuesCannotBreakOutOfTheirString) {
  TemplateValues evil = kValues;
  const std::string text = "a\"b\\c\n\r\t\x01\x1f\0/ \xC3\xBC\xF0\x9F\x98\x80{queue}\",\"x\":\""s;
  evil.intent = text;
  const std::string escaped =
      "a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\\u0000/ \xC3\xBC\xF0\x9F\x98\x80{queue}\\\",\\\"x\\\":\\\"";
  EXPECT_EQ(Body(R"({"a":"{intent}"})", evil), "{\"a\":\"" + escaped + "\"}");
  EXPECT_EQ(Body(R"({"a":"<{intent}>"})", evil), "{\"a\":\"<" + escaped + ">\"}");
}

TEST(RequestTemplate, ValuesCannotBreakOutOfTheirSegment) {
  TemplateValues evil = kValues;
  const std::string text = "../a b?c#d%2F\r\n\0\xC3\xBC"s;
  evil.session_id = text;
  EXPECT_EQ(Render("/s/{sessionId}/state", "", evil).target,
            "/s/..%2Fa%20b%3Fc%23d%252F%0D%0A%00%C3%BC/state");
  evil.session_id = "..";
  EXPECT_EQ(Render("/s/{sessionId}/state", "", evil).target, "/s/%2E%2E/state");
}

TEST(RequestTemplate, EmptyValues) {
  TemplateValues empty = kValues;
  empty.queue = {};
  EXPECT_EQ(Body(R"({"a":"{queue}","b":"x{queue}y"})", empty), R"({"a":"","b":"xy"})");
}

TEST(RequestTemplate, OtherBracesAreText) {
  for (const char* body : {R"({})", R"({"a":{}})", R"({"a":{"b":{}}})", R"({"a":"{}"})",
                           R"({"a":"{ eventId }"})", R"({"a":"{eventId"})", R"({"a":"eventId}"})",
                           R"({"a":"{event-id}"})", R"([{"a":1},{"b":2}])", R"({"a":"{"})"}) {
    EXPECT_EQ(Body(body), body);
  }
  EXPECT_EQ(Body(R"({"a":"{{eventId}}"})"), R"({"a":"{e-1}"})");
}

TEST(RequestTemplate, AnUnknownPlaceholderIsNamed) {
  for (const auto& [path, body] : {std::pair<const char*, const char*>{"/{sesionId}", "{}"},
                                   {"/", R"({"a":"{sesionId}"})"},
                                   {"/", R"({"a":"x {sesionId} y"})"}}) {
    const auto compiled = RequestTemplate::Compile("POST", path, body);
    ASSERT_FALSE(compiled.ok());
    EXPECT_EQ(compiled.error().code, ErrorCode::kConfigInvalid);
    EXPECT_NE(compiled.error().message.find("{sesionId}"), std::string::npos);
    EXPECT_NE(compiled.error().message.find("sessionId,"), std::string::npos) << "and those that exist";
  }
  EXPECT_FALSE(RequestTemplate::Compile("POST", "/{EventId}", "").ok()) << "names are case-sensitive";
}

TEST(RequestTemplate, TheSameValuesGiveTheSameBytes) {
  const auto compiled = RequestTemplate::Compile("PUT", "/{eventId}", R"({"at":"{processedAt}"})");
  ASSERT_TRUE(compiled.ok());
  const net::Request first = compiled->Render(kValues, "k");
  const net::Request second = compiled->Render(kValues, "k");
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(first.headers, second.headers);
  EXPECT_EQ(first.target, second.target);
}

}  // namespace
}  // namespace trunkline::delivery
