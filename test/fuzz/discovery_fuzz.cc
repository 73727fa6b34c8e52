// Fuzzes ParseConfiguration: only a configuration of the issuer that was asked leads anywhere.
// The input: the body of an issuer's answer.
#include <cstdint>
#include <string>

#include "oauth/discovery.h"
#include "require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using trunkline::ErrorCode;
  using trunkline::fuzz::Require;
  using namespace trunkline::oauth;
  const std::string body(reinterpret_cast<const char*>(data), size);
  const auto found = ParseConfiguration({.status = 200, .body = body}, "https://login.example");
  if (!found.ok()) {
    const ErrorCode code = found.error().code;
    Require(code == ErrorCode::kMalformedResponse || code == ErrorCode::kConfigInvalid, "two error codes");
    Require(found.error().message.size() < 200, "messages repeat nothing of the answer");
    return 0;
  }
  Require(!found->empty() && found->size() <= kMaxTokenUrlBytes, "a token endpoint within its bound");
  Require(!ParseConfiguration({.status = 200, .body = body}, "https://other.example").ok(),
          "the same answer is of no use to another issuer");
  return 0;
}
