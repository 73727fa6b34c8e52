// An address that leaves whoever connects to it waiting.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "net/resolver.h"

namespace trunkline::test {

// Takes no connection and refuses none: its queue of those that wait to be accepted is full.
class BlackHole {
 public:
  BlackHole(const std::string& address, int port) {
    const auto bound = net::ParseAddress(address, static_cast<std::uint16_t>(port)).value();
    sockets_[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(sockets_[0], bound.raw(), sizeof(sockaddr_in)) != 0 || ::listen(sockets_[0], 0) != 0)
      std::abort();
    for (std::size_t i = 1; i < sockets_.size(); ++i) {
      sockets_[i] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)::connect(sockets_[i], bound.raw(), sizeof(sockaddr_in));
    }
  }
  ~BlackHole() {
    for (const int socket : sockets_) ::close(socket);
  }
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;

 private:
  std::array<int, 4> sockets_{};
};

}  // namespace trunkline::test
