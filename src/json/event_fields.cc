// A SAX handler over Boost.JSON's parser: it keeps four strings and forgets the rest as it goes by.
#include "json/event_fields.h"

#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <cstring>
#include <string_view>
#include <utility>

namespace trunkline::json {
namespace {

namespace bj = boost::json;

constexpr std::size_t kFieldCount = 4;
constexpr std::array<std::string_view, kFieldCount> kFieldNames = {"webhookEventId", "intent", "dialogId",
                                                                   "sessionId"};
constexpr std::size_t kNoField = kFieldCount;
constexpr std::size_t kLongestName = 14;

std::size_t FindField(std::string_view name) {
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (kFieldNames[i] == name) return i;
  }
  return kNoField;
}

// Boost calls these as it reads; each answers true to go on. `total` is the whole length so far, the part
// included.
class FieldPicker {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  explicit FieldPicker(std::array<std::string*, kFieldCount> fields) : fields_(fields) {}

  bool is_object() const { return is_object_; }
  bool too_long(std::size_t field) const { return too_long_[field]; }

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }

  bool on_object_begin(bj::error_code&) {
    if (depth_ == 0) is_object_ = true;
    return Open();
  }
  bool on_object_end(std::size_t, bj::error_code&) { return Close(); }
  bool on_array_begin(bj::error_code&) { return Open(); }
  bool on_array_end(std::size_t, bj::error_code&) { return Close(); }

  bool on_key_part(bj::string_view part, std::size_t total, bj::error_code&) {
    if (depth_ == 1) Gather(part, total);
    return true;
  }
  bool on_key(bj::string_view part, std::size_t total, bj::error_code&) {
    if (depth_ != 1) return true;
    if (total == part.size()) {
      field_ = FindField({part.data(), part.size()});
    } else {
      Gather(part, total);
      field_ = total <= kLongestName ? FindField({name_.data(), total}) : kNoField;
    }
    return true;
  }

  bool on_string_part(bj::string_view part, std::size_t total, bj::error_code&) {
    if (IsPicked()) Append(part, total);
    return true;
  }
  bool on_string(bj::string_view part, std::size_t total, bj::error_code&) {
    if (!IsPicked()) return true;
    Append(part, total);
    field_ = kNoField;
    return true;
  }

  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t, bj::string_view, bj::error_code&) { return Drop(); }
  bool on_uint64(std::uint64_t, bj::string_view, bj::error_code&) { return Drop(); }
  bool on_double(double, bj::string_view, bj::error_code&) { return Drop(); }
  bool on_bool(bool, bj::error_code&) { return Drop(); }
  bool on_null(bj::error_code&) { return Drop(); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  bool IsPicked() const { return depth_ == 1 && field_ != kNoField; }

  bool Open() {
    Drop();
    ++depth_;
    return true;
  }
  bool Close() {
    --depth_;
    return true;
  }

  // A value that is no string: the last one counts, so an earlier string of that name is gone.
  bool Drop() {
    if (!IsPicked()) return true;
    fields_[field_]->clear();
    too_long_[field_] = false;
    field_ = kNoField;
    return true;
  }

  // A name with escapes comes in parts; one that outgrows the longest of ours needs no keeping.
  void Gather(bj::string_view part, std::size_t total) {
    if (total <= kLongestName) std::memcpy(name_.data() + (total - part.size()), part.data(), part.size());
  }

  void Append(bj::string_view part, std::size_t total) {
    std::string& field = *fields_[field_];
    if (total == part.size()) field.clear();
    too_long_[field_] = total > kMaxFieldBytes;
    if (!too_long_[field_]) field.append(part.data(), part.size());
  }

  std::array<std::string*, kFieldCount> fields_;
  std::array<bool, kFieldCount> too_long_{};
  std::array<char, kLongestName> name_;
  std::size_t field_ = kNoField;  // which field's value comes next
  std::size_t depth_ = 0;
  bool is_object_ = false;
};

Error Malformed(std::string message) { return Error{ErrorCode::kMalformedPayload, std::move(message)}; }

Error NotJson(const bj::error_code& reason, std::size_t at) {
  if (reason == bj::error::too_deep) {
    return Malformed("Malformed payload: nested deeper than " + std::to_string(kMaxDepth));
  }
  return Malformed("Malformed payload: not valid JSON (" + reason.message() + ", at byte " +
                   std::to_string(at) + ")");
}

// The names of the fields that `wanted` holds for, separated by commas.
template <typename Predicate>
std::string Names(Predicate wanted) {
  std::string names;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (!wanted(i)) continue;
    if (!names.empty()) names += ", ";
    names += kFieldNames[i];
  }
  return names;
}

}  // namespace

Result<EventFields> ParseEventFields(ByteView body) {
  EventFields event;
  const std::array<std::string*, kFieldCount> fields = {&event.event_id, &event.intent, &event.dialog_id,
                                                        &event.session_id};
  bj::parse_options options;
  options.max_depth = kMaxDepth;
  bj::basic_parser<FieldPicker> parser(options, fields);
  bj::error_code error;
  const std::string_view text = AsText(body);
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = bj::error::extra_data;
  if (error) return NotJson(error, read);

  const FieldPicker& picker = parser.handler();
  if (!picker.is_object()) return Malformed("Malformed payload: not a JSON object");
  const std::string missing = Names([&](std::size_t i) { return fields[i]->empty() && !picker.too_long(i); });
  if (!missing.empty()) return Malformed("Malformed payload. Missing fields: " + missing);
  const std::string too_long = Names([&](std::size_t i) { return picker.too_long(i); });
  if (!too_long.empty()) {
    const char* verb = too_long.find(',') == std::string::npos ? " is" : " are";
    return Malformed("Malformed payload: " + too_long + verb + " longer than " +
                     std::to_string(kMaxFieldBytes) + " bytes");
  }
  return event;
}

}  // namespace trunkline::json
