// TLS 1.2 and 1.3 for client connections, without a socket: bytes in, bytes out (OpenSSL through memory
// buffers).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/tls_trust.h"

namespace trunkline::net {

struct TlsOptions {
  std::string trusted_pem{};                // what Node trusts, plus the user's `tls.ca`
  std::shared_ptr<const TlsTrust> trust{};  // in place of that, where it has been read already
  std::string cert_pem{};                   // our own certificate chain and key, for servers that ask for one
  std::string key_pem{};
  bool verify = true;  // false: any certificate will do (rejectUnauthorized: false)
  bool operator==(const TlsOptions&) const = default;
};

// What a server's certificate says of itself (RFC 5280).
struct PeerCertificate {
  std::string subject;  // as in RFC 4514, with a space after each comma: "CN=example.com, O=Example"
  std::string issuer;
  std::int64_t valid_from_ms = 0;  // since 1970-01-01T00:00Z
  std::int64_t valid_to_ms = 0;
  std::string subject_alt_name;  // "DNS:example.com, IP Address:192.0.2.1"
  std::string fingerprint256;    // SHA-256 of the whole: "AA:BB:…"
};

// What the connections to one host share: whom to trust, our own credentials, and the sessions that the
// server offers to resume (RFC 8446, 2.2; RFC 5077), which spare a later connection most of its handshake.
// One thread.
//
// A resumed session shows no certificate: it stands for the one that was verified when the session began. So
// sessions never leave their context, and a context is for one host.
class TlsContext {
 public:
  static constexpr std::size_t kMostSessions = 8;

  // `host` is what the certificate must be for (RFC 6125; an IP address is compared with the certificate's
  // addresses), and the SNI. CONFIG_INVALID when a PEM cannot be read; no message repeats its content.
  static Result<std::shared_ptr<TlsContext>> Create(const TlsOptions& options, std::string host);
  ~TlsContext();

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One connection's encryption. The context outlives it.
class TlsSession {
 public:
  explicit TlsSession(TlsContext& context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Gives bytes that came from the network, and decrypts: plain text is appended to `plain`.
  // TLS_FAILED when the handshake or the peer's certificate is refused; the hint says why. An orderly end
  // sets `closed`.
  Status Receive(std::string_view cipher, std::string& plain, bool& closed);
  bool handshake_done() const;
  bool resuming() const;  // offers an earlier session to the server
  bool resumed() const;   // goes on with it; only after handshake_done()

  // The certificate that the peer has shown, a refused one as well; of a resumed session the one of its
  // beginning.
  std::optional<PeerCertificate> peer_certificate() const;
  std::string_view protocol() const;  // "TLSv1.2" or "TLSv1.3"; only once a certificate has been shown

  // Starts the handshake, or goes on with it. Its bytes wait in TakeOutput.
  Status Handshake();

  // Encrypts. Only after handshake_done().
  Status Send(std::string_view plain);

  // Bytes to be sent to the network, if any.
  std::string TakeOutput();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
