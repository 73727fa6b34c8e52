// Signatures: what each scheme signs it verifies, and everything else gets the right verdict.
#include "crypto/signature_verifier.h"

#include <gtest/gtest.h>

#include <limits>

namespace trunkline::crypto {
namespace {

using Secrets = std::vector<std::vector<std::uint8_t>>;
constexpr std::int64_t kNow = 1'614'265'330;

std::vector<std::uint8_t> Bytes(std::string_view text) {
  const ByteView view = AsBytes(text);
  return {view.begin(), view.end()};
}

SignatureVerifier Make(const SignatureScheme& scheme, const std::vector<std::string>& secrets = {"secret"},
                       std::int64_t tolerance = 300) {
  Secrets keys;
  for (const std::string& secret : secrets) keys.push_back(Bytes(secret));
  return std::move(SignatureVerifier::Create(scheme, keys, tolerance)).value();
}
SignatureVerifier Make(std::string_view name, const std::vector<std::string>& secrets = {"secret"},
                       std::int64_t tolerance = 300) {
  return Make(*FindScheme(name), secrets, tolerance);
}

// The verdict on one signature header, of the simple schemes.
Verdict Judge(SignatureVerifier& verifier, std::string_view body, std::string_view signature) {
  return verifier.Verify(AsBytes(body), {signature}, kNow).verdict;
}

std::string SignatureOf(SignatureVerifier& verifier, std::string_view body) {
  return verifier.Sign(AsBytes(body), "msg_1", kNow).back().second;
}

const std::string_view kBodies[] = {"", "{}", std::string_view("a\0b\0", 4), "\xFF\xFE",
                                    "{\"event\":\"\xC3\xBC\"}"};
const std::string_view kSimple[] = {"cognigy", "connector", "open-messaging"};

TEST(Schemes, AreFoundByName) {
  EXPECT_EQ(FindScheme("cognigy")->header, "X-Cognigy-Signature");
  EXPECT_EQ(FindScheme("connector")->header, "X-Webhook-Signature");
  EXPECT_EQ(FindScheme("open-messaging")->header, "X-Hub-Signature-256");
  EXPECT_TRUE(FindScheme("standard-webhooks")->standard_webhooks);
  EXPECT_EQ(FindScheme("Cognigy"), nullptr);
  EXPECT_EQ(FindScheme(""), nullptr);
}

TEST(Verdicts, HaveTheirNames) {
  EXPECT_EQ(ToString(Verdict::kValid), "valid");
  EXPECT_EQ(ToString(Verdict::kMissing), "missing");
  EXPECT_EQ(ToString(Verdict::kMalformed), "malformed");
  EXPECT_EQ(ToString(Verdict::kMismatch), "mismatch");
  EXPECT_EQ(ToString(Verdict::kExpired), "expired");
}

TEST(SignatureVerifier, KnownValues) {
  // From RFC 4231, case 2.
  auto cognigy = Make("cognigy", {"Jefe"});
  const std::string_view body = "what do ya want for nothing?";
  const auto signed_headers = cognigy.Sign(AsBytes(body), "", 0);
  ASSERT_EQ(signed_headers.size(), 1U);
  EXPECT_EQ(signed_headers[0].first, "X-Cognigy-Signature");
  EXPECT_EQ(signed_headers[0].second, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  auto hub = Make("open-messaging", {"Jefe"});
  EXPECT_EQ(SignatureOf(hub, body), "sha256=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}

TEST(SignatureVerifier, WhatASimpleSchemeSignsItVerifies) {
  for (const std::string_view name : kSimple) {
    auto verifier = Make(name);
    for (const std::string_view body : kBodies) {
      EXPECT_EQ(Judge(verifier, body, SignatureOf(verifier, body)), Verdict::kValid) << name;
      EXPECT_EQ(Judge(verifier, std::string(body) + " ", SignatureOf(verifier, body)), Verdict::kMismatch)
          << name;
    }
    auto other = Make(name, {"another"});
    EXPECT_EQ(Judge(other, "{}", SignatureOf(verifier, "{}")), Verdict::kMismatch) << name;
  }
}

TEST(SignatureVerifier, UsersOwnSchemes) {
  for (const Digest digest : {Digest::kSha1, Digest::kSha256, Digest::kSha512}) {
    for (const Encoding encoding : {Encoding::kHex, Encoding::kBase64}) {
      auto verifier = Make({"custom", digest, encoding, "X-Mine", "v0="});
      const std::string signature = SignatureOf(verifier, "body");
      EXPECT_EQ(signature.size(), 3 + EncodedSize(DigestSize(digest), encoding));
      EXPECT_EQ(Judge(verifier, "body", signature), Verdict::kValid);
      EXPECT_EQ(Judge(verifier, "body", signature.substr(3)), Verdict::kMalformed);
      EXPECT_EQ(Judge(verifier, "body", "V0=" + signature.substr(3)), Verdict::kMalformed);
    }
  }
}

TEST(SignatureVerifier, HexCountsInEitherCase) {
  auto verifier = Make("cognigy");
  std::string signature = SignatureOf(verifier, "{}");
  for (char& c : signature) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(Judge(verifier, "{}", signature), Verdict::kValid);
}

TEST(SignatureVerifier, EverySingleWrongBitIsAMismatch) {
  auto verifier = Make("cognigy");
  const auto code = *Decode(SignatureOf(verifier, "{}"), Encoding::kHex);
  for (std::size_t bit = 0; bit < code.size() * 8; ++bit) {
    auto wrong = code;
    wrong[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_EQ(Judge(verifier, "{}", Encode(wrong, Encoding::kHex)), Verdict::kMismatch);
  }
}

TEST(SignatureVerifier, MissingAndMalformedSimpleHeaders) {
  for (const std::string_view name : kSimple) {
    auto verifier = Make(name);
    const std::string good = SignatureOf(verifier, "{}");
    EXPECT_EQ(Judge(verifier, "{}", ""), Verdict::kMissing);
    for (const std::string& bad :
         {good + "0", good.substr(1), good.substr(0, good.size() - 1), " " + good, good + " ",
          good + ", " + good, good + "\n", std::string("x"), std::string(good.size(), '?'),
          std::string(good.size(), '\0'), std::string(good.size(), '\xFF'), std::string(1 << 20, 'a'),
          good + std::string(1 << 20, 'a')}) {
      EXPECT_EQ(Judge(verifier, "{}", bad), Verdict::kMalformed) << name << ": " << bad.substr(0, 80);
    }
  }
}

TEST(SignatureVerifier, RotationTellsWhichSecretFitted) {
  for (const std::string_view name : kSimple) {
    auto verifier = Make(name, {"new", "old", "older"});
    const std::string secrets[] = {"new", "old", "older"};
    for (std::size_t i = 0; i < 3; ++i) {
      auto sender = Make(name, {secrets[i]});
      const Verification verification = verifier.Verify(AsBytes("{}"), {SignatureOf(sender, "{}")}, kNow);
      EXPECT_EQ(verification.verdict, Verdict::kValid);
      EXPECT_EQ(verification.secret_index, i);
    }
    auto stranger = Make(name, {"stranger"});
    EXPECT_EQ(Judge(verifier, "{}", SignatureOf(stranger, "{}")), Verdict::kMismatch);
  }
  auto twice = Make("cognigy", {"same", "same"});
  EXPECT_EQ(twice.Verify(AsBytes("{}"), {SignatureOf(twice, "{}")}, kNow).secret_index, 0U);
}

TEST(SignatureVerifier, BadConfigurationIsNamed) {
  const SignatureScheme& cognigy = *FindScheme("cognigy");
  const Secrets one = {Bytes("s")};
  for (const auto& result :
       {SignatureVerifier::Create(cognigy, {}), SignatureVerifier::Create(cognigy, {{}}),
        SignatureVerifier::Create(cognigy, {Bytes("s"), {}}), SignatureVerifier::Create(cognigy, one, -1),
        SignatureVerifier::Create({"custom", Digest::kSha1, Encoding::kHex, ""}, one),
        SignatureVerifier::Create({"custom", Digest::kSha1, Encoding::kHex, "A\r\nB"}, one),
        SignatureVerifier::Create({"custom", Digest::kSha1, Encoding::kHex, "A", "\n"}, one)}) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kConfigInvalid);
    EXPECT_NE(result.error().message.find("expected"), std::string::npos);
  }
}

// ---- standard-webhooks ----

const SignatureScheme& Standard() { return *FindScheme("standard-webhooks"); }
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::string_view kTime = "1614265330";
constexpr std::string_view kBody = "{\"test\": 2432232314}";
// The vector of the specification's reference libraries.
constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

SignatureVerifier MakeStandard(std::int64_t tolerance = 300) {
  return std::move(SignatureVerifier::Create(Standard(), {*KeyFromText(Standard(), kSecret)}, tolerance))
      .value();
}

struct Given {
  std::string signature = std::string(kSignature);
  std::string id = std::string(kId);
  std::string timestamp = std::string(kTime);
};
Verdict Judge(const Given& given, std::int64_t now = kNow, std::int64_t tolerance = 300) {
  auto verifier = MakeStandard(tolerance);
  return verifier.Verify(AsBytes(kBody), {given.signature, given.id, given.timestamp}, now).verdict;
}

TEST(StandardWebhooks, ReferenceVector) {
  auto verifier = MakeStandard();
  const auto headers = verifier.Sign(AsBytes(kBody), kId, kNow);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"webhook-id", std::string(kId)},
      {"webhook-timestamp", std::string(kTime)},
      {"webhook-signature", std::string(kSignature)}};
  EXPECT_EQ(headers, expected);
  EXPECT_EQ(Judge({}), Verdict::kValid);
}

TEST(StandardWebhooks, EveryBodyComesBack) {
  auto verifier = MakeStandard();
  for (const std::string_view body : kBodies) {
    const auto headers = verifier.Sign(AsBytes(body), "msg_1", kNow);
    const SignatureHeaders given{headers[2].second, headers[0].second, headers[1].second};
    EXPECT_EQ(verifier.Verify(AsBytes(body), given, kNow).verdict, Verdict::kValid);
  }
}

TEST(StandardWebhooks, EachSignedPartCounts) {
  EXPECT_EQ(Judge({.id = "msg_other"}), Verdict::kMismatch);
  EXPECT_EQ(Judge({.timestamp = "1614265331"}), Verdict::kMismatch);
  EXPECT_EQ(Judge({.timestamp = "01614265330"}), Verdict::kMismatch);
  auto verifier = MakeStandard();
  EXPECT_EQ(verifier.Verify(AsBytes("{}"), {kSignature, kId, kTime}, kNow).verdict, Verdict::kMismatch);
}

TEST(StandardWebhooks, AnyOfSeveralSignaturesMayFit) {
  const std::string good(kSignature);
  const std::string wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  EXPECT_EQ(Judge({.signature = wrong + " " + good}), Verdict::kValid);
  EXPECT_EQ(Judge({.signature = good + " " + wrong}), Verdict::kValid);
  EXPECT_EQ(Judge({.signature = "v1a,whatever v2,==== " + good}), Verdict::kValid);
  EXPECT_EQ(Judge({.signature = wrong}), Verdict::kMismatch);
}

TEST(StandardWebhooks, ToleranceHoldsInBothDirectionsToTheSecond) {
  EXPECT_EQ(Judge({}, kNow + 300), Verdict::kValid);
  EXPECT_EQ(Judge({}, kNow + 301), Verdict::kExpired);
  EXPECT_EQ(Judge({}, kNow - 300), Verdict::kValid);
  EXPECT_EQ(Judge({}, kNow - 301), Verdict::kExpired);
  EXPECT_EQ(Judge({}, kNow, 0), Verdict::kValid);
  EXPECT_EQ(Judge({}, kNow + 1, 0), Verdict::kExpired);
  EXPECT_EQ(Judge({}, std::numeric_limits<std::int64_t>::min()), Verdict::kExpired);
  EXPECT_EQ(Judge({}, std::numeric_limits<std::int64_t>::max()), Verdict::kExpired);
  EXPECT_EQ(Judge({.timestamp = "0"}), Verdict::kExpired);
  EXPECT_EQ(Judge({.timestamp = "999999999999999999"}), Verdict::kExpired);
  EXPECT_EQ(Judge({}, kNow + 1'000'000, std::numeric_limits<std::int64_t>::max()), Verdict::kValid);
}

TEST(StandardWebhooks, MissingParts) {
  EXPECT_EQ(Judge({.signature = ""}), Verdict::kMissing);
  EXPECT_EQ(Judge({.id = ""}), Verdict::kMissing);
  EXPECT_EQ(Judge({.timestamp = ""}), Verdict::kMissing);
}

TEST(StandardWebhooks, MalformedTimestamps) {
  for (const char* text :
       {"now", "-1614265330", "+1614265330", " 1614265330", "1614265330 ", "1614265330.0", "0x10",
        "1614265330, 1614265330", "1e9", "99999999999999999999", "1000000000000000000"}) {
    EXPECT_EQ(Judge({.timestamp = text}), Verdict::kMalformed) << text;
  }
  EXPECT_EQ(Judge({.timestamp = std::string(1 << 20, '1')}), Verdict::kMalformed);
}

TEST(StandardWebhooks, MalformedIds) {
  for (const char* text : {"a, a", "a,a", "a b", "a\tb", " a", "a\n"}) {
    EXPECT_EQ(Judge({.id = text}), Verdict::kMalformed) << text;
  }
  EXPECT_EQ(Judge({.id = std::string(1 << 20, 'a')}), Verdict::kMalformed);
}

TEST(StandardWebhooks, MalformedSignatures) {
  const std::string good(kSignature);
  for (const std::string& text :
       {std::string("v1"), std::string("v1,"), std::string("v2,abc"), std::string(" "),
        std::string("garbage"), good.substr(3), "V1" + good.substr(2), good + ", " + good, good + "=",
        good.substr(0, good.size() - 1), good + " v1,short", good + " v1", "v1,," + good.substr(3),
        good + "\t" + good, good + std::string(1 << 20, ' '), std::string(1 << 20, 'v')}) {
    EXPECT_EQ(Judge({.signature = text}), Verdict::kMalformed) << text.substr(0, 120);
  }
}

TEST(StandardWebhooks, EntriesAreCounted) {
  const auto repeat = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += std::string(kSignature) + " ";
    text.pop_back();
    return text;
  };
  EXPECT_EQ(Judge({.signature = repeat(64)}), Verdict::kValid);
  EXPECT_EQ(Judge({.signature = repeat(65)}), Verdict::kMalformed);
}

TEST(StandardWebhooks, RotationTellsWhichSecretFitted) {
  auto verifier =
      std::move(SignatureVerifier::Create(Standard(), {Bytes("new"), *KeyFromText(Standard(), kSecret)}))
          .value();
  const Verification verification = verifier.Verify(AsBytes(kBody), {kSignature, kId, kTime}, kNow);
  EXPECT_EQ(verification.verdict, Verdict::kValid);
  EXPECT_EQ(verification.secret_index, 1U);
}

TEST(KeyFromText, IsBase64ForStandardWebhooksAndTextElsewhere) {
  EXPECT_EQ(KeyFromText(Standard(), "whsec_Zm9v").value(), Bytes("foo"));
  EXPECT_EQ(KeyFromText(Standard(), "Zm9v").value(), Bytes("foo"));
  EXPECT_EQ(KeyFromText(*FindScheme("cognigy"), "whsec_Zm9v").value(), Bytes("whsec_Zm9v"));
  EXPECT_EQ(KeyFromText(*FindScheme("cognigy"), "\xC3\xBC").value(), Bytes("\xC3\xBC"));
}

TEST(KeyFromText, BadSecretsAreRefusedAndNeverRepeated) {
  for (const char* secret : {"", "whsec_", "whsec_Zm9", "whsec_S3CR3T!", "Zm9v\n", "whsec_whsec_Zm9v"}) {
    const auto key = KeyFromText(Standard(), secret);
    ASSERT_FALSE(key.ok()) << secret;
    EXPECT_EQ(key.error().code, ErrorCode::kConfigInvalid);
    EXPECT_EQ(key.error().message.find("S3CR3T"), std::string::npos);
  }
  EXPECT_FALSE(KeyFromText(*FindScheme("cognigy"), "").ok());
}

}  // namespace
}  // namespace trunkline::crypto
