// The error vocabulary of the core: one code per kind of failure, with what the table in errors.def says of
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace trunkline {

enum class ErrorCode : std::uint8_t {
#define TRUNKLINE_ERROR(cpp_name, outside_name, retryable, hint) k##cpp_name,
#include "errors.def"
#undef TRUNKLINE_ERROR
};

struct ErrorInfo {
  std::string_view name;  // as users match it, e.g. "RATE_LIMITED"
  bool retryable;         // may the same call succeed later?
  std::string_view hint;  // what a person can do about it
};

// All rows, indexed by the numeric value of ErrorCode.
std::span<const ErrorInfo> ErrorTable();
const ErrorInfo& Describe(ErrorCode code);

// What a platform said when it refused. Not for messages or logs: it may repeat what was sent.
struct RefusedAnswer {
  std::string header_lines;  // "name: value\n" for each, names in lower case
  std::string body;
};

// A failure on its way to whoever asked. `message` never holds a secret. Empty `hint` means the table's.
struct Error {
  ErrorCode code = ErrorCode::kConfigInvalid;
  std::string message;
  std::string hint{};
  int status = 0;                    // the platform's HTTP status; 0: none came
  int attempts = 0;                  // tries made; 0: not a matter of tries
  std::int64_t retry_after_ms = -1;  // what the platform asked to wait; -1: nothing
  bool nothing_sent =
      false;               // no byte of the request left this machine: trying again cannot do anything twice
  std::string platform{};  // who was asked; empty: nobody
  std::shared_ptr<const RefusedAnswer> answer{};  // null: none came
};

// The code that an HTTP status outside 2xx stands for.
ErrorCode CodeForStatus(int status);

// 408, 429 and 5xx but 501: the statuses after which the same request may succeed.
bool IsRetryableStatus(int status);

}  // namespace trunkline
