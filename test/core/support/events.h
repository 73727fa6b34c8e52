// Events as Cognigy sends them, and the admission that lets them in.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crypto/signature_verifier.h"
#include "delivery/admission.h"

namespace trunkline::test {

inline const std::string kSecret = "webhook secret";

inline std::string WebhookBody(const std::string& id, const std::string& intent = "billing") {
  return R"({"webhookEventId":")" + id + R"(","intent":")" + intent + R"(","dialogId":"d-)" + id +
         R"(","sessionId":"s-)" + id + R"("})";
}

inline std::vector<std::uint8_t> SecretBytes() { return {kSecret.begin(), kSecret.end()}; }

inline std::unique_ptr<delivery::Admission> MakeAdmission(const Clock& clock, std::size_t capacity = 1024) {
  auto verifier = crypto::SignatureVerifier::Create(*crypto::FindScheme("cognigy"), {SecretBytes()});
  auto ring = idempotency::Ring::Create({.capacity = capacity}, clock);
  auto admission = std::make_unique<delivery::Admission>(std::move(*verifier), clock);
  admission->UseRing(std::move(*ring));
  return admission;
}

// The signature header's value.
inline std::string SignatureOf(const std::string& body) {
  auto verifier = crypto::SignatureVerifier::Create(*crypto::FindScheme("cognigy"), {SecretBytes()});
  return verifier->Sign(AsBytes(body), {}, 0).front().second;
}

}  // namespace trunkline::test
