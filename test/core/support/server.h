// A scripted TCP or TLS server on a loopback port that the system picks. Blocking sockets, a thread for each
// connection: the script reads like the conversation that it plays.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/certificates.h"

struct ssl_ctx_st;
struct ssl_st;

namespace trunkline::test {

// One connection, as the server sees it. After the server has begun to go, every read ends.
class Peer {
 public:
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  int number() const { return number_; }  // of the server's connections, from 1

  // Head and body (by Content-Length); empty when the client is gone.
  std::string ReadRequest();
  bool Write(std::string_view bytes);
  bool ReadSome();      // waits for bytes of any kind, for the next ReadRequest; false: the client is gone
  void ReadToEnd();     // until the client closes
  void CloseOrderly();  // TLS's close_notify too
  void Close();
  void Reset();          // a TCP RST
  bool StartTls();       // for a server whose TLS begins on demand; false when the handshake fails
  bool resumed() const;  // is this a session of an earlier connection?

 private:
  friend class Server;
  Peer(int descriptor, int number, ssl_ctx_st* context)
      : descriptor_(descriptor), number_(number), context_(context) {}
  void Shut();

  std::mutex mutex_;  // guards the descriptor's end
  int descriptor_;
  const int number_;
  ssl_ctx_st* const context_;
  ssl_st* tls_ = nullptr;
  std::string unread_;
};

struct ServerTls {
  Credentials credentials;
  int version = 0;                 // TLS1_2_VERSION or TLS1_3_VERSION; 0: any
  std::string client_authority{};  // PEM; set: the client has to show a certificate of it
  bool on_demand = false;          // only when the script says so, as behind a proxy's CONNECT
};

class Server {
 public:
  using Script =
      std::function<void(Peer&)>;  // runs once for each connection; the connection closes with its end

  explicit Server(Script script);
  Server(Script script, const ServerTls& tls);
  ~Server();  // ends every conversation

  int port() const { return port_; }
  std::string url(const std::string& host = "127.0.0.1") const;
  int connections() const { return connections_; }

 private:
  void Accept();
  void Serve(const std::shared_ptr<Peer>& peer);

  const Script script_;
  const bool tls_at_once_ = false;
  ssl_ctx_st* tls_ = nullptr;
  int listening_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  bool stopping_ = false;
  std::vector<std::shared_ptr<Peer>> peers_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A port on which nobody listens.
int UnusedPort();

// An answer with a body, on a connection that stays open.
std::string Answer(int status, std::string_view body = {}, std::string_view more_headers = {});

}  // namespace trunkline::test
