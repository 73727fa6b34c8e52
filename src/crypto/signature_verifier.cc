// Signature schemes as rows of a table, and the one judgement that reads them.
#include "crypto/signature_verifier.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

namespace trunkline::crypto {
namespace {

// Adding a scheme is adding a row; docs and the type of the `scheme` option name it too.
const std::array<SignatureScheme, 4>& Schemes() {
  // Never destroyed: FindScheme's pointers stay good while the process exits.
  static const auto& schemes = *new std::array<SignatureScheme, 4>{{
      {"cognigy", Digest::kSha256, Encoding::kHex, "X-Cognigy-Signature"},
      {"connector", Digest::kSha256, Encoding::kHex, "X-Webhook-Signature"},
      {"open-messaging", Digest::kSha256, Encoding::kBase64, "X-Hub-Signature-256", "sha256="},
      {"standard-webhooks", Digest::kSha256, Encoding::kBase64, "webhook-signature", "v1,", true},
  }};
  return schemes;
}

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kSignatureVersion = "v1";
constexpr std::size_t kMaxHeaderBytes = 8192;    // of a standard-webhooks header
constexpr std::size_t kMaxEntries = 64;          // signatures in one header
constexpr std::size_t kMaxTimestampDigits = 18;  // more could overflow, and are 30 billion years away

using Code = std::array<std::uint8_t, kMaxDigestSize>;

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// A header that came several times arrives joined by ", "; taken for one id it would never match anyway.
bool IsOneId(std::string_view id) {
  return id.size() <= kMaxHeaderBytes &&
         std::none_of(id.begin(), id.end(), [](char c) { return c == ',' || IsSpace(c); });
}

std::optional<std::int64_t> ReadTimestamp(std::string_view text) {
  if (text.size() > kMaxTimestampDigits) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds;
}

std::uint64_t Distance(std::int64_t a, std::int64_t b) {
  // In unsigned arithmetic, where no pair of times can overflow.
  return a > b ? static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)
               : static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a);
}

// The codes of a "v1,… v1a,… v1,…" header in `codes`, or nullopt when it is malformed.
std::optional<std::size_t> ReadEntries(std::string_view header, Encoding encoding, std::size_t size,
                                       std::array<Code, kMaxEntries>& codes) {
  if (header.size() > kMaxHeaderBytes) return std::nullopt;
  std::size_t entries = 0;
  std::size_t found = 0;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(' '), header.size());
    const std::string_view entry = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    if (++entries > kMaxEntries) return std::nullopt;
    const std::size_t comma = std::min(entry.find(','), entry.size());
    if (entry.substr(0, comma) != kSignatureVersion) continue;
    if (comma == entry.size()) return std::nullopt;
    if (!DecodeExactly(entry.substr(comma + 1), encoding, std::span(codes[found]).first(size)))
      return std::nullopt;
    ++found;
  }
  if (found == 0) return std::nullopt;
  return found;
}

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

}  // namespace

const SignatureScheme* FindScheme(std::string_view name) {
  for (const SignatureScheme& scheme : Schemes()) {
    if (scheme.name == name) return &scheme;
  }
  return nullptr;
}

std::string_view ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kValid:
      return "valid";
    case Verdict::kMissing:
      return "missing";
    case Verdict::kMalformed:
      return "malformed";
    case Verdict::kMismatch:
      return "mismatch";
    case Verdict::kExpired:
      return "expired";
  }
  return "malformed";
}

SignatureVerifier::SignatureVerifier(SignatureScheme scheme, std::vector<Hmac> keys,
                                     std::int64_t tolerance_seconds)
    : scheme_(std::move(scheme)), keys_(std::move(keys)), tolerance_seconds_(tolerance_seconds) {}

