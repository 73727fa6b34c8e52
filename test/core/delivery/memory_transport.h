// A network in memory: the test sees every request and answers it when it likes.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "net/transport.h"

namespace trunkline::test {

class MemoryTransport final : public net::Transport {
 public:
  struct Sent {
    std::string wire;
    Callback callback;
    std::uintptr_t ticket = 0;
    std::int64_t timeout_ms = 0;

    std::string Header(const std::string& name) const {
      const std::string key = "\r\n" + name + ": ";
      const std::size_t at = wire.find(key);
      if (at == std::string::npos) return {};
      const std::size_t from = at + key.size();
      return wire.substr(from, wire.find("\r\n", from) - from);
    }
    std::string Body() const { return wire.substr(wire.find("\r\n\r\n") + 4); }
  };

  Ticket Send(std::string wire, bool, std::int64_t timeout_ms, Callback callback) override {
    under_way.push_back({std::move(wire), std::move(callback), ++last_ticket_, timeout_ms});
    return reinterpret_cast<Ticket>(last_ticket_);
  }
  void Cancel(Ticket ticket) override {
    std::erase_if(under_way,
                  [ticket](const Sent& sent) { return reinterpret_cast<Ticket>(sent.ticket) == ticket; });
    ++cancelled;
  }

  // Ends the request that has waited longest.
  void Answer(int status, const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    net::Response response{.status = status, .header_lines = {}, .body = "{}"};
    for (const auto& [name, value] : headers) response.header_lines += name + ": " + value + "\n";
    End(std::move(response));
  }
  void Fail(Error error) { End(std::move(error)); }
  void Fail(ErrorCode code) { End(Error{.code = code, .message = "the network failed"}); }

  std::vector<Sent> under_way;
  std::vector<Sent> ended;
  int cancelled = 0;

 private:
  void End(Result<net::Response> result) {
    ASSERT_FALSE(under_way.empty()) << "nothing is under way that could be answered";
    ended.push_back(under_way.front());
    under_way.erase(under_way.begin());
    const Callback callback = ended.back().callback;
    callback(std::move(result));
  }

  std::uintptr_t last_ticket_ = 0;
};

}  // namespace trunkline::test
