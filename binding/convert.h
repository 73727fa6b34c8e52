// Between JavaScript values and the core's structs. Options have been validated by lib/: here a wrong type is
// a TypeError all the same.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/errors.h"
#include "crypto/signature_verifier.h"

namespace trunkline::binding {

// A TrunklineError (lib/errors.js).
Napi::Error ToJsError(Napi::Env env, const Error& error);

// What such an error says.
Error FromJsError(const Napi::Object& error);

// The result's value, or its error thrown.
template <typename Result>
auto OrThrow(Napi::Env env, Result&& result) {
  if (!result.ok()) throw ToJsError(env, result.error());
  return std::move(*result);
}

// Members of an options object; the getters with a fallback take undefined for it.
std::string GetString(const Napi::Object& object, const char* name);
std::string GetString(const Napi::Object& object, const char* name, std::string_view fallback);
std::int64_t GetInteger(const Napi::Object& object, const char* name);
std::size_t GetSize(const Napi::Object& object, const char* name);  // an integer ≥ 0
double GetNumber(const Napi::Object& object, const char* name);
bool GetBoolean(const Napi::Object& object, const char* name);
Napi::Object GetObject(const Napi::Object& object, const char* name);
std::vector<std::string> GetStrings(const Napi::Object& object, const char* name);
std::vector<std::pair<std::string, std::string>> GetPairs(const Napi::Object& object,
                                                          const char* name);  // [[name, value], …]

// The bytes of a Buffer or Uint8Array, or a string's UTF-8, which `text` then holds. Valid while both live
// and no JavaScript runs. A TypeError for anything else, saying how a body gets here raw.
ByteView GetBody(const Napi::Value& value, std::string& text);

// A header's value; undefined and null are empty. One too long for any signature comes back cut off, which no
// scheme accepts.
std::string_view GetHeader(const Napi::Value& value, std::string& text);

// `scheme` is a known name or { header, algorithm, encoding, prefix? }; `secrets` an array of Buffers (keys)
// and strings. Throws CONFIG_INVALID.
crypto::SignatureScheme GetScheme(Napi::Env env, const Napi::Value& value);
std::vector<std::vector<std::uint8_t>> GetSecrets(Napi::Env env, const crypto::SignatureScheme& scheme,
                                                  const Napi::Value& value);

}  // namespace trunkline::binding
