// Fuzzes ResponseParser: however the bytes come, the verdict is the same, and what is accepted is framed as
// RFC 9112 says. The input: a byte that picks the limits, one that seeds the cuts, and what the server sends
// before it closes.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/response_parser.h"
#include "require.h"

namespace {

using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::fuzz::Require;
using trunkline::fuzz::TakeUntil;
using namespace trunkline::net;
using Progress = ResponseParser::Progress;

struct Verdict {
  std::optional<ErrorCode> error{};
  bool by_end = false;  // complete only because the server closed
  bool keep_alive = false;
  Response response{};
};

// Lengths of the pieces, one after the other. A seed of 0: everything at once.
class Cuts {
 public:
  explicit Cuts(std::uint32_t seed) : state_(seed) {}
  std::size_t Next() {
    if (state_ == 0) return SIZE_MAX;
    state_ = state_ * 1664525 + 1013904223;  // Numerical Recipes' generator
    const std::uint32_t drawn = state_ >> 16;
    return drawn % 4 == 0 ? 1 + drawn / 4 % 64 : 1 + drawn / 4 % 4;
  }

 private:
  std::uint32_t state_;
};

Verdict Read(std::string_view bytes, const ResponseLimits& limits, bool head, std::uint32_t seed) {
  Verdict verdict;
  ResponseParser parser(limits, head);
  Cuts cuts(seed);
  Result<Progress> progress = Progress::kNeedMore;
  while (!bytes.empty() && progress.ok() && *progress == Progress::kNeedMore) {
    const std::string_view piece = bytes.substr(0, cuts.Next());
    // In memory of its own, so that a read past its end is seen.
    progress = parser.Feed(std::string(piece));
    bytes.remove_prefix(piece.size());
  }
  if (progress.ok() && *progress == Progress::kNeedMore) {
    progress = parser.FeedEnd();
    verdict.by_end = true;
  } else if (!bytes.empty() && progress.ok()) {
    // What comes after the end: refused by the parser in the same piece, by the connection in a later one.
    verdict.error = ErrorCode::kMalformedResponse;
    return verdict;
  }
  if (!progress.ok()) {
    verdict.error = progress.error().code;
    return verdict;
  }
  Require(*progress == Progress::kDone, "the end ends it");
  verdict.keep_alive = parser.keep_alive();
  verdict.response = parser.Take();
  return verdict;
}

// Which error it is counts only where there is but one reason: what is both too large and malformed may be
// called either. And long runs of white space or zeros, which are not counted, may be too much at once.
bool Same(const Verdict& a, const Verdict& b, bool malformed_anyway, bool padded) {
  if (a.error && b.error) return a.error == b.error || malformed_anyway;
  const auto too_large = [](const Verdict& v) { return v.error == ErrorCode::kResponseTooLarge; };
  if (padded && (too_large(a) || too_large(b))) return true;
  return a.error == b.error && a.by_end == b.by_end && a.keep_alive == b.keep_alive &&
         a.response.status == b.response.status && a.response.header_lines == b.response.header_lines &&
         a.response.body == b.response.body;
}

// Digits, without the white space around them and zeros before them.
std::string NumberIn(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  Require(!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos,
          "a length is a number");
  return std::string(text.substr(std::min(text.find_first_not_of('0'), text.size() - 1)));
}

void CheckFraming(const Verdict& verdict, const ResponseLimits& limits, bool head) {
  const Response& response = verdict.response;
  Require(response.status >= 200 && response.status <= 999, "a final status");
  Require(response.body.size() <= limits.max_body_bytes, "the body keeps its limit");
  Require(!verdict.by_end || !verdict.keep_alive, "a connection that closed is not kept");
  std::size_t header_bytes = 0;
  std::optional<std::string> length;
  bool chunked = false;
  for (std::string_view lines = response.header_lines; !lines.empty();) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    Require(line.size() < lines.size(), "each line ends");
    lines.remove_prefix(line.size() + 1);
    const std::size_t colon = line.find(": ");
    Require(colon != std::string_view::npos, "a name and a value");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    header_bytes += name.size() + value.size();
    Require(!name.empty(), "headers have names");
    for (const char c : name) {
      Require(c > ' ' && c < 0x7f && c != ':' && !(c >= 'A' && c <= 'Z'), "names are lower-case tokens");
    }
    Require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "values are one line");
    if (name == "content-length") {
      for (std::string_view list = value; !list.empty();) {
        const std::string number = NumberIn(TakeUntil(',', list));
        Require(!length || *length == number, "one length, however often it is said (RFC 9112, 6.3)");
        length = number;
      }
    }
    chunked = chunked || name == "transfer-encoding";
  }
  Require(header_bytes <= limits.max_header_bytes, "the headers keep their limit");
  Require(!(chunked && length), "one way of framing (RFC 9112, 6.3)");
  if (head || response.status == 204 || response.status == 304) {
    Require(response.body.empty(), "no body where there is none");
  } else if (length) {
    Require(std::to_string(response.body.size()) == *length, "as long as it said");
  } else if (!chunked) {
    Require(verdict.by_end, "without a length it ends with the connection");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  ResponseLimits limits;
  if (data[0] & 1) limits.max_header_bytes = 64;
  if (data[0] & 2) limits.max_body_bytes = 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  for (const bool head : {false, true}) {
    const Verdict whole = Read(bytes, limits, head, 0);
    if (!whole.error) CheckFraming(whole, limits, head);
    const bool malformed_anyway = whole.error && Read(bytes, {}, head, 0).error;
    Require(Same(whole, Read(bytes, limits, head, data[1] + 1u), malformed_anyway, size > 1024),
            "the cuts make no difference");
    if (whole.error || whole.by_end) continue;
    const Verdict followed =
        Read(std::string(bytes) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", limits, head, 0);
    Require(followed.error.has_value(), "nothing may follow an answer");
  }
  return 0;
}
