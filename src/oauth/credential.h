// Who asks for a token, where and for what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::oauth {

// How the client shows who it is (RFC 6749, 2.3.1).
enum class ClientAuth : std::uint8_t {
  kBasic,  // Authorization: Basic
  kBody,   // client_id and client_secret in the form
  kQuery,  // as kBody, but the whole form stands in the URL; for servers that take nothing else
};

enum class Grant : std::uint8_t {
  kClientCredentials,  // RFC 6749, 4.4
  kPassword,           // RFC 6749, 4.3
};

// Holds secrets: nothing prints one, and it has no stream operator.
struct Credential {
  std::string token_url{};  // empty: the one that the issuer names
  std::string issuer{};     // see oauth/discovery.h
  std::string client_id;
  std::string client_secret;
  std::string scope{};  // as asked for, space-separated; empty: not asked for
  ClientAuth client_auth = ClientAuth::kBasic;
  Grant grant = Grant::kClientCredentials;
  std::string username{};  // of the password grant, as is
  std::string password{};

  // What a token is expected to last and grant. Two credentials that differ in these alone share their token.
  std::int64_t refresh_before_ms = -1;  // how long before its end a token is replaced; -1: the default rule
  std::vector<std::string> required_scopes{};
};

// Equality and hash of what a token belongs to: server, client, scope, grant, and the secrets, so that a
// changed secret never finds the token of the old one.
struct SharesToken {
  bool operator()(const Credential& a, const Credential& b) const {
    return a.token_url == b.token_url && a.issuer == b.issuer && a.client_id == b.client_id &&
           a.client_secret == b.client_secret && a.scope == b.scope && a.client_auth == b.client_auth &&
           a.grant == b.grant && a.username == b.username && a.password == b.password;
  }
};

struct CredentialHash {
  std::size_t operator()(const Credential& credential) const {
    std::size_t hash =
        static_cast<std::size_t>(credential.client_auth) * 2 + static_cast<std::size_t>(credential.grant);
    for (const std::string_view part :
         {std::string_view(credential.token_url), std::string_view(credential.issuer),
          std::string_view(credential.client_id), std::string_view(credential.client_secret),
          std::string_view(credential.scope), std::string_view(credential.username),
          std::string_view(credential.password)}) {
      hash = hash * 31 + std::hash<std::string_view>{}(part);
    }
    return hash;
  }
};

}  // namespace trunkline::oauth
