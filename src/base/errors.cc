#include "base/errors.h"

#include <array>

namespace trunkline {
namespace {

constexpr ErrorInfo kTable[] = {
#define TRUNKLINE_ERROR(cpp_name, outside_name, retryable, hint) {#outside_name, retryable, hint},
#include "errors.def"
#undef TRUNKLINE_ERROR
};

}  // namespace

std::span<const ErrorInfo> ErrorTable() { return kTable; }

const ErrorInfo& Describe(ErrorCode code) { return kTable[static_cast<std::size_t>(code)]; }

ErrorCode CodeForStatus(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kAuthenticationFailed;
    case 403:
      return ErrorCode::kAuthorizationFailed;
    case 404:
      return ErrorCode::kNotFound;
    case 408:
      return ErrorCode::kTimeout;
    case 409:
      return ErrorCode::kConflict;
    case 429:
      return ErrorCode::kRateLimited;
    default:
      break;
  }
  if (status >= 500) return ErrorCode::kUpstreamError;
  if (status >= 400) return ErrorCode::kBadRequest;
  return ErrorCode::kUnexpectedStatus;
}

bool IsRetryableStatus(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501);
}

}  // namespace trunkline
