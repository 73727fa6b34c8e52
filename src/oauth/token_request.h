// What is sent to a token server (RFC 6749, 4.4.2 and 4.3.2), as data: whoever speaks HTTP adds the rest.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oauth/credential.h"

namespace trunkline::oauth {

// A POST. Every part may hold secrets: never log one, nor put it into an error.
struct TokenRequest {
  std::string url_query;  // to be added to the token URL's query, which may be empty; encoded, without "?"
  std::string body;       // may be empty; its Content-Length is sent even then
  std::vector<std::pair<std::string, std::string>> headers;
};

TokenRequest BuildTokenRequest(const Credential& credential);

// application/x-www-form-urlencoded as the WHATWG URL standard writes it: letters, digits and *-._ stand for
// themselves, a space becomes "+", every other byte %XX.
std::string FormEncode(std::string_view text);

}  // namespace trunkline::oauth
