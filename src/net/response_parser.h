// Reads one HTTP/1.1 or 1.0 response (RFC 9112) as its bytes come, with Boost.Beast's parser and our limits.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace trunkline::net {

struct Response {
  int status = 0;
  // "name: value\n" for each, names in lower case, in the order they came: one string that crosses threads,
  // where a list would be a dozen.
  std::string header_lines;
  std::string body;

  // The first value under that lower-case name; empty when there is none.
  std::string_view Header(std::string_view lower_case_name) const;
};

struct ResponseLimits {
  // Status lines and fields, trailers and those of interim responses included; the extensions of each chunk
  // too. White space around a value is not counted.
  std::size_t max_header_bytes = 64 * 1024;
  std::size_t max_body_bytes = 10 * 1024 * 1024;
  // Done with the final header: what follows it is dropped, and the connection carries no other request.
  bool head_only = false;
};

class ResponseParser {
 public:
  // `head_request`: the response has no body, whatever its headers say.
  ResponseParser(const ResponseLimits& limits, bool head_request);
  ~ResponseParser();

  enum class Progress { kNeedMore, kDone };

  // Takes the next bytes. MALFORMED_RESPONSE or RESPONSE_TOO_LARGE when they cannot be the rest of an
  // acceptable response; bytes past its end are MALFORMED_RESPONSE too: nothing was asked that they could
  // answer. Interim responses (1xx) are passed over.
  Result<Progress> Feed(std::string_view bytes);

  // The peer has closed: kDone when that ends the body, as it does where no length was given; else
  // MALFORMED_RESPONSE.
  Result<Progress> FeedEnd();

  bool started() const;     // has any byte come?
  bool keep_alive() const;  // when done: may the connection carry another request?
  Response Take();          // when done

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trunkline::net