Result<SignatureVerifier> SignatureVerifier::Create(SignatureScheme scheme,
                                                    const std::vector<std::vector<std::uint8_t>>& secrets,
                                                    std::int64_t tolerance_seconds) {
  const auto invalid = [](std::string message) {
    return Error{ErrorCode::kConfigInvalid, std::move(message)};
  };
  if (scheme.header.empty() || !IsPrintable(scheme.header)) {
    return invalid("scheme.header: expected the name of a header");
  }
  // A space at an end would be trimmed on the way, and a line break would start a header of its own.
  if (!IsPrintable(scheme.prefix)) return invalid("scheme.prefix: expected printable ASCII without spaces");
  if (tolerance_seconds < 0) return invalid("toleranceSeconds: expected 0 or more, got a negative number");
  if (secrets.empty()) return invalid("secrets: expected at least one, got none");
  std::vector<Hmac> keys;
  keys.reserve(secrets.size());
  for (const std::vector<std::uint8_t>& secret : secrets) {
    Result<Hmac> key = Hmac::Create(scheme.digest, secret);
    if (!key) return key.error();
    keys.push_back(std::move(key).value());
  }
  return SignatureVerifier(std::move(scheme), std::move(keys), tolerance_seconds);
}

Verification SignatureVerifier::Verify(ByteView body, const SignatureHeaders& headers,
                                       std::int64_t now_seconds) {
  const std::size_t size = DigestSize(scheme_.digest);
  const bool standard = scheme_.standard_webhooks;
  if (headers.signature.empty()) return {Verdict::kMissing};
  if (standard && (headers.id.empty() || headers.timestamp.empty())) return {Verdict::kMissing};

  std::array<Code, kMaxEntries> given;  // left uninitialised: 4 KiB, of which mostly one row is used
  std::size_t given_count = 1;
  if (standard) {
    const std::optional<std::int64_t> sent = ReadTimestamp(headers.timestamp);
    const std::optional<std::size_t> count = ReadEntries(headers.signature, scheme_.encoding, size, given);
    if (!sent || !count || !IsOneId(headers.id)) return {Verdict::kMalformed};
    if (Distance(now_seconds, *sent) > static_cast<std::uint64_t>(tolerance_seconds_))
      return {Verdict::kExpired};
    given_count = *count;
  } else {
    if (!headers.signature.starts_with(scheme_.prefix)) return {Verdict::kMalformed};
    const std::string_view text = headers.signature.substr(scheme_.prefix.size());
    if (!DecodeExactly(text, scheme_.encoding, std::span(given[0]).first(size))) return {Verdict::kMalformed};
  }

  // No early exit: how long this takes says nothing about which secret or which entry fitted.
  Verification verification{Verdict::kMismatch};
  for (std::size_t i = keys_.size(); i-- > 0;) {
    Code expected;
    if (standard) {
      keys_[i].Compute({AsBytes(headers.id), AsBytes("."), AsBytes(headers.timestamp), AsBytes("."), body},
                       expected);
    } else {
      keys_[i].Compute({body}, expected);
    }
    for (std::size_t k = 0; k < given_count; ++k) {
      if (ConstantTimeEqual(std::span(given[k]).first(size), std::span(expected).first(size))) {
        verification = {Verdict::kValid, i};
      }
    }
  }
  return verification;
}

std::vector<std::pair<std::string, std::string>> SignatureVerifier::Sign(ByteView body, std::string_view id,
                                                                         std::int64_t timestamp_seconds) {
  Code code;
  const auto value = [&] {
    return scheme_.prefix + Encode(std::span(code).first(DigestSize(scheme_.digest)), scheme_.encoding);
  };
  if (!scheme_.standard_webhooks) {
    keys_.front().Compute({body}, code);
    return {{scheme_.header, value()}};
  }
  const std::string timestamp = std::to_string(timestamp_seconds);
  keys_.front().Compute({AsBytes(id), AsBytes("."), AsBytes(timestamp), AsBytes("."), body}, code);
  return {{"webhook-id", std::string(id)}, {"webhook-timestamp", timestamp}, {scheme_.header, value()}};
}

Result<std::vector<std::uint8_t>> KeyFromText(const SignatureScheme& scheme, std::string_view secret) {
  const auto invalid = [](const char* message) { return Error{ErrorCode::kConfigInvalid, message}; };
  if (scheme.standard_webhooks) {
    if (secret.starts_with(kSecretPrefix)) secret.remove_prefix(kSecretPrefix.size());
    std::optional<std::vector<std::uint8_t>> key = Decode(secret, Encoding::kBase64);
    if (!key) return invalid("secret: expected base64 after \"whsec_\", padded and without white space");
    if (key->empty()) return invalid("secret: expected at least one byte, got none");
    return *std::move(key);
  }
  if (secret.empty()) return invalid("secret: expected at least one character, got none");
  const ByteView bytes = AsBytes(secret);
  return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
}

}  // namespace trunkline::crypto
