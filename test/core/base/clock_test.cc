#include "base/clock.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

TEST(ToIso8601, WritesWhatJavaScriptsToISOStringWrites) {
  EXPECT_EQ(ToIso8601(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(ToIso8601(1'795'336'895'007), "2026-11-22T08:41:35.007Z");
  EXPECT_EQ(ToIso8601(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(ToIso8601(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(ToIso8601(-62'167'219'200'000), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(ToIso8601(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
}

TEST(ToIso8601, StaysWithinYearsOfFourDigits) {
  EXPECT_EQ(ToIso8601(INT64_MAX), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(ToIso8601(INT64_MIN), "0000-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace trunkline
