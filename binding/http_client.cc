// HttpClient: one platform's client on the engine, and a promise for every request.
#include <napi.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "classes.h"
#include "convert.h"
#include "engine/http_service.h"
#include "environment.h"
#include "read_options.h"

namespace trunkline::binding {
namespace {

constexpr std::size_t kLongestString = 64 * 1024;
constexpr std::size_t kValues = 9;  // of each request, without its headers

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
    service_ = OrThrow(env, engine::HttpService::Create(
                                environment_.engine(), ReadOptions(env, info[0].As<Napi::Object>()),
                                [completions = completions_, face = std::weak_ptr(face_)](
                                    std::uint64_t id, Result<delivery::Reply> result) {
                                  Post(*completions, face, static_cast<std::uint32_t>(id), std::move(result));
                                }));
    counters_ = service_->counters();
    environment_.Register(*this);
  }

  ~HttpClient() { Abandon(); }

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "HttpClient",
        {InstanceMethod<&HttpClient::Request>("request"),
         InstanceMethod<&HttpClient::Authenticate>("authenticate"),
         InstanceMethod<&HttpClient::Abort>("abort"), InstanceMethod<&HttpClient::Close>("close"),
         InstanceMethod<&HttpClient::Stats>("stats")});
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

  // (slot, method, target, body, timeoutMs, deadlineMs, repeatable, retry, n, name, value, …, and so on for
  // the next request): each settles with (status, headers, body, attempts, durationMs), or with an error and,
  // where the platform answered, that answer's headers and body. body: a string, bytes or undefined. retry: a
  // policy, false for one try, undefined for the client's own. n: how many names and values follow. Of an
  // answer, headers are lines of "name: value"; body is a string where it is short and ASCII, else a Buffer.
  void Request(const Napi::CallbackInfo& info) {
    if (!service_) return;  // the environment is going, and its promises go too
    std::vector<engine::HttpService::Outgoing> batch;
    batch.reserve(info.Length() / kValues);
    for (std::size_t at = 0; at < info.Length();) at = ReadRequest(info, at, batch.emplace_back());
    service_->Request(std::move(batch));
  }

  // Returns where the next one begins.
  std::size_t ReadRequest(const Napi::CallbackInfo& info, std::size_t at,
                          engine::HttpService::Outgoing& outgoing) {
    outgoing.id = info[at].As<Napi::Number>().Uint32Value();
    delivery::Call& call = outgoing.call;
    call.request.method = *ReadText(info[at + 1]);
    call.request.target = *ReadText(info[at + 2]);
    if (std::optional<std::string> text = ReadText(info[at + 3])) {
      call.request.body = std::move(*text);
      call.request.has_body = true;
    } else if (!info[at + 3].IsUndefined()) {
      std::string unused;
      call.request.body = AsText(GetBody(info[at + 3], unused));
      call.request.has_body = true;
    }
    call.timeout_ms = info[at + 4].As<Napi::Number>().Int64Value();
    call.deadline_ms = info[at + 5].As<Napi::Number>().Int64Value();
    call.repeatable = info[at + 6].As<Napi::Boolean>().Value();
    const Napi::Value retry = info[at + 7];
    call.retry = retry.IsUndefined() ? policy_
                 : retry.IsObject()  ? std::make_shared<retry::Policy>(ReadPolicy(retry.As<Napi::Object>()))
                                     : one_try_;
    const std::size_t end = at + kValues + info[at + 8].As<Napi::Number>().Uint32Value();
    call.request.headers.reserve((end - at - kValues) / 2);
    for (at += kValues; at < end; at += 2)
      call.request.headers.emplace_back(*ReadText(info[at]), *ReadText(info[at + 1]));

    face_->Add();
    return end;
  }

  // (slot, deadlineMs): settles once there is a token, or with why there is none.
  void Authenticate(const Napi::CallbackInfo& info) {
    if (!service_) return;
    engine::HttpService::Outgoing outgoing{.id = info[0].As<Napi::Number>().Uint32Value(), .call = {}};
    outgoing.call.only_token = true;
    outgoing.call.deadline_ms = info[1].As<Napi::Number>().Int64Value();
    face_->Add();
    std::vector<engine::HttpService::Outgoing> batch;
    batch.push_back(std::move(outgoing));
    service_->Request(std::move(batch));
  }

  static std::shared_ptr<const retry::Policy> OneTry(retry::Policy policy) {
    policy.attempts = 1;
    return std::make_shared<retry::Policy>(std::move(policy));
  }

  // A JavaScript string as UTF-8; nothing for what is none. Most are short, and read in one call; Utf8Value
  // always asks for the length first.
  static std::optional<std::string> ReadText(const Napi::Value& value) {
    std::array<char, 1024> buffer;
    std::size_t length = 0;
    if (napi_get_value_string_utf8(value.Env(), value, buffer.data(), buffer.size(), &length) != napi_ok)
      return std::nullopt;
    // A full buffer may have cut the text off, and in front of a character that takes up to four bytes.
    if (length + 4 < buffer.size()) return std::string(buffer.data(), length);
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

  static void Post(CompletionQueue& completions, const std::weak_ptr<Face>& face, std::uint32_t slot,
                   Result<delivery::Reply> result) {
    completions.Post([face, slot, result = std::move(result)](Napi::Env env, Settlements& settlements) {
      if (const auto alive = face.lock()) alive->Remove();
      if (result.ok()) return Settle(env, settlements, slot, *result);
      Settle(env, settlements, slot, result.error());
    });
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

  // (slot, graceMs): settles once everything under way has ended
  Napi::Value Close(const Napi::CallbackInfo& info) {
    const std::uint32_t slot = info[0].As<Napi::Number>().Uint32Value();
    engine::HttpService& service = Service(info.Env());
    face_->Add();
    service.Close(info[1].As<Napi::Number>().Int64Value(),
                  [completions = completions_, face = std::weak_ptr(face_), slot] {
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
};

}  // namespace

Napi::Function DefineHttpClient(Napi::Env env) { return HttpClient::Define(env); }

}  // namespace trunkline::binding
