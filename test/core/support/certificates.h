// Certificates made on the spot, so that none in the repository can expire.
#pragma once

#include <string>

namespace trunkline::test {

struct Credentials {
  std::string certificate_pem;
  std::string key_pem;
};

struct CertificateOptions {
  std::string names = "DNS:localhost,IP:127.0.0.1";  // subjectAltName
  int valid_from_days = -1;
  int valid_to_days = 30;
};

// A certificate authority; each call makes a key of its own.
Credentials MakeAuthority();
// Signed by `issuer`.
Credentials MakeCertificate(const Credentials& issuer, const CertificateOptions& options = {});
// Signed by its own key.
Credentials MakeSelfSigned(const CertificateOptions& options = {});

}  // namespace trunkline::test
