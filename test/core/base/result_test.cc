// Result: holds one of two, moves either.
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace trunkline {
namespace {

TEST(Result, HoldsAValue) {
  Result<std::string> result = std::string("value");
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(*result, "value");
  EXPECT_EQ(result->size(), 5U);
  result.value() += "!";
  EXPECT_EQ(std::move(result).value(), "value!");
}

TEST(Result, HoldsAnError) {
  const Result<int> result = Error{ErrorCode::kNotFound, "no such thing"};
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(result.error().message, "no such thing");
  EXPECT_EQ(result.error().status, 0);
  EXPECT_EQ(result.error().retry_after_ms, -1);
}

TEST(Result, CarriesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(Result, StatusHasNothingToSayButWhetherItWorked) {
  const Status status = Ok();
  EXPECT_TRUE(status.ok());
  const Status failed = Error{ErrorCode::kClosed, "closed"};
  EXPECT_FALSE(failed.ok());
}

}  // namespace
}  // namespace trunkline
