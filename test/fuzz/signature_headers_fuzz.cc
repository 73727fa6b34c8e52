// Fuzzes SignatureVerifier: hostile headers get a verdict, and only what Sign writes is valid.
// The input's lines are signature, id, timestamp and body; each scheme judges the same.
#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/signature_verifier.h"
#include "require.h"

namespace {

using trunkline::AsBytes;
using trunkline::ByteView;
using trunkline::fuzz::Require;
using trunkline::fuzz::TakeUntil;
using namespace trunkline::crypto;

constexpr std::int64_t kNow = 1'614'265'330;

std::vector<SignatureVerifier>& Verifiers() {
  static std::vector<SignatureVerifier> verifiers = [] {
    std::vector<SignatureVerifier> made;
    for (const char* name : {"cognigy", "open-messaging", "standard-webhooks"}) {
      made.push_back(
          std::move(SignatureVerifier::Create(*FindScheme(name), {{'n', 'e', 'w'}, {'o', 'l', 'd'}}))
              .value());
    }
    return made;
  }();
  return verifiers;
}

bool SameButForCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Judges a header that came, then one that Sign wrote for the same body.
void Check(SignatureVerifier& verifier, std::string_view body, const SignatureHeaders& given) {
  const SignatureScheme& scheme = verifier.scheme();
  const Verification verification = verifier.Verify(AsBytes(body), given, kNow);
  const bool valid = verification.verdict == Verdict::kValid;
  Require(verification.secret_index < 2, "the index names a secret");
  Require((verification.verdict == Verdict::kMissing) ==
              (given.signature.empty() ||
               (scheme.standard_webhooks && (given.id.empty() || given.timestamp.empty()))),
          "missing means absent");
  if (!scheme.standard_webhooks) {
    Require(verification.verdict != Verdict::kExpired, "only timestamped schemes expire");
    const std::string expected = verifier.Sign(AsBytes(body), "", 0).back().second;
    const bool same = scheme.encoding == Encoding::kHex ? SameButForCase(given.signature, expected)
                                                        : given.signature == expected;
    if (valid && verification.secret_index == 0) Require(same, "valid is what Sign writes");
    if (same) Require(valid && verification.secret_index == 0, "what Sign writes is valid");
    Require(verifier.Verify(AsBytes(body), {expected}, kNow).verdict == Verdict::kValid,
            "signed, then verified");
    return;
  }
  if (!valid) return;
  Require(given.signature.size() <= 8192, "headers are bounded");
  Require(given.timestamp.find_first_not_of("0123456789") == std::string_view::npos, "timestamps are digits");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = trunkline::AsText(ByteView(data, size));
  SignatureHeaders given;
  given.signature = TakeUntil('\n', rest);
  given.id = TakeUntil('\n', rest);
  given.timestamp = TakeUntil('\n', rest);
  for (SignatureVerifier& verifier : Verifiers()) Check(verifier, rest, given);

  // An id that a header can carry, signed now, is valid now, also behind whatever well-formed entries came.
  SignatureVerifier& standard = Verifiers().back();
  if (!given.id.empty() && given.id.size() <= 8192 &&
      given.id.find_first_of(", \t\n\v\f\r") == std::string_view::npos) {
    const auto headers = standard.Sign(AsBytes(rest), given.id, kNow);
    const std::string& signature = headers[2].second;
    Require(standard.Verify(AsBytes(rest), {signature, given.id, headers[1].second}, kNow).verdict ==
                Verdict::kValid,
            "signed, then verified");
    const std::string joined = std::string(given.signature) + " " + signature;
    const Verdict verdict =
        standard.Verify(AsBytes(rest), {joined, given.id, headers[1].second}, kNow).verdict;
    Require(verdict == Verdict::kValid || verdict == Verdict::kMalformed, "one good entry suffices");
    // Whatever came instead cannot be valid without being, or holding, the very text that Sign writes.
    const Verification alone =
        standard.Verify(AsBytes(rest), {given.signature, given.id, headers[1].second}, kNow);
    if (alone.verdict == Verdict::kValid && alone.secret_index == 0) {
      Require(given.signature.find(signature) != std::string_view::npos, "valid is what Sign writes");
    }
  }
  return 0;
}
