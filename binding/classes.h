// What the addon exposes, one file each.
#pragma once

#include <napi.h>

namespace trunkline::binding {

Napi::Function DefineAdmission(Napi::Env env);
Napi::Function DefineEventService(Napi::Env env);
Napi::Function DefineEventStore(Napi::Env env);
Napi::Array AnswerKinds(Napi::Env env);  // the names of delivery::AnswerKind, by number
Napi::Value BackoffMs(const Napi::CallbackInfo& info);
Napi::Value ParseRetryAfter(const Napi::CallbackInfo& info);
Napi::Function DefineHttpClient(Napi::Env env);
Napi::Value CreateIdempotencyRing(const Napi::CallbackInfo& info);
Napi::Value Preflight(const Napi::CallbackInfo& info);
Napi::Function DefineSignatureVerifier(Napi::Env env);
Napi::Array SignatureVerdicts(Napi::Env env);  // the names of crypto::Verdict, by number

}  // namespace trunkline::binding
