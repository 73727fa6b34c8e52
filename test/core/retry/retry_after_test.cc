// Retry-After: what is a wait, what is a date, and what is neither.
#include "retry/retry_after.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace trunkline::retry {
namespace {

using namespace std::string_literals;
// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
constexpr std::int64_t kExampleMs = 784'111'777'000;

std::optional<std::int64_t> Parse(std::string_view value, std::int64_t now = kExampleMs) {
  return ParseRetryAfter(value, now);
}

TEST(RetryAfter, SecondsBecomeMilliseconds) {
  EXPECT_EQ(Parse("0"), 0);
  EXPECT_EQ(Parse("1"), 1000);
  EXPECT_EQ(Parse("120"), 120'000);
  EXPECT_EQ(Parse("00000000000000000000000000000005"), 5000);
}

TEST(RetryAfter, ANumberTooLargeToHoldIsTheLongestWait) {
  const auto longest = Parse("99999999999999999999999999");
  ASSERT_TRUE(longest.has_value());
  EXPECT_GT(*longest, std::int64_t{1} << 60);
  EXPECT_EQ(Parse("9223372036854775807"), longest) << "a number that fits, but not as milliseconds";
  EXPECT_EQ(Parse("18446744073709551616"), longest) << "2^64 must not wrap to 0";
  EXPECT_EQ(Parse(std::string(1 << 20, '9')), longest);
  // Whoever adds it to the present time must not overflow.
  EXPECT_LT(*longest, std::numeric_limits<std::int64_t>::max() - 4'102'444'800'000);
}

TEST(RetryAfter, WhatIsNeitherIsNothing) {
  for (const std::string& value : {std::string(),
                                   "-1"s,
                                   "+1"s,
                                   "1.5"s,
                                   "1,5"s,
                                   "1e3"s,
                                   "0x10"s,
                                   "1s"s,
                                   " 1"s,
                                   "1 "s,
                                   "1\t"s,
                                   "\r\n1"s,
                                   "1\0"s,
                                   "\0001"s,
                                   "soon"s,
                                   " "s,
                                   "\xD9\xA1"s,
                                   "1, 2"s,
                                   std::string(1 << 20, 'x'),
                                   std::string(1 << 20, ' '),
                                   std::string(1 << 20, '9') + "x"}) {
    EXPECT_EQ(Parse(value), std::nullopt) << value.substr(0, 40);
  }
}

TEST(RetryAfter, AllThreeFormsOfADate) {
  for (const char* date :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(Parse(date, kExampleMs - 90'500), 90'500) << date;
    EXPECT_EQ(Parse(date, kExampleMs), 0) << date;
    EXPECT_EQ(Parse(date, kExampleMs + 1), 0) << date << ": in the past";
  }
  EXPECT_EQ(Parse("Sun Nov 13 08:49:37 1994"), 7 * 86'400'000) << "asctime's day with two digits";
  EXPECT_EQ(Parse("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
}

TEST(RetryAfter, DatesOfEveryMonth) {
  const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::int64_t day_ms = 1'767'225'600'000;  // 2026-01-01
  for (int month = 0; month < 12; ++month) {
    for (int day = 1; day <= 31; ++day) {
      const std::string two_digits = (day < 10 ? "0" : "") + std::to_string(day);
      const std::string date = "Mon, " + two_digits + " " + months[month] + " 2026 00:00:00 GMT";
      if (day > days[month]) {
        EXPECT_EQ(Parse(date, 0), std::nullopt) << date;
      } else {
        EXPECT_EQ(Parse(date, 0), day_ms) << date;
        day_ms += 86'400'000;
      }
    }
  }
}

TEST(RetryAfter, ImpossibleDatesAreNothing) {
  for (const char* date :
       {"Sun, 31 Feb 1994 08:49:37 GMT", "Mon, 29 Feb 2027 08:49:37 GMT", "Sun, 31 Apr 2094 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(Parse(date), std::nullopt) << date;
  }
  EXPECT_NE(Parse("Tue, 29 Feb 2028 08:49:37 GMT"), std::nullopt) << "a leap year";
}

TEST(RetryAfter, ALeapSecondIsATimeOfDay) {
  EXPECT_EQ(Parse("Sat, 31 Dec 2016 23:59:60 GMT", 0), 1'483'228'800'000);
}

// RFC 9110, 5.6.7: HTTP-date is case-sensitive, and has no optional white space.
TEST(RetryAfter, WhatOnlyResemblesADateIsNothing) {
  for (const std::string& date : {"Sun, 06 Nov 1994 08:49:37 gmt"s,  "sun, 06 Nov 1994 08:49:37 GMT"s,
                                  "SUN, 06 NOV 1994 08:49:37 GMT"s,  "Sun, 06 Nov 1994 08:49:37"s,
                                  "Sun, 06 Nov 1994 08:49:37 UTC"s,  "Sun, 06 Nov 1994 08:49:37 +0000"s,
                                  "Sun, 06 Nov 1994 08:49:37 GMT "s, " Sun, 06 Nov 1994 08:49:37 GMT"s,
                                  "Sun, 06 Nov 1994 08:49:37 GMTx"s, "Sun, 06 Nov 1994 08:49:37 GMT\0"s,
                                  "Sun, 06\0Nov 1994 08:49:37 GMT"s, "Sun, 6 Nov 1994 08:49:37 GMT"s,
                                  "Sun,06 Nov 1994 08:49:37 GMT"s,   "Sun, 06  Nov 1994 08:49:37 GMT"s,
                                  "Sun, 06 Nov 94 08:49:37 GMT"s,    "Sun, 06-Nov-1994 08:49:37 GMT"s,
                                  "Sun, 06 Nov 1994 8:49:37 GMT"s,   "1994-11-06T08:49:37Z"s,
                                  "Sun Nov  6 08:49:37 1994 GMT"s,   "Sun, 06 Nov -994 08:49:37 GMT"s}) {
    EXPECT_EQ(Parse(date, 0), std::nullopt) << date;
  }
}

TEST(RetryAfter, TwoDigitsOfAYearLieAtMostFiftyYearsAhead) {
  constexpr std::int64_t kIn2026 = 1'790'000'000'000;
  constexpr std::int64_t kJanuary2076 = 3'345'062'400'000;
  EXPECT_EQ(Parse("Wednesday, 01-Jan-76 00:00:00 GMT", kIn2026), kJanuary2076 - kIn2026);
  EXPECT_EQ(Parse("Saturday, 01-Jan-77 00:00:00 GMT", kIn2026), 0) << "1977";
  EXPECT_EQ(Parse("Sunday, 06-Nov-94 08:49:37 GMT", kIn2026), 0) << "1994";
}

// Found by fuzzing: parseRetryAfter takes any number for the present time.
TEST(RetryAfter, ATimeOutOfReasonDoesNoHarm) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  EXPECT_GT(Parse("Sun, 06 Nov 1994 08:49:37 GMT", kLeast).value_or(-1), 0);
  EXPECT_EQ(Parse("Sun, 06 Nov 1994 08:49:37 GMT", kMost), 0);
  for (const std::int64_t now : {kLeast, kMost}) {
    EXPECT_GE(Parse("Sunday, 06-Nov-94 08:49:37 GMT", now).value_or(-1), 0);
    EXPECT_EQ(Parse("7", now), 7000);
  }
}

}  // namespace
}  // namespace trunkline::retry
