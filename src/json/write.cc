#include "json/write.h"

#include <boost/json/serialize.hpp>

namespace trunkline::json {

void AppendString(std::string& out, std::string_view text) {
  out += boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

void AppendEscaped(std::string& out, std::string_view text) {
  const std::string quoted = boost::json::serialize(boost::json::string_view(text.data(), text.size()));
  out.append(quoted, 1, quoted.size() - 2);
}

}  // namespace trunkline::json
