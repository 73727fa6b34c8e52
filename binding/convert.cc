#include "convert.h"

#include <array>

#include "environment.h"

namespace trunkline::binding {
namespace {

constexpr std::size_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kLongestCharacter =
    4;  // in UTF-8: a buffer with less room left may have cut the text off

Napi::TypeError Wrong(const Napi::Object& object, const char* name, const char* expected) {
  return Napi::TypeError::New(object.Env(), std::string(name) + ": expected " + expected);
}

Napi::Value Member(const Napi::Object& object, const char* name) { return object.Get(name); }

[[noreturn]] void Invalid(Napi::Env env, std::string message) {
  throw ToJsError(env, {.code = ErrorCode::kConfigInvalid, .message = std::move(message)});
}

}  // namespace

Napi::Error ToJsError(Napi::Env env, const Error& error) {
  const Napi::Object details = Napi::Object::New(env);
  if (!error.hint.empty()) details.Set("hint", error.hint);
  if (!error.platform.empty()) details.Set("platform", error.platform);
  if (error.status != 0) details.Set("status", error.status);
  if (error.attempts != 0) details.Set("attempts", error.attempts);
  if (error.retry_after_ms >= 0) details.Set("retryAfterMs", static_cast<double>(error.retry_after_ms));
  const Napi::Value made =
      Environment::Of(env).error_class.New({Napi::String::New(env, Describe(error.code).name.data()),
                                            Napi::String::New(env, error.message), details});
  return {env, made};
}

Error FromJsError(const Napi::Object& object) {
  Error error{.code = ErrorCode::kUpstreamError, .message = GetString(object, "message")};
  const std::string code = GetString(object, "code");
  for (const ErrorInfo& info : ErrorTable()) {
    if (info.name == code) error.code = static_cast<ErrorCode>(&info - ErrorTable().data());
  }
  error.hint = GetString(object, "hint", "");
  error.platform = GetString(object, "platform", "");
  if (object.Get("status").IsNumber()) error.status = static_cast<int>(GetInteger(object, "status"));
  if (object.Get("retryAfterMs").IsNumber()) error.retry_after_ms = GetInteger(object, "retryAfterMs");
  return error;
}

std::string GetString(const Napi::Object& object, const char* name) {
  const Napi::Value value = Member(object, name);
  if (!value.IsString()) throw Wrong(object, name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

std::string GetString(const Napi::Object& object, const char* name, std::string_view fallback) {
  return Member(object, name).IsUndefined() ? std::string(fallback) : GetString(object, name);
}

double GetNumber(const Napi::Object& object, const char* name) {
  const Napi::Value value = Member(object, name);
  if (!value.IsNumber()) throw Wrong(object, name, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

std::int64_t GetInteger(const Napi::Object& object, const char* name) {
  const double number = GetNumber(object, name);
  // Beyond 2^53 a double is no longer exact, and the cast would be undefined beyond 2^63.
  if (!(number >= -9007199254740992.0 && number <= 9007199254740992.0))
    throw Wrong(object, name, "an integer");
  return static_cast<std::int64_t>(number);
}

std::size_t GetSize(const Napi::Object& object, const char* name) {
  const std::int64_t number = GetInteger(object, name);
  if (number < 0) throw Wrong(object, name, "an integer from 0 on");
  return static_cast<std::size_t>(number);
}

bool GetBoolean(const Napi::Object& object, const char* name) {
  const Napi::Value value = Member(object, name);
  if (!value.IsBoolean()) throw Wrong(object, name, "a boolean");
  return value.As<Napi::Boolean>().Value();
}

Napi::Object GetObject(const Napi::Object& object, const char* name) {
  const Napi::Value value = Member(object, name);
  if (!value.IsObject()) throw Wrong(object, name, "an object");
  return value.As<Napi::Object>();
}

std::vector<std::string> GetStrings(const Napi::Object& object, const char* name) {
  const Napi::Value value = Member(object, name);
  if (!value.IsArray()) throw Wrong(object, name, "an array of strings");
  const auto list = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value entry = list[i];
    if (!entry.IsString()) throw Wrong(object, name, "an array of strings");
    strings.push_back(entry.As<Napi::String>().Utf8Value());
  }
  return strings;
}

std::vector<std::pair<std::string, std::string>> GetPairs(const Napi::Object& object, const char* name) {
  const Napi::Value value = Member(object, name);
  if (!value.IsArray()) throw Wrong(object, name, "an array of pairs");
  const auto list = value.As<Napi::Array>();
  std::vector<std::pair<std::string, std::string>> pairs;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value entry = list[i];
    if (!entry.IsArray()) throw Wrong(object, name, "an array of pairs");
    const auto pair = entry.As<Napi::Array>();
    const Napi::Value first = pair[0u];
    const Napi::Value second = pair[1u];
    if (!first.IsString() || !second.IsString()) throw Wrong(object, name, "pairs of strings");
    pairs.emplace_back(first.As<Napi::String>().Utf8Value(), second.As<Napi::String>().Utf8Value());
  }
  return pairs;
}

ByteView GetBody(const Napi::Value& value, std::string& text) {
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    const auto bytes = value.As<Napi::Uint8Array>();
    return {bytes.Data(), bytes.ByteLength()};
  }
  if (value.IsString()) {
    text = value.As<Napi::String>().Utf8Value();
    return AsBytes(text);
  }
  throw Napi::TypeError::New(
      value.Env(),
      "rawBody: expected a Buffer, Uint8Array or string with the bytes as they came. A parsed object cannot "
      "be "
      "verified: mount the router before express.json(), or use express.raw({ type: '*/*' })");
}

std::string_view GetHeader(const Napi::Value& value, std::string& text) {
  if (value.IsUndefined() || value.IsNull()) return {};
  if (!value.IsString()) throw Napi::TypeError::New(value.Env(), "signature: expected a string");
  // Any signature fits the small buffer; only what is no signature gets the large one.
  std::array<char, 512> small;
  std::size_t length = 0;
  napi_get_value_string_utf8(value.Env(), value, small.data(), small.size(), &length);
  if (length + kLongestCharacter < small.size()) return text.assign(small.data(), length);
  text.resize(kMaxHeaderBytes);
  napi_get_value_string_utf8(value.Env(), value, text.data(), text.size(), &length);
  return {text.data(), length};
}

crypto::SignatureScheme GetScheme(Napi::Env env, const Napi::Value& value) {
  if (value.IsString()) {
    const std::string name = value.As<Napi::String>().Utf8Value();
    const crypto::SignatureScheme* known = crypto::FindScheme(name);
    if (known == nullptr)
      Invalid(env,
              "scheme: expected cognigy, connector, open-messaging, standard-webhooks or an object, got "
              "another string");
    return *known;
  }
  if (!value.IsObject()) Invalid(env, "scheme: expected a name or an object");
  const auto object = value.As<Napi::Object>();
  crypto::SignatureScheme scheme;
  scheme.name = "custom";
  scheme.header = GetString(object, "header");
  scheme.prefix = GetString(object, "prefix", "");
  const std::string algorithm = GetString(object, "algorithm");
  const std::string encoding = GetString(object, "encoding");
  if (algorithm == "sha1") {
    scheme.digest = crypto::Digest::kSha1;
  } else if (algorithm == "sha256") {
    scheme.digest = crypto::Digest::kSha256;
  } else if (algorithm == "sha512") {
    scheme.digest = crypto::Digest::kSha512;
  } else {
    Invalid(env, "scheme.algorithm: expected sha1, sha256 or sha512, got another string");
  }
  if (encoding == "hex") {
    scheme.encoding = crypto::Encoding::kHex;
  } else if (encoding == "base64") {
    scheme.encoding = crypto::Encoding::kBase64;
  } else {
    Invalid(env, "scheme.encoding: expected hex or base64, got another string");
  }
  return scheme;
}

std::vector<std::vector<std::uint8_t>> GetSecrets(Napi::Env env, const crypto::SignatureScheme& scheme,
                                                  const Napi::Value& value) {
  if (!value.IsArray()) throw Napi::TypeError::New(env, "secrets: expected an array");
  const auto list = value.As<Napi::Array>();
  std::vector<std::vector<std::uint8_t>> keys;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value secret = list[i];
    if (secret.IsString()) {
      keys.push_back(OrThrow(env, crypto::KeyFromText(scheme, secret.As<Napi::String>().Utf8Value())));
    } else {
      std::string unused;
      const ByteView bytes = GetBody(secret, unused);
      keys.emplace_back(bytes.begin(), bytes.end());
    }
  }
  return keys;
}

}  // namespace trunkline::binding
