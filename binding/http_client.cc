// HttpClient: one platform's client on the engine, and a promise for every request.
#include <napi.h>

#include <memory>

#include "classes.h"
#include "convert.h"
#include "engine/http_service.h"
#include "environment.h"
#include "read_options.h"

namespace trunkline::binding {
namespace {

oauth::Credential ReadCredential(const Napi::Object& object) {
  oauth::Credential credential;
  credential.token_url = GetString(object, "tokenUrl");
  credential.client_id = GetString(object, "clientId");
  credential.client_secret = GetString(object, "clientSecret");
  credential.scope = GetString(object, "scope");
  const std::string client_auth = GetString(object, "clientAuth");
  credential.client_auth = client_auth == "body"    ? oauth::ClientAuth::kBody
                           : client_auth == "query" ? oauth::ClientAuth::kQuery
                                                    : oauth::ClientAuth::kBasic;
  credential.grant = GetString(object, "grant") == "password" ? oauth::Grant::kPassword : oauth::Grant::kClientCredentials;
  credential.username = GetString(object, "username");
  credential.password = GetString(object, "password");
  credential.refresh_before_ms = GetInteger(object, "refreshBeforeMs");
  credential.required_scopes = GetStrings(object, "requiredScopes");
  return credential;
}

engine::HttpServiceOptions ReadOptions(Napi::Env env, const Napi::Object& options) {
  engine::HttpServiceOptions read;
  read.client = ReadClientOptions(env, options);
  read.exchange.headers = GetPairs(options, "headers");
  if (options.Get("credential").IsObject()) read.exchange.credential = ReadCredential(GetObject(options, "credential"));
  if (options.Get("rateLimit").IsObject()) {
    const Napi::Object limit = GetObject(options, "rateLimit");
    read.exchange.rate_limit = {.requests = GetInteger(limit, "requests"), .per_ms = GetInteger(limit, "perMs")};
  }
  if (options.Get("breaker").IsObject()) {
    const Napi::Object breaker = GetObject(options, "breaker");
    read.exchange.breaker = {.failures = static_cast<int>(GetInteger(breaker, "failures")),
                             .window_ms = GetInteger(breaker, "windowMs"),
                             .open_ms = GetInteger(breaker, "openMs")};
  }
  return read;
}

// What a completion needs of its object, on the JavaScript thread; held weakly, like the object's own state everywhere here.
struct Face {
  explicit Face(CompletionQueue& queue) : completions(queue) {}
  CompletionQueue& completions;
  std::size_t promises = 0;

  void Add() {
    if (promises++ == 0) completions.Hold();
  }
  void Remove() {
    if (--promises == 0) completions.LetGo();
  }
};

class HttpClient final : public Napi::ObjectWrap<HttpClient>, EngineUser {
 public:
  // (options): see lib/http-client.js, which makes them.
  explicit HttpClient(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        environment_(Environment::Of(info.Env())),
        completions_(environment_.completions()),
        face_(std::make_shared<Face>(*completions_)),
        default_policy_(ReadPolicy(GetObject(info[0].As<Napi::Object>(), "retry"))) {
    const Napi::Env env = info.Env();
    service_ = OrThrow(env, engine::HttpService::Create(environment_.engine(), ReadOptions(env, info[0].As<Napi::Object>())));
    environment_.Register(*this);
  }

  ~HttpClient() { Abandon(); }

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "HttpClient",
                       {InstanceMethod<&HttpClient::Request>("request"), InstanceMethod<&HttpClient::Abort>("abort"),
                        InstanceMethod<&HttpClient::Close>("close")});
  }

 private:
  void Abandon() override {
    if (!service_) return;
    environment_.Unregister(*this);
    if (face_->promises > 0) completions_->LetGo();
    face_.reset();
    service_.reset();
  }

  engine::HttpService& Service(Napi::Env env) {
    if (!service_) throw ToJsError(env, {.code = ErrorCode::kClosed, .message = "the client is closed"});
    return *service_;
  }

