#include "support/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

namespace trunkline::test {
namespace {

void Need(bool good) {
  if (!good) std::abort();
}

// Bound to a free port of 127.0.0.1.
int BoundSocket(int& port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Need(descriptor >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Need(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t size = sizeof address;
  Need(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port = ntohs(address.sin_port);
  return descriptor;
}

SSL_CTX* MakeContext(const ServerTls& options) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  Need(context != nullptr);
  if (options.version != 0) {
    SSL_CTX_set_min_proto_version(context, options.version);
    SSL_CTX_set_max_proto_version(context, options.version);
  }
  BIO* in = BIO_new_mem_buf(options.credentials.certificate_pem.data(), -1);
  X509* certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  in = BIO_new_mem_buf(options.credentials.key_pem.data(), -1);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  Need(SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!options.client_authority.empty()) {
    in = BIO_new_mem_buf(options.client_authority.data(), -1);
    X509* authority = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
    BIO_free(in);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
    X509_free(authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("test"), 4);
  }
  return context;
}

}  // namespace

Peer::~Peer() {
  if (tls_ != nullptr) SSL_free(tls_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool Peer::ReadSome() {
  std::array<char, 64 * 1024> buffer;
  const auto count =
      tls_ != nullptr ? static_cast<ssize_t>(SSL_read(tls_, buffer.data(), static_cast<int>(buffer.size())))
                      : ::recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (count <= 0) return false;
  unread_.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

std::string Peer::ReadRequest() {
  std::size_t head = 0;
  while ((head = unread_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadSome()) return {};
  }
  std::size_t size = head + 4;
  if (const std::size_t at = unread_.find("Content-Length: "); at < head) {
    size += static_cast<std::size_t>(std::strtoull(unread_.c_str() + at + 16, nullptr, 10));
  }
  while (unread_.size() < size) {
    if (!ReadSome()) return {};
  }
  std::string request = unread_.substr(0, size);
  unread_.erase(0, size);
  return request;
}

bool Peer::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count =
        tls_ != nullptr ? static_cast<ssize_t>(SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size())))
                        : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void Peer::ReadToEnd() {
  while (ReadSome()) unread_.clear();
}

void Peer::CloseOrderly() {
  if (tls_ != nullptr) SSL_shutdown(tls_);
  Close();
}

void Peer::Close() {
  const std::lock_guard guard(mutex_);
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void Peer::Reset() {
  const linger now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  Close();
}

bool Peer::StartTls() {
  tls_ = SSL_new(context_);
  SSL_set_fd(tls_, descriptor_);
  return SSL_accept(tls_) == 1;
}

bool Peer::resumed() const { return SSL_session_reused(tls_) == 1; }

void Peer::Shut() {
  const std::lock_guard guard(mutex_);
  if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_RDWR);
}

Server::Server(Script script) : script_(std::move(script)) {
  std::signal(SIGPIPE, SIG_IGN);  // a TLS write to a client that is gone must not end the tests
  listening_ = BoundSocket(port_);
  Need(::listen(listening_, 128) == 0);
  acceptor_ = std::thread([this] { Accept(); });
}

Server::Server(Script script, const ServerTls& tls)
    : script_(std::move(script)), tls_at_once_(!tls.on_demand), tls_(MakeContext(tls)) {
  std::signal(SIGPIPE, SIG_IGN);
  listening_ = BoundSocket(port_);
  Need(::listen(listening_, 128) == 0);
  acceptor_ = std::thread([this] { Accept(); });
}

Server::~Server() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    for (const auto& peer : peers_) peer->Shut();
  }
  ::shutdown(listening_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listening_);
  if (tls_ != nullptr) SSL_CTX_free(tls_);
}

std::string Server::url(const std::string& host) const {
  return (tls_at_once_ ? "https://" : "http://") + host + ":" + std::to_string(port_);
}

void Server::Accept() {
  for (;;) {
    const int descriptor = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const std::lock_guard guard(mutex_);
    const std::shared_ptr<Peer> peer(new Peer(descriptor, ++connections_, tls_));
    if (stopping_) return;
    peers_.push_back(peer);
    threads_.emplace_back([this, peer] { Serve(peer); });
  }
}

void Server::Serve(const std::shared_ptr<Peer>& peer) {
  if (tls_at_once_ && !peer->StartTls()) return peer->Close();
  script_(*peer);
  peer->Close();
}

int UnusedPort() {
  int port = 0;
  ::close(BoundSocket(port));
  return port;
}

std::string Answer(int status, std::string_view body, std::string_view more_headers) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(more_headers) + "\r\n" + std::string(body);
}

}  // namespace trunkline::test
