// The certificates that TLS connections trust.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

struct x509_store_st;  // OpenSSL's X509_STORE

namespace trunkline::net {

// Certificates by the name of their subject. Only those that a handshake asks for are read any further: to
// read all that Node trusts takes OpenSSL tens of milliseconds, and most processes need one or two.
// Immutable; any thread.
class TlsTrust : public std::enable_shared_from_this<TlsTrust> {
 public:
  // Concatenated PEM. `option` is how messages call the user's part of it. CONFIG_INVALID when it cannot be
  // read or holds no certificate.
  static Result<std::shared_ptr<const TlsTrust>> Read(const std::string& pem, std::string option);
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;

  const std::string& option() const;

  // A store that finds these certificates when it verifies, and keeps them alive. The caller's, to free; used
  // on one thread.
  x509_store_st* MakeStore() const;

 private:
  struct Impl;
  explicit TlsTrust(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
