// createIdempotencyRing(capacity, ttlMs) → { claim, complete, release, use }: the core's ring, for one
// JavaScript thread.
//
// Not a class: a method finds its object by a look-up that costs a quarter of a claim, while these functions
// carry the ring's address. lib/idempotency-ring.js makes the class of them, and names the verdicts.
#include <napi.h>

#include <array>
#include <memory>

#include "base/clock.h"
#include "classes.h"
#include "convert.h"
#include "idempotency/ring.h"

namespace trunkline::binding {
namespace {

using idempotency::Ring;
using RingHolder = std::shared_ptr<Ring>;

// An id's bytes: on the stack when it is of usual length.
class Id {
 public:
  Id(napi_env env, napi_value value) {
    std::size_t length = 0;
    const napi_status read = napi_get_value_string_utf8(env, value, short_.data(), short_.size(), &length);
    if (read != napi_ok || length == 0) throw Napi::TypeError::New(env, "id: expected a non-empty string");
    if (length + 4 < short_.size()) {  // no character can have been cut off
      view_ = {short_.data(), length};
    } else {
      long_ = Napi::String(env, value).Utf8Value();
      view_ = long_;
    }
  }
  std::string_view view() const { return view_; }

 private:
  std::array<char, 256> short_;
  std::string long_;
  std::string_view view_;
};

napi_value FromBoolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

// Every operation: napi_value (*)(napi_env, Ring&, napi_value argument).
napi_value Claim(napi_env env, Ring& ring, napi_value argument) {
  auto claim = ring.TryClaim(Id(env, argument).view());
  if (!claim) throw ToJsError(env, claim.error());
  napi_value result = nullptr;
  napi_create_uint32(env, static_cast<std::uint32_t>(*claim), &result);
  return result;
}

napi_value Complete(napi_env env, Ring& ring, napi_value argument) {
  return FromBoolean(env, ring.Complete(Id(env, argument).view()));
}

napi_value Release(napi_env env, Ring& ring, napi_value argument) {
  return FromBoolean(env, ring.Release(Id(env, argument).view()));
}

// { size, capacity, memoryBytes, evicted }
napi_value Use(napi_env env, Ring& ring, napi_value) {
  const Napi::Object use = Napi::Object::New(env);
  use.Set("size", static_cast<double>(ring.size()));
  use.Set("capacity", static_cast<double>(ring.capacity()));
  use.Set("memoryBytes", static_cast<double>(ring.memory_bytes()));
  use.Set("evicted", static_cast<double>(ring.evicted()));
  return use;
}

template <auto Operation>
napi_value Call(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value argument = nullptr;
  void* holder = nullptr;
  napi_get_cb_info(env, info, &count, &argument, nullptr, &holder);
  try {
    return Operation(env, **static_cast<RingHolder*>(holder), argument);
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
}

template <auto Operation>
void Define(const Napi::Object& object, const char* name, const RingHolder& ring) {
  const Napi::Env env = object.Env();
  // Each function keeps the ring alive for itself.
  auto* holder = new RingHolder(ring);
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, Call<Operation>, holder, &function);
  napi_add_finalizer(
      env, function, holder, [](napi_env, void* data, void*) { delete static_cast<RingHolder*>(data); },
      nullptr, nullptr);
  object.Set(name, Napi::Value(env, function));
}

}  // namespace

Napi::Value CreateIdempotencyRing(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  idempotency::RingOptions options;
  options.capacity = static_cast<std::size_t>(info[0].As<Napi::Number>().Int64Value());
  options.ttl_ms = info[1].As<Napi::Number>().Int64Value();
  const auto ring = std::make_shared<Ring>(OrThrow(env, Ring::Create(options, SystemClock())));
  const Napi::Object object = Napi::Object::New(env);
  Define<Claim>(object, "claim", ring);
  Define<Complete>(object, "complete", ring);
  Define<Release>(object, "release", ring);
  Define<Use>(object, "use", ring);
  return object;
}

}  // namespace trunkline::binding
