// The error table: complete, unambiguous, and in step with the statuses that it stands for.
#include "base/errors.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace trunkline {
namespace {

TEST(Errors, NamesAreUniqueAndWritten) {
  std::set<std::string_view> names;
  for (const ErrorInfo& info : ErrorTable()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(info.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), std::string_view::npos)
        << info.name;
    EXPECT_FALSE(info.hint.empty()) << info.name;
  }
  EXPECT_EQ(names.size(), 25U);
}

TEST(Errors, DescribeFindsTheRowOfACode) {
  EXPECT_EQ(Describe(ErrorCode::kAuthenticationFailed).name, "AUTHENTICATION_FAILED");
  EXPECT_EQ(Describe(ErrorCode::kMalformedPayload).name, "MALFORMED_PAYLOAD");
  EXPECT_EQ(Describe(ErrorCode::kConfigInvalid).name, "CONFIG_INVALID");
}

TEST(Errors, RetryableIsWhatTheContractLists) {
  const std::set<std::string_view> expected = {"RATE_LIMITED",      "UPSTREAM_ERROR", "TIMEOUT",
                                               "CONNECTION_FAILED", "DNS_FAILED",     "MALFORMED_RESPONSE",
                                               "CIRCUIT_OPEN",      "QUEUE_FULL",     "STORE_UNAVAILABLE"};
  std::set<std::string_view> retryable;
  for (const ErrorInfo& info : ErrorTable()) {
    if (info.retryable) retryable.insert(info.name);
  }
  EXPECT_EQ(retryable, expected);
}

TEST(Errors, CodeForStatus) {
  const std::pair<int, ErrorCode> cases[] = {{100, ErrorCode::kUnexpectedStatus},
                                             {301, ErrorCode::kUnexpectedStatus},
                                             {399, ErrorCode::kUnexpectedStatus},
                                             {400, ErrorCode::kBadRequest},
                                             {401, ErrorCode::kAuthenticationFailed},
                                             {403, ErrorCode::kAuthorizationFailed},
                                             {404, ErrorCode::kNotFound},
                                             {405, ErrorCode::kBadRequest},
                                             {408, ErrorCode::kTimeout},
                                             {409, ErrorCode::kConflict},
                                             {422, ErrorCode::kBadRequest},
                                             {429, ErrorCode::kRateLimited},
                                             {499, ErrorCode::kBadRequest},
                                             {500, ErrorCode::kUpstreamError},
                                             {501, ErrorCode::kUpstreamError},
                                             {503, ErrorCode::kUpstreamError},
                                             {599, ErrorCode::kUpstreamError}};
  for (const auto& [status, code] : cases) EXPECT_EQ(CodeForStatus(status), code) << status;
}

TEST(Errors, IsRetryableStatus) {
  for (const int status : {408, 429, 500, 502, 503, 504, 599})
    EXPECT_TRUE(IsRetryableStatus(status)) << status;
  for (const int status : {200, 301, 400, 401, 403, 404, 409, 501})
    EXPECT_FALSE(IsRetryableStatus(status)) << status;
}

}  // namespace
}  // namespace trunkline
