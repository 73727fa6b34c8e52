#include "net/response_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cctype>
#include <limits>
#include <optional>

namespace trunkline::net {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kShortestChunk = 5;
constexpr std::size_t kUsualHeaderBytes = 256;
constexpr std::size_t kBareStatusLine = 15;  // "HTTP/1.1 200 " and CRLF
// What white space, which is not counted, may add to a line that has not come whole.
constexpr std::size_t kSlackBytes = 1024;

using BeastError = boost::beast::error_code;

// Beast calls back with what it has recognised; this collects it, and refuses what Beast lets pass but RFC
// 9112 does not: two readers that disagree on where an answer ends let a peer smuggle a second one in.
class Collector final : public http::basic_parser<false> {
 public:
  // `header_bytes_left` outlives the collector: interim responses and the final one share it.
  Collector(std::size_t max_header_bytes, std::size_t& header_bytes_left)
      : max_header_bytes_(max_header_bytes), header_bytes_left_(header_bytes_left) {}

  Response response;
  bool announces_body = false;  // by Content-Length or Transfer-Encoding

 private:
  using View = boost::beast::string_view;

  void on_request_impl(http::verb, View, View, int, BeastError&) override {}
  void on_response_impl(int code, View reason, int version, BeastError& error) override {
    response.status = code;
    version_ = version;
    Count(kBareStatusLine + reason.size(), error);
    if (code < 100) error = http::error::bad_status;
  }
  void on_field_impl(http::field field, View name, View value, BeastError& error) override {
    Count(name.size() + value.size() + 4, error);
    if (error) return;
    // Trailers come after the body was framed and read, and must not pass for headers (RFC 9110, 6.5.1).
    if (in_body_) return;
    if (field == http::field::transfer_encoding) {
      // Beast reads any other coding until the connection closes; HTTP/1.0 has none at all (RFC 9112, 6.1
      // and 6.3).
      if (version_ < 11 || !boost::beast::iequals(value, "chunked"))
        error = http::error::bad_transfer_encoding;
      announces_body = true;
    } else if (field == http::field::content_length) {
      announces_body = announces_body || value != "0";
    }
    std::string& lines = response.header_lines;
    if (lines.empty()) lines.reserve(kUsualHeaderBytes);
    const std::size_t at = lines.size();
    lines.append(name.data(), name.size());
    for (std::size_t i = at; i < lines.size(); ++i) {
      if (lines[i] >= 'A' && lines[i] <= 'Z') lines[i] = static_cast<char>(lines[i] + ('a' - 'A'));
    }
    lines.append(": ").append(value.data(), value.size()).append("\n");
  }
  void on_header_impl(BeastError& error) override {
    error = {};
    in_body_ = true;
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, BeastError& error) override {
    error = {};
    // The announced length is already within the limit here; still no more is reserved than a small body
    // needs.
    if (length) response.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 64 * 1024)));
  }
  std::size_t on_body_impl(View body, BeastError& error) override {
    error = {};
    response.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, View extensions, BeastError& error) override {
    error = {};
    if (extensions.size() > max_header_bytes_) error = http::error::header_limit;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, View body, BeastError& error) override {
    return on_body_impl(body, error);
  }
  void on_finish_impl(BeastError& error) override { error = {}; }

  // Beast bounds what it sees at once: how much passes would depend on how the bytes were cut.
  void Count(std::size_t bytes, BeastError& error) {
    error = {};
    if (bytes > header_bytes_left_) {
      error = http::error::header_limit;
      return;
    }
    header_bytes_left_ -= bytes;
  }

  const std::size_t max_header_bytes_;
  std::size_t& header_bytes_left_;
  int version_ = 0;
  bool in_body_ = false;
};

Error FromBeast(const BeastError& error) {
  if (error == http::error::body_limit || error == http::error::header_limit) {
    return {.code = ErrorCode::kResponseTooLarge, .message = "the answer exceeds the size limit"};
  }
  return {.code = ErrorCode::kMalformedResponse,
          .message = "the answer is not valid HTTP: " + error.message()};
}

}  // namespace

