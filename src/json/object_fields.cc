// A SAX handler over Boost.JSON's parser: it keeps the members it was asked for and forgets the rest as it
// goes by.
#include "json/object_fields.h"

#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <cassert>
#include <cstring>

namespace trunkline::json {
namespace {

namespace bj = boost::json;

// Boost calls these as it reads; each answers true to go on. `total` is the whole length so far, the part
// included.
class MemberPicker {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  MemberPicker(std::span<Member> members, std::size_t max_text_bytes)
      : members_(members), max_text_bytes_(max_text_bytes) {}

  bool is_object() const { return is_object_; }

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
      next_ = Find({part.data(), part.size()});
    } else {
      Gather(part, total);
      next_ = total <= kMaxPickedName ? Find({name_.data(), total}) : nullptr;
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
    next_ = nullptr;
    return true;
  }

  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t value, bj::string_view, bj::error_code&) {
    return SetNumber(static_cast<double>(value));
  }
  bool on_uint64(std::uint64_t value, bj::string_view, bj::error_code&) {
    return SetNumber(static_cast<double>(value));
  }
  bool on_double(double value, bj::string_view, bj::error_code&) { return SetNumber(value); }
  bool on_bool(bool, bj::error_code&) { return Set(Member::Kind::kOther); }
  bool on_null(bj::error_code&) { return Set(Member::Kind::kOther); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  bool IsPicked() const { return depth_ == 1 && next_ != nullptr; }

  bool Open() {
    Set(Member::Kind::kOther);
    ++depth_;
    return true;
  }
  bool Close() {
    --depth_;
    return true;
  }

  // A value that is no string: the last one counts, so an earlier string of that name is gone.
  bool Set(Member::Kind kind) {
    if (!IsPicked()) return true;
    next_->kind = kind;
    next_->text.clear();
    next_ = nullptr;
    return true;
  }
  bool SetNumber(double value) {
    if (IsPicked()) next_->number = value;
    return Set(Member::Kind::kNumber);
  }

  Member* Find(std::string_view name) const {
    for (Member& member : members_) {
      if (member.name == name) return &member;
    }
    return nullptr;
  }

  // A name with escapes comes in parts; one that outgrows the longest we may look for needs no keeping.
  void Gather(bj::string_view part, std::size_t total) {
    if (total <= kMaxPickedName) {
      std::memcpy(name_.data() + (total - part.size()), part.data(), part.size());
    }
  }

  void Append(bj::string_view part, std::size_t total) {
    if (total == part.size()) next_->text.clear();
    if (total > max_text_bytes_) {
      next_->kind = Member::Kind::kTooLong;
      next_->text.clear();
    } else {
      next_->kind = Member::Kind::kText;
      next_->text.append(part.data(), part.size());
    }
  }

  const std::span<Member> members_;
  const std::size_t max_text_bytes_;
  std::array<char, kMaxPickedName> name_;
  Member* next_ = nullptr;  // whose value comes next
  std::size_t depth_ = 0;
  bool is_object_ = false;
};

Error Malformed(std::string reason) { return Error{ErrorCode::kMalformedPayload, std::move(reason)}; }

}  // namespace

Status PickMembers(ByteView body, std::span<Member> members, std::size_t max_text_bytes) {
  for ([[maybe_unused]] const Member& member : members) assert(member.name.size() <= kMaxPickedName);
  bj::parse_options options;
  options.max_depth = kMaxDepth;
  bj::basic_parser<MemberPicker> parser(options, members, max_text_bytes);
  bj::error_code error;
  const std::string_view text = AsText(body);
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = bj::error::extra_data;
  if (error == bj::error::too_deep) return Malformed("nested deeper than " + std::to_string(kMaxDepth));
  if (error) {
    return Malformed("not valid JSON (" + error.message() + ", at byte " + std::to_string(read) + ")");
  }
  if (!parser.handler().is_object()) return Malformed("not a JSON object");
  return Ok();
}

}  // namespace trunkline::json
