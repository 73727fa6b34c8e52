// Writing JSON text (RFC 8259).
#pragma once

#include <string>
#include <string_view>

namespace trunkline::json {

// Appends `text` (UTF-8) as a JSON string, with its quotes.
void AppendString(std::string& out, std::string_view text);

// The same without the quotes, to stand inside a larger string.
void AppendEscaped(std::string& out, std::string_view text);

}  // namespace trunkline::json
