// The exposed classes, one file each.
#pragma once

#include <napi.h>

namespace trunkline::binding {

Napi::Function DefineAdmission(Napi::Env env);
Napi::Function DefineEventService(Napi::Env env);
Napi::Function DefineIdempotencyRing(Napi::Env env);
Napi::Function DefineSignatureVerifier(Napi::Env env);

}  // namespace trunkline::binding
