#include "net/tls_trust.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <utility>
#include <vector>

#include "net/openssl.h"

namespace trunkline::net {

struct TlsTrust::Impl {
  struct Entry {
    Name subject;
    std::string der;
  };

  // What one store has of them.
  struct Added {
    std::shared_ptr<const TlsTrust> trust;
    std::vector<bool> entries;
  };

  static int StoreIndex();
  static int GetIssuer(X509** issuer, X509_STORE_CTX* verification, X509* certificate);

  std::vector<Entry> entries;
  std::string option;
};

namespace {

// Steps into a DER element, or over it. False where there is none.
bool Step(const unsigned char*& at, const unsigned char* end, bool into) {
  long length = 0;
  int tag = 0;
  int tag_class = 0;
  const int read = ASN1_get_object(&at, &length, &tag, &tag_class, end - at);
  const bool broken = (read & 0x80) != 0;
  const bool indefinite = (read & 1) != 0;  // no DER
  if (broken || indefinite) return false;
  if (!into) at += length;
  return true;
}

// Certificate { tbsCertificate { version [0]?, serialNumber, signature, issuer, validity, subject, … (RFC
// 5280, 4.1). Null where that is not to be found.
Name ReadSubject(const std::string& der) {
  constexpr unsigned char kVersion = 0xa0;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  if (!Step(at, end, true) || !Step(at, end, true)) return nullptr;
  if (at < end && *at == kVersion && !Step(at, end, false)) return nullptr;
  for (int i = 0; i < 4; ++i) {
    if (!Step(at, end, false)) return nullptr;
  }
  return Name(d2i_X509_NAME(nullptr, &at, end - at));
}

}  // namespace

TlsTrust::TlsTrust(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsTrust::~TlsTrust() = default;

const std::string& TlsTrust::option() const { return impl_->option; }

Result<std::shared_ptr<const TlsTrust>> TlsTrust::Read(const std::string& pem, std::string option) {
  ERR_clear_error();
  auto impl = std::make_unique<Impl>();
  const auto invalid = [&option](const char* why) {
    ERR_clear_error();
    return Error{.code = ErrorCode::kConfigInvalid, .message = option + ": " + why};
  };
  const Bio in = Reader(pem);
  for (;;) {
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_bytes_read_bio(&data, &size, nullptr, PEM_STRING_X509, in.get(), nullptr, nullptr) != 1) break;
    std::string der(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    OPENSSL_free(data);
    Name subject = ReadSubject(der);
    if (!subject) return invalid("holds a certificate that cannot be read");
    impl->entries.push_back({std::move(subject), std::move(der)});
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return invalid("is not readable PEM");
  ERR_clear_error();
  if (impl->entries.empty()) return invalid("holds no certificate to trust");
  impl->option = std::move(option);
  return std::shared_ptr<const TlsTrust>(new TlsTrust(std::move(impl)));
}

// Where a store keeps its Added.
int TlsTrust::Impl::StoreIndex() {
  static const int index = CRYPTO_get_ex_new_index(
      CRYPTO_EX_INDEX_X509_STORE, 0, nullptr, nullptr, nullptr,
      [](void*, void* added, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Added*>(added); });
  return index;
}

X509_STORE* TlsTrust::MakeStore() const {
  X509_STORE* store = X509_STORE_new();
  X509_STORE_set_ex_data(store, Impl::StoreIndex(),
                         new Impl::Added{shared_from_this(), std::vector<bool>(impl_->entries.size())});
  X509_STORE_set_get_issuer(store, Impl::GetIssuer);
  return store;
}

// OpenSSL asks it for the certificate above another, a self-signed one included, at each step of a chain.
int TlsTrust::Impl::GetIssuer(X509** issuer, X509_STORE_CTX* verification, X509* certificate) {
  X509_STORE* store = X509_STORE_CTX_get0_store(verification);
  auto& added = *static_cast<Added*>(X509_STORE_get_ex_data(store, StoreIndex()));
  const X509_NAME* name = X509_get_issuer_name(certificate);
  const std::vector<Entry>& entries = added.trust->impl_->entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (added.entries[i] || X509_NAME_cmp(entries[i].subject.get(), name) != 0) continue;
    added.entries[i] = true;
    const auto* der = reinterpret_cast<const unsigned char*>(entries[i].der.data());
    const Certificate trusted(d2i_X509(nullptr, &der, static_cast<long>(entries[i].der.size())));
    if (trusted) X509_STORE_add_cert(store, trusted.get());
  }
  return X509_STORE_CTX_get1_issuer(issuer, verification, certificate);
}

}  // namespace trunkline::net
