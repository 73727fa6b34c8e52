#include "support/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>

namespace trunkline::test {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;

void Need(bool good) {
  if (!good) std::abort();  // no test can go on without its certificates
}

std::string TakeText(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

void Extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  Need(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// Without an issuer it signs itself.
Credentials Make(const std::string& name, bool authority, const CertificateOptions& options,
                 const Credentials* issuer) {
  static long serial = 1;
  ++serial;
  // Authorities of one name would be taken for one another.
  const std::string common_name = name + " " + std::to_string(serial);
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  X509* made = certificate.get();
  Need(key && made != nullptr);
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
  X509_gmtime_adj(X509_getm_notBefore(made), options.valid_from_days * 86'400L);
  X509_gmtime_adj(X509_getm_notAfter(made), options.valid_to_days * 86'400L);
  X509_set_pubkey(made, key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);

  Certificate issuing;
  Key issuing_key;
  if (issuer != nullptr) {
    const Bio in(
        BIO_new_mem_buf(issuer->certificate_pem.data(), static_cast<int>(issuer->certificate_pem.size())));
    const Bio key_in(BIO_new_mem_buf(issuer->key_pem.data(), static_cast<int>(issuer->key_pem.size())));
    issuing.reset(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    issuing_key.reset(PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr));
    Need(issuing && issuing_key);
  }
  X509* signer = issuing ? issuing.get() : made;
  X509_set_issuer_name(made, X509_get_subject_name(signer));
  Extend(made, signer, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (authority) {
    Extend(made, signer, NID_key_usage, "critical,keyCertSign");
  } else {
    Extend(made, signer, NID_subject_alt_name, options.names);
  }
  Need(X509_sign(made, issuing_key ? issuing_key.get() : key.get(), EVP_sha256()) > 0);

  const Bio certificate_out(BIO_new(BIO_s_mem()));
  const Bio key_out(BIO_new(BIO_s_mem()));
  Need(PEM_write_bio_X509(certificate_out.get(), made) == 1);
  Need(PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {TakeText(certificate_out), TakeText(key_out)};
}

}  // namespace

Credentials MakeAuthority() { return Make("trunkline test CA", true, {}, nullptr); }

Credentials MakeCertificate(const Credentials& issuer, const CertificateOptions& options) {
  return Make("trunkline test server", false, options, &issuer);
}

Credentials MakeSelfSigned(const CertificateOptions& options) {
  return Make("trunkline test server", false, options, nullptr);
}

}  // namespace trunkline::test
