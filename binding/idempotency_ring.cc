// IdempotencyRing: the core's ring, for one JavaScript thread.
#include <napi.h>

#include <array>

#include "base/clock.h"
#include "classes.h"
#include "convert.h"
#include "idempotency/ring.h"

namespace trunkline::binding {
namespace {

class IdempotencyRing final : public Napi::ObjectWrap<IdempotencyRing> {
 public:
  // (capacity, ttlMs)
  explicit IdempotencyRing(const Napi::CallbackInfo& info) : ObjectWrap(info), ring_(Make(info)) {}

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "IdempotencyRing",
                       {InstanceMethod<&IdempotencyRing::Claim>("claim"), InstanceMethod<&IdempotencyRing::Complete>("complete"),
                        InstanceMethod<&IdempotencyRing::Release>("release"), InstanceAccessor<&IdempotencyRing::Size>("size"),
                        InstanceAccessor<&IdempotencyRing::Capacity>("capacity"),
                        InstanceAccessor<&IdempotencyRing::MemoryBytes>("memoryBytes"),
                        InstanceAccessor<&IdempotencyRing::Evicted>("evicted")});
  }

 private:
  // An id's bytes: on the stack when it is of usual length, since this call is to cost less than a Set's.
  class Id {
   public:
    explicit Id(const Napi::CallbackInfo& info) {
      const Napi::Value value = info[0];
      std::size_t length = 0;
      if (!value.IsString()) throw Napi::TypeError::New(info.Env(), "id: expected a non-empty string");
      napi_get_value_string_utf8(info.Env(), value, short_.data(), short_.size(), &length);
      if (length == 0) throw Napi::TypeError::New(info.Env(), "id: expected a non-empty string");
      if (length + 4 < short_.size()) {  // no character can have been cut off
        view_ = {short_.data(), length};
      } else {
        long_ = value.As<Napi::String>().Utf8Value();
        view_ = long_;
      }
    }
    std::string_view view() const { return view_; }

   private:
    std::array<char, 256> short_;
    std::string long_;
    std::string_view view_;
  };

  static idempotency::Ring Make(const Napi::CallbackInfo& info) {
    const idempotency::RingOptions options{.capacity = static_cast<std::size_t>(info[0].As<Napi::Number>().Int64Value()),
                                           .ttl_ms = info[1].As<Napi::Number>().Int64Value()};
    return OrThrow(info.Env(), idempotency::Ring::Create(options, SystemClock()));
  }

  // The verdict's number; lib/idempotency-ring.js names it, since a string made here would cost as much as the claim.
  Napi::Value Claim(const Napi::CallbackInfo& info) {
    const Id id(info);
    auto claim = ring_.TryClaim(id.view());
    if (!claim) throw ToJsError(info.Env(), claim.error());
    return Napi::Number::New(info.Env(), static_cast<double>(*claim));
  }

  Napi::Value Complete(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), ring_.Complete(Id(info).view())); }
  Napi::Value Release(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), ring_.Release(Id(info).view())); }
  Napi::Value Size(const Napi::CallbackInfo& info) { return Number(info, ring_.size()); }
  Napi::Value Capacity(const Napi::CallbackInfo& info) { return Number(info, ring_.capacity()); }
  Napi::Value MemoryBytes(const Napi::CallbackInfo& info) { return Number(info, ring_.memory_bytes()); }
  Napi::Value Evicted(const Napi::CallbackInfo& info) { return Number(info, ring_.evicted()); }

  static Napi::Value Number(const Napi::CallbackInfo& info, std::uint64_t value) {
    return Napi::Number::New(info.Env(), static_cast<double>(value));
  }

  idempotency::Ring ring_;
};

}  // namespace

Napi::Function DefineIdempotencyRing(Napi::Env env) { return IdempotencyRing::Define(env); }

}  // namespace trunkline::binding
