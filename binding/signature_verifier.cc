// SignatureVerifier: verify(body, signature, id, timestamp) and sign(body, id, timestampSeconds) over the
// core's verifier.
#include <napi.h>

#include "base/clock.h"
#include "classes.h"
#include "convert.h"
#include "crypto/random.h"

namespace trunkline::binding {
namespace {

class SignatureVerifier final : public Napi::ObjectWrap<SignatureVerifier> {
 public:
  // (scheme, secrets, toleranceSeconds)
  explicit SignatureVerifier(const Napi::CallbackInfo& info) : ObjectWrap(info), verifier_(Make(info)) {}

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "SignatureVerifier",
                       {InstanceMethod<&SignatureVerifier::Verify>("verify"),
                        InstanceMethod<&SignatureVerifier::Sign>("sign"),
                        InstanceAccessor<&SignatureVerifier::HeaderNames>("headerNames")});
  }

 private:
  static crypto::SignatureVerifier Make(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    crypto::SignatureScheme scheme = GetScheme(env, info[0]);
    const auto secrets = GetSecrets(env, scheme, info[1]);
    return OrThrow(env, crypto::SignatureVerifier::Create(std::move(scheme), secrets,
                                                          info[2].As<Napi::Number>().Int64Value()));
  }

  // The headers to look for: [signature] or [signature, id, timestamp], as written when sent.
  Napi::Value HeaderNames(const Napi::CallbackInfo& info) {
    const Napi::Array names = Napi::Array::New(info.Env());
    if (verifier_.scheme().standard_webhooks) {
      names.Set(0u, "webhook-signature");
      names.Set(1u, "webhook-id");
      names.Set(2u, "webhook-timestamp");
    } else {
      names.Set(0u, verifier_.scheme().header);
    }
    return names;
  }

  // The index of the secret, or below 0 what speaks against the signature: a number costs less than an
  // object, which JavaScript makes faster.
  Napi::Value Verify(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    std::string body_text;
    std::string signature;
    std::string id;
    std::string timestamp;
    const ByteView body = GetBody(info[0], body_text);
    const crypto::Verification verification = verifier_.Verify(
        body, {GetHeader(info[1], signature), GetHeader(info[2], id), GetHeader(info[3], timestamp)},
        SystemClock().WallMs() / 1000);
    const bool valid = verification.verdict == crypto::Verdict::kValid;
    return Napi::Number::New(env, valid ? static_cast<double>(verification.secret_index)
                                        : -static_cast<double>(verification.verdict));
  }

  Napi::Value Sign(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    std::string body_text;
    const ByteView body = GetBody(info[0], body_text);
    const std::string id =
        info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "msg_" + crypto::RandomUuid();
    const std::int64_t timestamp =
        info[2].IsNumber() ? info[2].As<Napi::Number>().Int64Value() : SystemClock().WallMs() / 1000;
    const Napi::Object headers = Napi::Object::New(env);
    for (const auto& [name, value] : verifier_.Sign(body, id, timestamp)) headers.Set(name, value);
    return headers;
  }

  crypto::SignatureVerifier verifier_;
};

}  // namespace

Napi::Function DefineSignatureVerifier(Napi::Env env) { return SignatureVerifier::Define(env); }

Napi::Array SignatureVerdicts(Napi::Env env) {
  using enum crypto::Verdict;
  const Napi::Array names = Napi::Array::New(env);
  for (const auto verdict : {kValid, kMissing, kMalformed, kMismatch, kExpired}) {
    names.Set(static_cast<std::uint32_t>(verdict), std::string(crypto::ToString(verdict)));
  }
  return names;
}

}  // namespace trunkline::binding
