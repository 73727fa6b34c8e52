// OpenSSL's objects as owned values.
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace trunkline::net {

template <auto Free>
struct OpenSslDeleter {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, OpenSslDeleter<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, OpenSslDeleter<SSL_free>>;
using Bio = std::unique_ptr<BIO, OpenSslDeleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, OpenSslDeleter<X509_free>>;
using Name = std::unique_ptr<X509_NAME, OpenSslDeleter<X509_NAME_free>>;
using Key = std::unique_ptr<EVP_PKEY, OpenSslDeleter<EVP_PKEY_free>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, OpenSslDeleter<GENERAL_NAMES_free>>;
using Session = std::unique_ptr<SSL_SESSION, OpenSslDeleter<SSL_SESSION_free>>;

// Reads from `text`, which outlives it.
inline Bio Reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace trunkline::net
