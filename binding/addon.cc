// The addon's entry: what lib/native.js gets. Loadable by the main thread and any number of workers.
#include <napi.h>

#include "base/errors.h"
#include "classes.h"
#include "environment.h"

namespace trunkline::binding {
namespace {

// [{ code, retryable, hint }, …], the table of src/base/errors.def.
Napi::Array ErrorRows(Napi::Env env) {
  const Napi::Array rows = Napi::Array::New(env);
  for (const ErrorInfo& info : ErrorTable()) {
    const Napi::Object row = Napi::Object::New(env);
    row.Set("code", Napi::String::New(env, info.name.data(), info.name.size()));
    row.Set("retryable", info.retryable);
    row.Set("hint", Napi::String::New(env, info.hint.data(), info.hint.size()));
    rows.Set(rows.Length(), row);
  }
  return rows;
}

Napi::Object Initialise(Napi::Env env, Napi::Object exports) {
  Environment::Install(env);
  exports.Set("errorTable", ErrorRows(env));
  // lib/errors.js hands in its class before it lets anything else be called.
  exports.Set("setErrorClass", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::Of(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
              }));
  exports.Set("setSettle", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment& environment = Environment::Of(info.Env());
                environment.settle = Napi::Persistent(info[0].As<Napi::Function>());
                environment.drain_soon = Napi::Persistent(info[1].As<Napi::Function>());
              }));
  exports.Set("drain", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::Of(info.Env()).completions()->Drain(info.Env());
              }));
  exports.Set("tearDown", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::Of(info.Env()).TearDown();
              }));
  exports.Set("SignatureVerifier", DefineSignatureVerifier(env));
  exports.Set("signatureVerdicts", SignatureVerdicts(env));
  exports.Set("createIdempotencyRing", Napi::Function::New(env, CreateIdempotencyRing));
  exports.Set("Admission", DefineAdmission(env));
  exports.Set("backoffMs", Napi::Function::New(env, BackoffMs));
  exports.Set("parseRetryAfter", Napi::Function::New(env, ParseRetryAfter));
  exports.Set("preflight", Napi::Function::New(env, Preflight));
  exports.Set("HttpClient", DefineHttpClient(env));
  exports.Set("EventService", DefineEventService(env));
  exports.Set("EventStore", DefineEventStore(env));
  exports.Set("answerKinds", AnswerKinds(env));
  return exports;
}

}  // namespace
}  // namespace trunkline::binding

static Napi::Object InitialiseAddon(Napi::Env env, Napi::Object exports) {
  return trunkline::binding::Initialise(env, exports);
}
NODE_API_MODULE(trunkline, InitialiseAddon)
