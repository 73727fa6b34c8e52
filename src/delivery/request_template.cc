#include "delivery/request_template.h"

#include <cctype>

#include "base/clock.h"
#include "json/write.h"

namespace trunkline::delivery {

Result<std::vector<RequestTemplate::Piece>> RequestTemplate::Split(std::string_view text, bool json) {
  static constexpr std::pair<std::string_view, Variable> kVariables[] = {
      {"eventId", Variable::kEventId},     {"intent", Variable::kIntent},
      {"dialogId", Variable::kDialogId},   {"sessionId", Variable::kSessionId},
      {"queue", Variable::kQueue},         {"processedAt", Variable::kProcessedAt},
      {"latencyMs", Variable::kLatencyMs},
  };
  std::vector<Piece> pieces;
  Piece piece;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = at + 1;
    if (text[at] == '{') {
      while (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end]))) ++end;
    }
    // In JSON text outside of strings, a brace is followed by a quote or a brace: never by a name and a
    // closing brace.
    if (text[at] != '{' || end == at + 1 || end >= text.size() || text[end] != '}') {
      piece.text += text[at++];
      continue;
    }
    const std::string_view name = text.substr(at + 1, end - at - 1);
    for (const auto& [known, variable] : kVariables) {
      if (name == known) piece.variable = variable;
    }
    if (piece.variable == Variable::kNone) {
      return Error{
          .code = ErrorCode::kConfigInvalid,
          .message =
              "resource: unknown placeholder {" + std::string(name) +
              "}, expected one of eventId, intent, dialogId, sessionId, queue, processedAt, latencyMs"};
    }
    at = end + 1;
    piece.whole_value = json && !piece.text.empty() && piece.text.back() == '"' && at < text.size() &&
                        text[at] == '"' &&
                        (piece.text.size() < 2 || piece.text[piece.text.size() - 2] != '\\');
    if (piece.whole_value) {
      piece.text.pop_back();
      ++at;
    }
    pieces.push_back(std::exchange(piece, {}));
  }
  if (!piece.text.empty()) pieces.push_back(std::move(piece));
  return pieces;
}

Result<RequestTemplate> RequestTemplate::Compile(std::string method, std::string_view path,
                                                 std::string_view json_body) {
  RequestTemplate compiled;
  compiled.method_ = std::move(method);
  auto path_pieces = Split(path, false);
  if (!path_pieces) return path_pieces.error();
  auto body_pieces = Split(json_body, true);
  if (!body_pieces) return body_pieces.error();
  compiled.path_ = std::move(*path_pieces);
  compiled.body_ = std::move(*body_pieces);
  for (const Piece& piece : compiled.body_) compiled.body_size_ += piece.text.size();
  return compiled;
}

std::string_view RequestTemplate::TextOf(Variable variable, const TemplateValues& values, std::string& made) {
  switch (variable) {
    case Variable::kNone:
      return {};
    case Variable::kEventId:
      return values.event_id;
    case Variable::kIntent:
      return values.intent;
    case Variable::kDialogId:
      return values.dialog_id;
    case Variable::kSessionId:
      return values.session_id;
    case Variable::kQueue:
      return values.queue;
    case Variable::kProcessedAt:
      return made = ToIso8601(values.processed_at_ms);
    case Variable::kLatencyMs:
      return made = std::to_string(values.latency_ms);
  }
  return {};
}

net::Request RequestTemplate::Render(const TemplateValues& values, std::string_view idempotency_key) const {
  constexpr std::size_t kRoom = 128;  // for what variables stand for: most fit, the rest grows
  net::Request request;
  request.method = method_;
  request.headers.reserve(2);
  request.headers.emplace_back("Idempotency-Key", idempotency_key);
  request.target.clear();
  request.target.reserve(kRoom);
  std::string made;
  for (const Piece& piece : path_) {
    request.target += piece.text;
    if (piece.variable != Variable::kNone)
      net::AppendPathSegment(request.target, TextOf(piece.variable, values, made));
  }
  request.has_body = !body_.empty();
  if (!request.has_body) return request;
  request.body.reserve(body_size_ + kRoom);
  for (const Piece& piece : body_) {
    request.body += piece.text;
    if (piece.variable == Variable::kNone) continue;
    const std::string_view value = TextOf(piece.variable, values, made);
    if (!piece.whole_value) {
      json::AppendEscaped(request.body, value);
    } else if (piece.variable == Variable::kLatencyMs) {
      request.body += value;
    } else {
      json::AppendString(request.body, value);
    }
  }
  request.headers.emplace_back("Content-Type", "application/json");
  return request;
}

}  // namespace trunkline::delivery
