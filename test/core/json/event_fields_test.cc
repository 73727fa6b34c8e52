// Event fields: picked from anything that is JSON, refused with the reason from anything that is not.
#include "json/event_fields.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trunkline::json {
namespace {

const std::string kEvent =
    R"({"webhookEventId":"e-1","intent":"billing","dialogId":"d-1","sessionId":"s-1"})";

// The event with `member` put first or last.
std::string WithFirst(const std::string& member) { return "{" + member + "," + kEvent.substr(1); }
std::string WithLast(const std::string& member) {
  return kEvent.substr(0, kEvent.size() - 1) + "," + member + "}";
}

std::string Refusal(std::string_view text) {
  const Result<EventFields> fields = ParseEventFields(AsBytes(text));
  if (fields.ok()) return "(accepted)";
  EXPECT_EQ(fields.error().code, ErrorCode::kMalformedPayload);
  return fields.error().message;
}

std::string IntentOf(std::string_view text) {
  const Result<EventFields> fields = ParseEventFields(AsBytes(text));
  return fields.ok() ? fields->intent : "(" + fields.error().message + ")";
}

std::string Nested(std::size_t arrays) {
  return WithLast("\"x\":" + std::string(arrays, '[') + std::string(arrays, ']'));
}

TEST(EventFields, ArePicked) {
  const auto fields = ParseEventFields(AsBytes(kEvent));
  ASSERT_TRUE(fields.ok());
  EXPECT_EQ(fields->event_id, "e-1");
  EXPECT_EQ(fields->intent, "billing");
  EXPECT_EQ(fields->dialog_id, "d-1");
  EXPECT_EQ(fields->session_id, "s-1");
}

TEST(EventFields, WhiteSpaceAndOtherMembersDoNotMatter) {
  EXPECT_EQ(IntentOf("\r\n\t " + kEvent + " \n\t\r"), "billing");
  EXPECT_EQ(IntentOf(WithFirst(R"("a":[1,-2.5e3,true,false,null,{"b":[]},"c"],"d":18446744073709551615)")),
            "billing");
  EXPECT_EQ(IntentOf(WithFirst(R"("":"x","inten":"y","intents":"z","Intent":"q","intentintentintent":"r")")),
            "billing");
}

TEST(EventFields, NestedMembersOfTheSameNameDoNotCount) {
  EXPECT_EQ(IntentOf(WithLast(R"("data":{"intent":"wrong","webhookEventId":7})")), "billing");
  EXPECT_EQ(IntentOf(WithLast(R"("data":[{"intent":"wrong"}])")), "billing");
  EXPECT_EQ(Refusal(R"({"data":)" + kEvent + "}"),
            "Malformed payload. Missing fields: webhookEventId, intent, dialogId, sessionId");
  EXPECT_EQ(Refusal(WithLast(R"("intent":{"intent":"x"})")), "Malformed payload. Missing fields: intent");
  EXPECT_EQ(Refusal(WithLast(R"("intent":["x"])")), "Malformed payload. Missing fields: intent");
}

TEST(EventFields, EscapesAreUndone) {
  EXPECT_EQ(IntentOf(WithLast(R"("intent":"a\"\\\/\b\f\n\r\tz")")), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(IntentOf(WithLast(R"("intent":"\u00fc\u20AC\ud83d\ude00!")")),
            "\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80!");
  EXPECT_EQ(IntentOf(WithLast(R"("intent":"x\u0000y")")), std::string("x\0y", 3));
  EXPECT_EQ(IntentOf(WithLast(R"("\u0069nt\u0065nt":"escaped name")")), "escaped name");
  EXPECT_EQ(IntentOf(WithLast(R"("\u0069ntents":"x","\u0069nten":"y","intent\u0000":"z")")), "billing");
  EXPECT_EQ(IntentOf(WithLast("\"\\u0069" + std::string(5000, 'n') + "\\u0069\":\"x\"")), "billing");
}

TEST(EventFields, LongEscapedValuesComeWhole) {
  std::string json, plain;
  for (int i = 0; i < 340; ++i) json += "\\n" + std::string(1, 'a'), plain += "\na";
  EXPECT_EQ(IntentOf(WithLast("\"intent\":\"" + json + "\"")), plain);
}

TEST(EventFields, TheLastOfANameCounts) {
  EXPECT_EQ(IntentOf(WithLast(R"("intent":"later")")), "later");
  EXPECT_EQ(IntentOf(WithFirst(R"("intent":7)")), "billing");
  EXPECT_EQ(IntentOf(WithFirst("\"intent\":\"" + std::string(2000, 'x') + "\"")), "billing");
  for (const char* value : {"7", "-1", "1.5", "18446744073709551615", "true", "null", "[]", "{}", "\"\""}) {
    EXPECT_EQ(Refusal(WithLast("\"intent\":" + std::string(value))),
              "Malformed payload. Missing fields: intent")
        << value;
  }
}

TEST(EventFields, EveryMissingFieldIsNamedInOrder) {
  EXPECT_EQ(Refusal("{}"), "Malformed payload. Missing fields: webhookEventId, intent, dialogId, sessionId");
  EXPECT_EQ(Refusal(R"({"sessionId":"s","webhookEventId":"e"})"),
            "Malformed payload. Missing fields: intent, dialogId");
  EXPECT_EQ(Refusal(R"({"sessionId":"","webhookEventId":"e","intent":null,"dialogId":"d"})"),
            "Malformed payload. Missing fields: intent, sessionId");
}

TEST(EventFields, LengthIsBounded) {
  const auto with = [](std::size_t size) {
    return WithLast("\"webhookEventId\":\"" + std::string(size, 'x') + "\"");
  };
  EXPECT_EQ(IntentOf(with(kMaxFieldBytes)), "billing");
  EXPECT_EQ(Refusal(with(kMaxFieldBytes + 1)), "Malformed payload: webhookEventId is longer than 1024 bytes");
  EXPECT_EQ(Refusal(with(1 << 20)), "Malformed payload: webhookEventId is longer than 1024 bytes");
  EXPECT_EQ(Refusal(WithLast("\"intent\":\"" + std::string(1023, 'x') + "\\u00fc\"")),
            "Malformed payload: intent is longer than 1024 bytes");
  const std::string value = ":\"" + std::string(1025, 'x') + "\"";
  EXPECT_EQ(Refusal(WithLast("\"intent\"" + value + ",\"dialogId\"" + value)),
            "Malformed payload: intent, dialogId are longer than 1024 bytes");
  EXPECT_EQ(Refusal(WithLast("\"intent\"" + value + ",\"dialogId\":7")),
            "Malformed payload. Missing fields: dialogId");
}

TEST(EventFields, OnlyAnObjectWillDo) {
  for (const char* text : {"[]", "7", "-0.5", "\"text\"", "true", "null", "[{\"intent\":\"x\"}]"}) {
    EXPECT_EQ(Refusal(text), "Malformed payload: not a JSON object") << text;
  }
  EXPECT_EQ(Refusal("[" + kEvent + "]"), "Malformed payload: not a JSON object");
}

TEST(EventFields, DepthIsBounded) {
  EXPECT_EQ(IntentOf(Nested(kMaxDepth - 1)), "billing");
  EXPECT_EQ(Refusal(Nested(kMaxDepth)), "Malformed payload: nested deeper than 64");
  EXPECT_EQ(Refusal(Nested(100'000)), "Malformed payload: nested deeper than 64");
  std::string objects;
  for (int i = 0; i < 100; ++i) objects += "{\"intent\":";
  EXPECT_EQ(Refusal(objects), "Malformed payload: nested deeper than 64");
}

TEST(EventFields, WhatIsNotJsonIsRefused) {
  const std::string cases[] = {
      "",
      " ",
      "{",
      "}",
      "{]",
      "nul",
      "{'intent':'x'}",
      "{\"a\":1,}",
      "{\"a\":[1,]}",
      "{\"a\":01}",
      "{\"a\":+1}",
      "{\"a\":1.}",
      "{\"a\":.5}",
      "{\"a\":NaN}",
      "{\"a\":Infinity}",
      "{\"a\" 1}",
      "{a:1}",
      "{\"a\":\"\\x\"}",
      "{\"a\":\"\\u12g4\"}",
      "{\"a\":\"line\nbreak\"}",
      "{\"a\":\"\x01\"}",
      "// comment\n" + kEvent,
      kEvent + kEvent,
      kEvent + "x",
      kEvent + ",",
      kEvent + std::string(1, '\0'),
      kEvent.substr(0, kEvent.size() - 1),
      "\xEF\xBB\xBF" + kEvent,
      WithLast(R"("a":"\ud800")"),
      WithLast(R"("a":"\udc00")"),
      WithLast(R"("a":"\ud800\u0041")"),
      WithLast(R"("a":"\ud800x")"),
      WithLast(R"("\ud800":"key")"),
      WithLast("\"a\":\"\xFF\""),
      WithLast("\"a\":\"\xC0\xAF\""),
      WithLast("\"a\":\"\xE0\x80\xAF\""),
      WithLast("\"a\":\"\xED\xA0\x80\""),
      WithLast("\"a\":\"\xF4\x90\x80\x80\""),
      WithLast("\"a\":\"\xE2\x82\""),
      WithLast("\"\xFF\":\"key\""),
      "\xFF\xFE{\0}\0",
  };
  for (const std::string& text : cases) {
    const std::string refusal = Refusal(text);
    EXPECT_TRUE(refusal.starts_with("Malformed payload: not valid JSON (")) << text << " → " << refusal;
    EXPECT_TRUE(refusal.ends_with(")")) << refusal;
  }
}

TEST(EventFields, EveryTruncationIsRefused) {
  const std::string event = WithLast(R"("a":[1.5e3,"\ud83d\ude00",{"b":null}],"c":true)");
  ASSERT_EQ(IntentOf(event), "billing");
  for (std::size_t size = 0; size < event.size(); ++size) {
    // A buffer of its own, so that reading past the end is seen by the sanitizer.
    const std::vector<char> part(event.begin(), event.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(Refusal({part.data(), part.size()}).starts_with("Malformed payload: not valid JSON ("))
        << size;
  }
}

TEST(EventFields, TheReasonSaysWhere) {
  EXPECT_EQ(Refusal("{\"a\":x}"), "Malformed payload: not valid JSON (syntax error, at byte 5)");
  EXPECT_EQ(Refusal(kEvent + "!"),
            "Malformed payload: not valid JSON (extra data, at byte " + std::to_string(kEvent.size()) + ")");
  EXPECT_EQ(Refusal("{\"a\":"), "Malformed payload: not valid JSON (incomplete JSON, at byte 5)");
}

TEST(EventFields, NoRefusalRepeatsTheContent) {
  for (const std::string& text :
       {std::string("{\"S3CR3T\":S3CR3T}"), std::string("S3CR3T"), WithLast("\"intent\":[\"S3CR3T\"]"),
        WithLast("\"intent\":\"S3CR3T" + std::string(2000, 'x') + "\"")}) {
    EXPECT_EQ(Refusal(text).find("S3CR3T"), std::string::npos);
  }
}

}  // namespace
}  // namespace trunkline::json