std::string_view Response::Header(std::string_view lower_case_name) const {
  std::string_view rest = header_lines;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    if (line.starts_with(lower_case_name) && line.substr(lower_case_name.size()).starts_with(": "))
      return line.substr(lower_case_name.size() + 2);
  }
  return {};
}

struct ResponseParser::State {
  ResponseLimits limits;
  bool head_request;
  bool started = false;
  std::size_t header_bytes_left = 0;
  std::string unread;  // the beginning of a header or chunk line whose end has not come
  std::optional<Collector> collector;

  void Begin() {
    collector.emplace(limits.max_header_bytes, header_bytes_left);
    collector->eager(true);
    collector->header_limit(std::numeric_limits<std::uint32_t>::max());  // the collector counts
    collector->body_limit(limits.max_body_bytes);
    collector->skip(head_request || limits.head_only);
  }

  bool IsInterim() const { return collector->response.status >= 100 && collector->response.status < 200; }

  // Bytes taken from `bytes`, parsing on past interim responses. 101 is none: nothing here asks to switch
  // protocols.
  Result<std::size_t> Consume(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && !collector->is_done()) {
      BeastError error;
      const std::size_t used =
          collector->put(boost::asio::buffer(bytes.data() + taken, bytes.size() - taken), error);
      taken += used;
      if (error == http::error::need_more) break;
      if (error) return FromBeast(error);
      if (collector->is_done() && IsInterim()) {
        if (collector->response.status == 101) {
          return Error{.code = ErrorCode::kMalformedResponse,
                       .message = "the answer switches protocols unasked (101)"};
        }
        Begin();
      } else if (used == 0) {
        break;
      }
    }
    return taken;
  }
};

ResponseParser::ResponseParser(const ResponseLimits& limits, bool head_request)
    : state_(std::make_unique<State>()) {
  state_->limits = limits;
  state_->head_request = head_request;
  state_->header_bytes_left = limits.max_header_bytes;
  state_->Begin();
}

ResponseParser::~ResponseParser() = default;

Result<ResponseParser::Progress> ResponseParser::Feed(std::string_view bytes) {
  State& s = *state_;
  if (bytes.empty()) return Progress::kNeedMore;
  s.started = true;
  std::string joined;
  if (!s.unread.empty()) {
    joined = std::move(s.unread);
    joined.append(bytes);
    bytes = joined;
    s.unread.clear();
  }
  // Every chunk line with what follows it takes at least the five bytes of "0\r\n\r\n"; Beast asserts that it
  // sees as many.
  if (!joined.empty() && bytes.size() < kShortestChunk && s.collector->is_header_done() &&
      s.collector->chunked()) {
    s.unread.assign(bytes);
    return Progress::kNeedMore;
  }
  auto taken = s.Consume(bytes);
  if (!taken) return taken.error();
  if (s.collector->is_done()) {
    if (*taken != bytes.size() && !s.limits.head_only) {
      return Error{.code = ErrorCode::kMalformedResponse, .message = "bytes follow the end of the answer"};
    }
    return Progress::kDone;
  }
  s.unread.assign(bytes.substr(*taken));
  if (s.unread.size() > s.limits.max_header_bytes + kSlackBytes) return FromBeast(http::error::header_limit);
  return Progress::kNeedMore;
}

Result<ResponseParser::Progress> ResponseParser::FeedEnd() {
  BeastError error;
  if (state_->unread.empty() && state_->collector->got_some()) {
    state_->collector->put_eof(error);
    if (!error && state_->collector->is_done()) return Progress::kDone;
  }
  return Error{.code = ErrorCode::kMalformedResponse,
               .message = "the connection closed before the answer was complete"};
}

bool ResponseParser::started() const { return state_->started; }

bool ResponseParser::keep_alive() const {
  // A 204 that announces a body may well send it: those bytes would pass for the next answer.
  return !state_->limits.head_only && state_->collector->keep_alive() &&
         !(state_->collector->response.status == 204 && state_->collector->announces_body);
}

Response ResponseParser::Take() { return std::move(state_->collector->response); }

}  // namespace trunkline::net
