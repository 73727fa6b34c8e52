// preflight(): a look at one target on the engine, and a promise of the report.
#include <napi.h>

#include "classes.h"
#include "convert.h"
#include "engine/preflight_service.h"
#include "environment.h"

namespace trunkline::binding {
namespace {

// { origin, target, trusted, allowPrivate, timeoutMs }, see lib/preflight.js.
net::PreflightOptions ReadOptions(Napi::Env env, const Napi::Object& options) {
  return {.origin = OrThrow(env, net::ParseBaseUrl(GetString(options, "origin"))),
          .target = GetString(options, "target"),
          .tls = {.trusted_pem = GetString(options, "trusted")},
          .allow_private = GetBoolean(options, "allowPrivate"),
          .timeout_ms = GetInteger(options, "timeoutMs")};
}

Napi::Number Number(Napi::Env env, std::int64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Object ToObject(Napi::Env env, const net::PreflightFailure& failure) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("phase", std::string(net::PhaseName(failure.phase)));
  object.Set("code", std::string(Describe(failure.code).name));
  object.Set("reason", failure.reason);
  object.Set("hint", failure.hint);
  return object;
}

Napi::Object ToObject(Napi::Env env, const net::PeerCertificate& certificate, std::int64_t days_left) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("subject", certificate.subject);
  object.Set("issuer", certificate.issuer);
  object.Set("validFrom", ToIso8601(certificate.valid_from_ms));
  object.Set("validTo", ToIso8601(certificate.valid_to_ms));
  object.Set("daysLeft", Number(env, days_left));
  object.Set("subjectAltName", certificate.subject_alt_name);
  object.Set("fingerprint256", certificate.fingerprint256);
  return object;
}

Napi::Object ToObject(Napi::Env env, const net::PreflightReport& report) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("ok", !report.failure.has_value());
  if (report.failure) object.Set("failure", ToObject(env, *report.failure));
  object.Set("tlsValid", report.tls_valid);
  object.Set("reachable", report.status != 0);
  object.Set("contentType", report.content_type.empty() ? "application/octet-stream" : report.content_type);
  object.Set("responseTimeMs", Number(env, report.duration_ms));
  object.Set("status", report.status);
  if (report.certificate) object.Set("certificate", ToObject(env, *report.certificate, report.days_left));
  object.Set("protocol", report.protocol);
  object.Set("address", report.address);
  const Napi::Object timings = Napi::Object::New(env);
  for (std::size_t phase = 0; phase < net::kPreflightPhases; ++phase) {
    const std::string name(net::PhaseName(static_cast<net::PreflightPhase>(phase)));
    timings.Set(name + "Ms", Number(env, report.phase_ms[phase]));
  }
  object.Set("timings", timings);
  return object;
}

}  // namespace

// (slot, options): settles with an error or the report. Keeps the process alive until then.
Napi::Value Preflight(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Environment& environment = Environment::Of(env);
  const std::uint32_t slot = info[0].As<Napi::Number>().Uint32Value();
  net::PreflightOptions options = ReadOptions(env, info[1].As<Napi::Object>());
  engine::PreflightService& service = environment.preflights();
  const std::shared_ptr<CompletionQueue> completions = environment.completions();
  Status started =
      service.Start(std::move(options), [completions, slot](Result<net::PreflightReport> result) {
        completions->Post([slot, result = std::move(result)](Napi::Env settle_env, Settlements& settlements) {
          Environment::Of(settle_env).completions()->LetGo();
          if (result.ok()) return settlements.Add(settle_env, slot, {ToObject(settle_env, *result)});
          settlements.Add(settle_env, slot, {ToJsError(settle_env, result.error()).Value()});
        });
      });
  OrThrow(env, std::move(started));
  completions->Hold();
  return env.Undefined();
}

}  // namespace trunkline::binding
