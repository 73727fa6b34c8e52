// backoffMs and parseRetryAfter: the core's pure functions of time and chance.
#include <napi.h>

#include "base/clock.h"
#include "classes.h"
#include "crypto/random.h"
#include "read_options.h"
#include "retry/policy.h"
#include "retry/retry_after.h"

namespace trunkline::binding {

// (policy, failedAttempts) → ms
Napi::Value BackoffMs(const Napi::CallbackInfo& info) {
  const retry::Policy policy = ReadPolicy(info[0].As<Napi::Object>());
  const std::int64_t wait_ms =
      retry::BackoffMs(policy, info[1].As<Napi::Number>().Int32Value(), crypto::RandomUnit());
  return Napi::Number::New(info.Env(), static_cast<double>(wait_ms));
}

// (value, nowMs?) → ms or undefined
Napi::Value ParseRetryAfter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) return env.Undefined();
  const std::int64_t now_ms =
      info[1].IsNumber() ? info[1].As<Napi::Number>().Int64Value() : SystemClock().WallMs();
  const auto wait_ms = retry::ParseRetryAfter(info[0].As<Napi::String>().Utf8Value(), now_ms);
  if (!wait_ms) return env.Undefined();
  return Napi::Number::New(env, static_cast<double>(*wait_ms));
}

}  // namespace trunkline::binding
