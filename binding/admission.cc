// Admission: the door of the event service on its own, as `npm run bench` measures it.
#include "delivery/admission.h"

#include <napi.h>

#include "base/clock.h"
#include "classes.h"
#include "convert.h"

namespace trunkline::binding {
namespace {

class Admission final : public Napi::ObjectWrap<Admission> {
 public:
  // ({ scheme, secrets, capacity, ttlMs })
  explicit Admission(const Napi::CallbackInfo& info) : ObjectWrap(info), admission_(Make(info)) {}

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Admission", {InstanceMethod<&Admission::Admit>("admit")});
  }

 private:
  static std::unique_ptr<delivery::Admission> Make(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto options = info[0].As<Napi::Object>();
    crypto::SignatureScheme scheme = GetScheme(env, options.Get("scheme"));
    const auto secrets = GetSecrets(env, scheme, options.Get("secrets"));
    const idempotency::RingOptions ring{.capacity = static_cast<std::size_t>(GetInteger(options, "capacity")),
                                        .ttl_ms = GetInteger(options, "ttlMs")};
    auto admission = std::make_unique<delivery::Admission>(
        OrThrow(env, crypto::SignatureVerifier::Create(std::move(scheme), secrets)), SystemClock());
    admission->UseRing(OrThrow(env, idempotency::Ring::Create(ring, SystemClock())));
    return admission;
  }

  // (body, signature) → the verdict's number: 0 when the event is new.
  Napi::Value Admit(const Napi::CallbackInfo& info) {
    std::string body_text;
    std::string signature;
    const ByteView body = GetBody(info[0], body_text);
    const delivery::Admitted admitted = admission_->Admit(body, {GetHeader(info[1], signature)});
    return Napi::Number::New(info.Env(), static_cast<double>(admitted.verdict));
  }

  std::unique_ptr<delivery::Admission> admission_;
};

}  // namespace

Napi::Function DefineAdmission(Napi::Env env) { return Admission::Define(env); }

}  // namespace trunkline::binding
