#include "net/resolver.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace trunkline::net {
namespace {

std::vector<Address> ToAddresses(const addrinfo* found, std::uint16_t port) {
  std::vector<Address> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    Address& address = addresses.emplace_back();
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    if (address.is_ipv6()) {
      reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = htons(port);
    } else {
      reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(port);
    }
  }
  return addresses;
}

}  // namespace

std::string Address::Text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  uv_ip_name(raw(), text.data(), text.size());
  return text.data();
}

std::optional<Address> ParseAddress(const std::string& host, std::uint16_t port) {
  Address address;
  if (uv_ip4_addr(host.c_str(), port, reinterpret_cast<sockaddr_in*>(&address.storage)) == 0 ||
      uv_ip6_addr(host.c_str(), port, reinterpret_cast<sockaddr_in6*>(&address.storage)) == 0) {
    return address;
  }
  return std::nullopt;
}

std::vector<Address> Interleave(std::vector<Address> addresses) {
  if (addresses.empty()) return addresses;
  const bool lead = addresses.front().is_ipv6();
  const auto others = std::stable_partition(addresses.begin(), addresses.end(),
                                            [=](const Address& one) { return one.is_ipv6() == lead; });
  std::vector<Address> ordered;
  ordered.reserve(addresses.size());
  auto first = addresses.begin();
  auto second = others;
  while (first != others || second != addresses.end()) {
    if (first != others) ordered.push_back(*first++);
    if (second != addresses.end()) ordered.push_back(*second++);
  }
  return ordered;
}

// Owned by libuv until its callback; a resolver that goes first clears `resolver`.
struct Resolver::Request {
  uv_getaddrinfo_t request;
  Resolver* resolver;
  std::string host;
  std::uint16_t port;
  Callback callback;
};

Resolver::~Resolver() {
  if (request_ == nullptr) return;
  request_->resolver = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->request));
}

Status Resolver::Resolve(const std::string& host, std::uint16_t port, Callback callback) {
  std::unique_ptr<Request> begun(new Request{{}, this, host, port, std::move(callback)});
  begun->request.data = begun.get();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  const auto resolved = [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
    const std::unique_ptr<Request> done(static_cast<Request*>(request->data));
    const std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> addresses(found, uv_freeaddrinfo);
    if (done->resolver == nullptr) return;
    done->resolver->request_ = nullptr;
    if (status == 0 && found != nullptr) return done->callback(ToAddresses(found, done->port));
    done->callback(Error{.code = ErrorCode::kDnsFailed,
                         .message = "the name " + done->host + " could not be resolved: " +
                                    (status == 0 ? "no address" : uv_strerror(status))});
  };
  const int error = uv_getaddrinfo(loop_, &begun->request, resolved, host.c_str(), nullptr, &hints);
  if (error != 0) {
    return Error{.code = ErrorCode::kDnsFailed,
                 .message = "the name " + host + " could not be resolved: " + uv_strerror(error)};
  }
  request_ = begun.release();
  return Ok();
}

}  // namespace trunkline::net
