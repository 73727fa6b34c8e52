// HttpClient: one platform's client on the engine, and a promise for every request.
#include <napi.h>

#include <array>
#include <memory>
#include <string_view>

#include "classes.h"
#include "convert.h"
#include "engine/http_service.h"
#include "environment.h"
#include "read_options.h"

namespace trunkline::binding {
namespace {

constexpr std::size_t kLongestString = 64 * 1024;

oauth::Credential ReadCredential(const Napi::Object& object) {
  oauth::Credential credential;
  credential.token_url = GetString(object, "tokenUrl");
  credential.issuer = GetString(object, "issuer");
  credential.client_id = GetString(object, "clientId");
  credential.client_secret = GetString(object, "clientSecret");
  credential.scope = GetString(object, "scope");
  const std::string client_auth = GetString(object, "clientAuth");
  credential.client_auth = client_auth == "body"    ? oauth::ClientAuth::kBody
                           : client_auth == "query" ? oauth::ClientAuth::kQuery
                                                    : oauth::ClientAuth::kBasic;
  credential.grant =
      GetString(object, "grant") == "password" ? oauth::Grant::kPassword : oauth::Grant::kClientCredentials;
  credential.username = GetString(object, "username");
  credential.password = GetString(object, "password");
  credential.refresh_before_ms = GetInteger(object, "refreshBeforeMs");
  credential.required_scopes = GetStrings(object, "requiredScopes");
  return credential;
}

engine::HttpServiceOptions ReadOptions(Napi::Env env, const Napi::Object& options) {
  engine::HttpServiceOptions read;
  read.client = ReadClientOptions(env, options);
  read.token_proxy = ReadProxy(env, options, "tokenProxy");
  read.exchange.platform = GetString(options, "platform");
  read.exchange.headers = GetPairs(options, "headers");
  if (options.Get("credential").IsObject())
    read.exchange.credential = ReadCredential(GetObject(options, "credential"));
  ReadLimits(options, read.exchange);
  return read;
}

// What a completion needs of its object, on the JavaScript thread; held weakly, like the object's own state
// everywhere here.
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
        policy_(std::make_shared<retry::Policy>(ReadPolicy(GetObject(info[0].As<Napi::Object>(), "retry")))),
        one_try_(OneTry(*policy_)) {
    const Napi::Env env = info.Env();
    service_ = OrThrow(env, engine::HttpService::Create(environment_.engine(),
                                                        ReadOptions(env, info[0].As<Napi::Object>())));
    counters_ = service_->counters();
    environment_.Register(*this);
  }

  ~HttpClient() { Abandon(); }

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "HttpClient",
        {InstanceMethod<&HttpClient::Request>("request"),
         InstanceMethod<&HttpClient::Authenticate>("authenticate"),
         InstanceMethod<&HttpClient::Flush>("flush"), InstanceMethod<&HttpClient::Abort>("abort"),
         InstanceMethod<&HttpClient::Close>("close"), InstanceMethod<&HttpClient::Stats>("stats")});
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

  // (slot, method, target, [name, value, …], body, timeoutMs, deadlineMs, repeatable, retry)
  // for the next flush; settles with (status, headers, body, attempts, durationMs), or with an error and,
  // where the platform answered, that answer's headers and body; headers are lines of "name: value"; body: a
  // string where it is short and ASCII, else a Buffer. body: a string, bytes or undefined. retry: a policy,
  // false for one try, undefined for the client's own.
  Napi::Value Request(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    (void)Service(env);
    const std::uint32_t slot = info[0].As<Napi::Number>().Uint32Value();
    delivery::Call call;
    call.request.method = ReadText(info[1]);
    call.request.target = ReadText(info[2]);
    const auto headers = info[3].As<Napi::Array>();
    const std::uint32_t count = headers.Length();
    for (std::uint32_t i = 0; i + 1 < count; i += 2) {
      std::string name = ReadText(headers.Get(i));
      call.request.headers.emplace_back(std::move(name), ReadText(headers.Get(i + 1)));
    }
    if (info[4].IsString()) {
      call.request.body = ReadText(info[4]);
      call.request.has_body = true;
    } else if (!info[4].IsUndefined()) {
      std::string unused;
      call.request.body = AsText(GetBody(info[4], unused));
      call.request.has_body = true;
    }
    call.timeout_ms = info[5].As<Napi::Number>().Int64Value();
    call.deadline_ms = info[6].As<Napi::Number>().Int64Value();
    call.repeatable = info[7].As<Napi::Boolean>().Value();
    call.retry = info[8].IsObject() ? std::make_shared<retry::Policy>(ReadPolicy(info[8].As<Napi::Object>()))
                 : info[8].IsBoolean() ? one_try_
                                       : policy_;
    Enqueue(slot, std::move(call));
    return env.Undefined();
  }

  // (slot, deadlineMs): for the next flush; settles once there is a token, or with why there is none
  Napi::Value Authenticate(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    (void)Service(env);
    delivery::Call call;
    call.only_token = true;
    call.deadline_ms = info[1].As<Napi::Number>().Int64Value();
    Enqueue(info[0].As<Napi::Number>().Uint32Value(), std::move(call));
    return env.Undefined();
  }

  void Enqueue(std::uint32_t slot, delivery::Call call) {
    face_->Add();
    outbox_.push_back(
        {slot, std::move(call),
         [completions = completions_, face = std::weak_ptr(face_), slot](Result<delivery::Reply> result) {
           completions->Post(
               [face, slot, result = std::move(result)](Napi::Env settle_env, Settlements& settlements) {
                 if (const auto alive = face.lock()) alive->Remove();
                 if (result.ok()) return Settle(settle_env, settlements, slot, *result);
                 Settle(settle_env, settlements, slot, result.error());
               });
         }});
  }

