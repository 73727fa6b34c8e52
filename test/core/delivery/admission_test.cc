// The door: each verdict, and that only a claim leaves a trace.
#include "delivery/admission.h"

#include <gtest/gtest.h>

#include <string>

#include "support/events.h"
#include "support/manual_clock.h"

namespace trunkline::delivery {
namespace {

using test::MakeAdmission;
using test::ManualClock;
using test::SignatureOf;
using test::WebhookBody;

Admitted Admit(Admission& admission, const std::string& body, const std::string& signature) {
  return admission.Admit(AsBytes(body), {signature});
}
Verdict Judge(Admission& admission, const std::string& body) {
  return Admit(admission, body, SignatureOf(body)).verdict;
}

TEST(Admission, ANewEventIsClaimedWithItsFields) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock);
  const std::string body = WebhookBody("e1", "intent \xC3\xBC");
  const Admitted admitted = Admit(*admission, body, SignatureOf(body));
  EXPECT_EQ(admitted.verdict, Verdict::kClaimed);
  EXPECT_EQ(admitted.fields.event_id, "e1");
  EXPECT_EQ(admitted.fields.intent, "intent \xC3\xBC");
  EXPECT_EQ(admitted.fields.dialog_id, "d-e1");
  EXPECT_EQ(admitted.fields.session_id, "s-e1");
}

TEST(Admission, WithoutAVerifierTheBytesAreTrusted) {
  ManualClock clock;
  Admission admission(std::nullopt, clock);
  auto ring = idempotency::Ring::Create({.capacity = 8, .ttl_ms = 1000, .key = {}}, clock);
  admission.UseRing(std::move(*ring));
  EXPECT_EQ(Admit(admission, WebhookBody("e1"), "").verdict, Verdict::kClaimed);
  EXPECT_EQ(Admit(admission, WebhookBody("e1"), "anything").verdict, Verdict::kInFlight);
  EXPECT_EQ(Admit(admission, "{}", "").verdict, Verdict::kMalformed);
}

TEST(Admission, TheSecondOfAnIdIsInFlightAndLaterDone) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock);
  const std::string body = WebhookBody("e1");
  EXPECT_EQ(Judge(*admission, body), Verdict::kClaimed);
  EXPECT_EQ(Judge(*admission, body), Verdict::kInFlight);
  EXPECT_EQ(Judge(*admission, WebhookBody("e1", "another intent")), Verdict::kInFlight) << "the id decides";
  admission->ring().Complete("e1");
  const Admitted done = Admit(*admission, body, SignatureOf(body));
  EXPECT_EQ(done.verdict, Verdict::kDone);
  EXPECT_EQ(done.fields.event_id, "e1");
}

TEST(Admission, AReleasedIdCanBeClaimedAgain) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock);
  EXPECT_EQ(Judge(*admission, WebhookBody("e1")), Verdict::kClaimed);
  admission->ring().Release("e1");
  EXPECT_EQ(Judge(*admission, WebhookBody("e1")), Verdict::kClaimed);
}

TEST(Admission, WithoutASignatureNothingIsRead) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock);
  EXPECT_EQ(Admit(*admission, WebhookBody("e1"), "").verdict, Verdict::kUnsigned);
  EXPECT_EQ(Admit(*admission, "not even JSON", "").verdict, Verdict::kUnsigned);
  EXPECT_EQ(admission->ring_use().size, 0U);
}

TEST(Admission, AWrongSignatureIsForgedWhateverItLooksLike) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock);
  const std::string body = WebhookBody("e1");
  const std::string right = SignatureOf(body);
  for (const std::string& signature :
       {right.substr(1), right + "0", std::string(64, '0'), std::string("x"), std::string("sha256=") + right,
        SignatureOf(body + " "), std::string(1 << 20, 'f')}) {
    EXPECT_EQ(Admit(*admission, body, signature).verdict, Verdict::kForged);
  }
  EXPECT_EQ(Admit(*admission, body + " ", right).verdict, Verdict::kForged);
  EXPECT_EQ(admission->ring_use().size, 0U) << "a forger must not block an id";
}

TEST(Admission, AMalformedEventIsNotClaimed) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock);
  for (const std::string& body : {std::string("not JSON"), std::string("[]"),
                                  std::string(R"({"webhookEventId":"e1"})"), std::string()}) {
    const Admitted admitted = Admit(*admission, body, SignatureOf(body));
    EXPECT_EQ(admitted.verdict, Verdict::kMalformed) << body;
    EXPECT_EQ(admitted.error.code, ErrorCode::kMalformedPayload);
    EXPECT_EQ(admitted.error.message.rfind("Malformed payload", 0), 0U);
  }
  EXPECT_EQ(admission->ring_use().size, 0U);
  EXPECT_EQ(Judge(*admission, WebhookBody("e1")), Verdict::kClaimed);
}

TEST(Admission, AForgedMalformedEventIsForged) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock);
  EXPECT_EQ(Admit(*admission, "not JSON", SignatureOf("other")).verdict, Verdict::kForged)
      << "who cannot sign learns nothing of the body";
}

TEST(Admission, WhenAllAreInFlightThereIsNoRoom) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock, 2);
  EXPECT_EQ(Judge(*admission, WebhookBody("e1")), Verdict::kClaimed);
  EXPECT_EQ(Judge(*admission, WebhookBody("e2")), Verdict::kClaimed);
  const std::string third = WebhookBody("e3");
  const Admitted full = Admit(*admission, third, SignatureOf(third));
  EXPECT_EQ(full.verdict, Verdict::kFull);
  EXPECT_EQ(full.error.code, ErrorCode::kQueueFull);
  admission->ring().Complete("e1");
  EXPECT_EQ(Judge(*admission, third), Verdict::kClaimed) << "a done one gives way";
  EXPECT_EQ(admission->ring_use().evicted, 1U);
}

TEST(Admission, RestoredIdsAreKnown) {
  ManualClock clock;
  const auto admission = MakeAdmission(clock);
  admission->ring().Restore("old", true, clock.WallMs() - 2000);
  admission->ring().Restore("unfinished", false, clock.WallMs() - 1000);
  EXPECT_EQ(Judge(*admission, WebhookBody("old")), Verdict::kDone);
  EXPECT_EQ(Judge(*admission, WebhookBody("unfinished")), Verdict::kInFlight);
  const RingUse use = admission->ring_use();
  EXPECT_EQ(use.size, 2U);
  EXPECT_EQ(use.capacity, 1024U);
  EXPECT_GT(use.memory_bytes, 0U);
}

}  // namespace
}  // namespace trunkline::delivery
