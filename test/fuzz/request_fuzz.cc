// Fuzzes Serialize: what it lets out, a strict and independent reader takes for exactly the one request that
// was meant. The input, with a byte 0x1f in between: base path, method, target, body, and names and values of
// headers.
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/request.h"
#include "require.h"

namespace {

using trunkline::ErrorCode;
using trunkline::fuzz::Require;
using trunkline::fuzz::TakeUntil;
using namespace trunkline::net;
using Headers = std::vector<std::pair<std::string, std::string>>;

struct Read {
  std::string method;
  std::string target;
  Headers headers;
  std::string body;
};

bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  Require(end != std::string_view::npos, "lines end with CRLF");
  const std::string_view line = rest.substr(0, end);
  Require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
          "no line within a line");
  rest.remove_prefix(end + 2);
  return line;
}

// RFC 9112 to the letter, and without any of the leniency that it allows a recipient.
Read ReadStrictly(std::string_view rest) {
  Read read;
  std::string_view line = TakeLine(rest);
  read.method = TakeUntil(' ', line);
  read.target = TakeUntil(' ', line);
  Require(line == "HTTP/1.1", "method, target, version");
  Require(!read.method.empty(), "a method");
  for (const char c : read.method) Require(IsTokenChar(c), "a method is a token");
  Require(read.target.starts_with('/'), "origin-form");
  for (const char c : read.target) Require(c > ' ' && c < 0x7f && c != '#', "a target is visible ASCII");

  std::optional<std::size_t> length;
  while (!(line = TakeLine(rest)).empty()) {
    const std::size_t colon = line.find(':');
    Require(colon != std::string_view::npos && colon > 0, "a name and a colon");
    std::string name(line.substr(0, colon));
    for (const char c : name) Require(IsTokenChar(c), "a name is a token");
    std::string_view value = line.substr(colon + 1);
    Require(value.starts_with(' '), "one space before the value");
    value.remove_prefix(1);
    Require(value.empty() || (std::string_view(" \t").find(value.front()) == std::string_view::npos &&
                              std::string_view(" \t").find(value.back()) == std::string_view::npos),
            "no other white space around it");
    const std::string lower = Lower(name);
    Require(lower != "transfer-encoding" && lower != "upgrade" && lower != "expect" && lower != "connection",
            "nothing that changes the framing");
    if (lower == "content-length") {
      Require(!length, "one length");
      std::size_t number = 0;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
      Require(parsed.ec == std::errc() && parsed.ptr == value.data() + value.size(), "a length is a number");
      length = number;
    }
    read.headers.emplace_back(std::move(name), value);
  }
  Require(rest.size() == length.value_or(0), "a body as long as it says, and nothing behind it");
  read.body = rest;
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr char kSeparator = '\x1f';
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto base = ParseBaseUrl("http://127.0.0.1:4010" + std::string(TakeUntil(kSeparator, rest)));
  Request request;
  request.method = TakeUntil(kSeparator, rest);
  request.target = TakeUntil(kSeparator, rest);
  request.body = TakeUntil(kSeparator, rest);
  request.has_body = request.body.size() % 2 == 0;  // a body must be framed even where the caller forgot this
  while (!rest.empty()) {
    std::string name(TakeUntil(kSeparator, rest));
    request.headers.emplace_back(std::move(name), TakeUntil(kSeparator, rest));
  }
  if (!base.ok()) return 0;
  const auto wire = Serialize(*base, request);
  if (!wire.ok()) {
    Require(wire.error().code == ErrorCode::kConfigInvalid, "one error code");
    return 0;
  }

  const Read read = ReadStrictly(*wire);
  Require(read.method == request.method && read.target == base->path + request.target &&
              read.body == request.body,
          "the request that was meant");
  Headers expected{{"Host", base->authority}};
  bool has_accept = false;
  for (const auto& header : request.headers) {
    expected.push_back(header);
    Require(Lower(header.first) != "host", "one host");
    has_accept = has_accept || Lower(header.first) == "accept";
  }
  if (!has_accept) expected.emplace_back("Accept", "*/*");
  if (read.headers.size() > expected.size())
    expected.emplace_back("Content-Length", std::to_string(request.body.size()));
  Require(read.headers == expected, "the headers that were meant");
  return 0;
}