  // (id, method, target, [name, value, …], body, timeoutMs, deadlineMs, repeatable, retry)
  // → Promise<[status, headers, body, attempts, durationMs]>; headers are lines of "name: value".
  // body: a string, bytes or undefined. retry: a policy, false for one try, undefined for the client's own.
  Napi::Value Request(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    engine::HttpService& service = Service(env);
    const auto id = static_cast<std::uint64_t>(info[0].As<Napi::Number>().Int64Value());
    delivery::Call call;
    call.request.method = info[1].As<Napi::String>().Utf8Value();
    call.request.target = info[2].As<Napi::String>().Utf8Value();
    const auto headers = info[3].As<Napi::Array>();
    for (std::uint32_t i = 0; i + 1 < headers.Length(); i += 2) {
      const Napi::Value name = headers[i];
      const Napi::Value value = headers[i + 1];
      call.request.headers.emplace_back(name.As<Napi::String>().Utf8Value(), value.As<Napi::String>().Utf8Value());
    }
    if (!info[4].IsUndefined()) {
      std::string text;
      call.request.body = AsText(GetBody(info[4], text));
      call.request.has_body = true;
    }
    call.timeout_ms = info[5].As<Napi::Number>().Int64Value();
    call.deadline_ms = info[6].As<Napi::Number>().Int64Value();
    call.repeatable = info[7].As<Napi::Boolean>().Value();
    call.retry = info[8].IsObject() ? ReadPolicy(info[8].As<Napi::Object>()) : default_policy_;
    if (info[8].IsBoolean()) call.retry.attempts = 1;

    const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
    face_->Add();
    service.Request(id, std::move(call), [completions = completions_, face = std::weak_ptr(face_), deferred](Result<delivery::Reply> result) {
      completions->Post([face, deferred, result = std::make_shared<Result<delivery::Reply>>(std::move(result))](Napi::Env settle_env) {
        if (const auto alive = face.lock()) alive->Remove();
        if (!result->ok()) return deferred.Reject(ToJsError(settle_env, result->error()).Value());
        deferred.Resolve(MakeReply(settle_env, **result));
      });
    });
    return deferred.Promise();
  }

  static Napi::Array MakeReply(Napi::Env env, const delivery::Reply& reply) {
    std::string lines;
    for (const auto& [name, value] : reply.response.headers) lines.append(name).append(": ").append(value).append("\n");
    const Napi::Array made = Napi::Array::New(env, 5);
    made.Set(0u, Napi::Number::New(env, reply.response.status));
    made.Set(1u, Napi::String::New(env, lines));
    made.Set(2u, Napi::Buffer<char>::Copy(env, reply.response.body.data(), reply.response.body.size()));
    made.Set(3u, Napi::Number::New(env, reply.attempts));
    made.Set(4u, Napi::Number::New(env, static_cast<double>(reply.duration_ms)));
    return made;
  }

  // (id): its promise is rejected with ABORTED, unless it has been settled.
  Napi::Value Abort(const Napi::CallbackInfo& info) {
    Service(info.Env()).Abort(static_cast<std::uint64_t>(info[0].As<Napi::Number>().Int64Value()));
    return info.Env().Undefined();
  }

  // () → Promise<void>, once everything under way has ended
  Napi::Value Close(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
    face_->Add();
    Service(env).Close([completions = completions_, face = std::weak_ptr(face_), deferred] {
      completions->Post([face, deferred](Napi::Env settle_env) {
        if (const auto alive = face.lock()) alive->Remove();
        deferred.Resolve(settle_env.Undefined());
      });
    });
    return deferred.Promise();
  }

  Environment& environment_;
  std::shared_ptr<CompletionQueue> completions_;
  std::shared_ptr<Face> face_;
  retry::Policy default_policy_;
  std::unique_ptr<engine::HttpService> service_;
};

}  // namespace

Napi::Function DefineHttpClient(Napi::Env env) { return HttpClient::Define(env); }

}  // namespace trunkline::binding