  // (): hands over the requests that have been made since the last time.
  Napi::Value Flush(const Napi::CallbackInfo& info) {
    if (service_ && !outbox_.empty()) service_->Request(std::exchange(outbox_, {}));
    return info.Env().Undefined();
  }

  static std::shared_ptr<const retry::Policy> OneTry(retry::Policy policy) {
    policy.attempts = 1;
    return std::make_shared<retry::Policy>(std::move(policy));
  }

  // A JavaScript string as UTF-8. Most are short, and read in one call; Utf8Value always asks for the length
  // first.
  static std::string ReadText(const Napi::Value& value) {
    std::array<char, 1024> buffer;
    std::size_t length = 0;
    const napi_status read =
        napi_get_value_string_utf8(value.Env(), value, buffer.data(), buffer.size(), &length);
    // A full buffer may have cut the text off, and in front of a character that takes up to four bytes.
    if (read == napi_ok && length + 4 < buffer.size()) return {buffer.data(), length};
    return value.As<Napi::String>().Utf8Value();
  }

  // Most answers are ASCII: V8 copies those as they are into its heap, where a Buffer takes an allocation of
  // its own outside of it, and UTF-8 has to be decoded. Undefined for other answers, and for long ones.
  static Napi::Value AsciiString(Napi::Env env, std::string_view text) {
    if (text.size() > kLongestString) return env.Undefined();
    unsigned char seen = 0;
    for (const unsigned char c : text) seen |= c;
    napi_value made = nullptr;
    if (seen > 0x7f || napi_create_string_latin1(env, text.data(), text.size(), &made) != napi_ok)
      return env.Undefined();
    return {env, made};
  }

  static Napi::Value HeaderLines(Napi::Env env, const std::string& lines) {
    const Napi::Value ascii = AsciiString(env, lines);
    return ascii.IsUndefined() ? Napi::String::New(env, lines) : ascii;
  }

  static Napi::Value Body(Napi::Env env, const std::string& body) {
    const Napi::Value ascii = AsciiString(env, body);
    return ascii.IsUndefined() ? Napi::Buffer<char>::Copy(env, body.data(), body.size()) : ascii;
  }

  static void Settle(Napi::Env env, Settlements& settlements, std::uint32_t slot,
                     const delivery::Reply& reply) {
    settlements.Add(
        env, slot,
        {Napi::Number::New(env, reply.response.status), HeaderLines(env, reply.response.header_lines),
         Body(env, reply.response.body), Napi::Number::New(env, reply.attempts),
         Napi::Number::New(env, static_cast<double>(reply.duration_ms))});
  }

  static void Settle(Napi::Env env, Settlements& settlements, std::uint32_t slot, const Error& error) {
    const Napi::Value thrown = ToJsError(env, error).Value();
    if (!error.answer) return settlements.Add(env, slot, {thrown});
    settlements.Add(env, slot,
                    {thrown, HeaderLines(env, error.answer->header_lines), Body(env, error.answer->body)});
  }

  // (slot): its request ends with ABORTED, unless it has ended already.
  Napi::Value Abort(const Napi::CallbackInfo& info) {
    Flush(info);
    Service(info.Env()).Abort(info[0].As<Napi::Number>().Uint32Value());
    return info.Env().Undefined();
  }

  // () → what index.d.ts calls HttpClientStats; also when it is closed
  Napi::Value Stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto& calls = *counters_.calls;
    const auto& connections = *counters_.connections;
    const Napi::Object stats = Napi::Object::New(env);
    const auto set = [&](const char* name, std::uint64_t value) {
      stats.Set(name, Napi::Number::New(env, static_cast<double>(value)));
    };
    set("calls", calls.calls);
    set("succeeded", calls.succeeded);
    set("failed", calls.failed);
    set("tries", calls.tries);
    set("retries", calls.retries);
    set("connectionsOpened", connections.connections_opened);
    set("resent", connections.resent);
    set("tlsHandshakes", connections.tls_handshakes);
    set("tlsResumed", connections.tls_resumed);
    set("bytesSent", connections.bytes_sent);
    set("bytesReceived", connections.bytes_received);
    const Napi::Array within = Napi::Array::New(env, calls.answered_within.size());
    for (std::uint32_t i = 0; i < calls.answered_within.size(); ++i)
      within.Set(i, Napi::Number::New(env, static_cast<double>(calls.answered_within[i])));
    stats.Set("answeredWithin", within);
    return stats;
  }

  // (slot): settles once everything under way has ended
  Napi::Value Close(const Napi::CallbackInfo& info) {
    const std::uint32_t slot = info[0].As<Napi::Number>().Uint32Value();
    engine::HttpService& service = Service(info.Env());
    Flush(info);
    face_->Add();
    service.Close([completions = completions_, face = std::weak_ptr(face_), slot] {
      completions->Post([face, slot](Napi::Env settle_env, Settlements& settlements) {
        if (const auto alive = face.lock()) alive->Remove();
        settlements.Add(settle_env, slot, {});
      });
    });
    return info.Env().Undefined();
  }

  Environment& environment_;
  std::shared_ptr<CompletionQueue> completions_;
  std::shared_ptr<Face> face_;
  std::shared_ptr<const retry::Policy> policy_;
  std::shared_ptr<const retry::Policy> one_try_;  // `retry: false`
  std::unique_ptr<engine::HttpService> service_;
  engine::HttpService::Counters counters_;
  std::vector<engine::HttpService::Outgoing> outbox_;
};

}  // namespace

Napi::Function DefineHttpClient(Napi::Env env) { return HttpClient::Define(env); }

}  // namespace trunkline::binding
