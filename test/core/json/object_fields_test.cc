// Picked members: each by its kind, within bounds, the last of a name. What is not JSON is in
// event_fields_test.cc.
#include "json/object_fields.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>

namespace trunkline::json {
namespace {

// What is found under "it": a string quoted, a number by its value, else the kind.
std::string Picked(std::string_view body) {
  std::array<Member, 2> members = {{{.name = "other"}, {.name = "it"}}};
  const Status read = PickMembers(AsBytes(body), members, 10);
  if (!read) {
    EXPECT_EQ(read.error().code, ErrorCode::kMalformedPayload);
    return "(" + read.error().message + ")";
  }
  const Member& it = members[1];
  switch (it.kind) {
    case Member::Kind::kAbsent:
      return "absent";
    case Member::Kind::kText:
      return "'" + it.text + "'";
    case Member::Kind::kTooLong:
      return "too long" + it.text;
    case Member::Kind::kNumber:
      return std::to_string(it.number) + it.text;
    case Member::Kind::kOther:
      return "other" + it.text;
  }
  return "?";
}

TEST(ObjectFields, ComeByKind) {
  EXPECT_EQ(Picked("{}"), "absent");
  EXPECT_EQ(Picked(R"({"other":"x"})"), "absent");
  EXPECT_EQ(Picked(R"({"it":"text"})"), "'text'");
  EXPECT_EQ(Picked(R"({"it":""})"), "''");
  EXPECT_EQ(Picked(R"({"it":3600})"), "3600.000000");
  EXPECT_EQ(Picked(R"({"it":-1.5})"), "-1.500000");
  EXPECT_EQ(Picked(R"({"it":18446744073709551615})"), "18446744073709551616.000000");
  for (const char* value : {"true", "false", "null", "[]", "{}", R"(["it","x"])", R"({"it":"x"})"}) {
    EXPECT_EQ(Picked("{\"it\":" + std::string(value) + "}"), "other") << value;
  }
}

TEST(ObjectFields, ANumberTooLargeForADoubleIsNoError) {
  std::array<Member, 1> members = {{{.name = "it"}}};
  ASSERT_TRUE(PickMembers(AsBytes(R"({"it":1e999})"), members, 10));
  EXPECT_EQ(members[0].kind, Member::Kind::kNumber);
  EXPECT_FALSE(std::isfinite(members[0].number));
}

TEST(ObjectFields, TheLastOfANameCounts) {
  EXPECT_EQ(Picked(R"({"it":"text","it":7})"), "7.000000");
  EXPECT_EQ(Picked(R"({"it":7,"it":"text"})"), "'text'");
  EXPECT_EQ(Picked(R"({"it":"text","it":null})"), "other");
  EXPECT_EQ(Picked(R"({"it":"far too long","it":"text"})"), "'text'");
  EXPECT_EQ(Picked(R"({"it":"text","it":"far too long"})"), "too long");
  EXPECT_EQ(Picked(R"({"it":"text","IT":"x","data":{"it":"y"},"list":[{"it":"z"}]})"), "'text'");
}

TEST(ObjectFields, TextsAreBounded) {
  EXPECT_EQ(Picked(R"({"it":"0123456789"})"), "'0123456789'");
  EXPECT_EQ(Picked(R"({"it":"0123456789a"})"), "too long");
  EXPECT_EQ(Picked(R"({"it":"\u0030\u0031\u0032\u0033456789"})"), "'0123456789'");
  EXPECT_EQ(Picked(R"({"it":"\u0030\u0031\u0032\u00334567890123456789\u0030"})"), "too long");
  EXPECT_EQ(Picked(R"({"\u0069t":"escaped"})"), "'escaped'");
}

TEST(ObjectFields, TheReasonStandsAlone) {
  EXPECT_EQ(Picked("[]"), "(not a JSON object)");
  EXPECT_EQ(Picked("<html>"), "(not valid JSON (syntax error, at byte 0))");
  EXPECT_EQ(Picked(""), "(not valid JSON (incomplete JSON, at byte 0))");
  EXPECT_EQ(Picked("{\"x\":" + std::string(64, '[')), "(nested deeper than 64)");
}

}  // namespace
}  // namespace trunkline::json
