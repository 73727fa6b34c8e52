// Which addresses are public: the edges of every special-purpose block, and IPv4 inside of IPv6.
#include "net/address_class.h"

#include <gtest/gtest.h>

namespace trunkline::net {
namespace {

bool IsPublic(const char* text) {
  const auto address = ParseAddress(text, 443);
  EXPECT_TRUE(address) << text;
  return address && net::IsPublic(*address);
}

TEST(AddressClass, IPv4AtTheEdgesOfEachBlock) {
  for (const char* text :
       {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",    "172.15.255.255",
        "172.32.0.0",      "191.255.255.255", "192.0.1.0",       "192.0.3.0",      "192.88.98.255",
        "192.88.100.0",    "192.167.255.255", "192.169.0.0",     "198.17.255.255", "198.20.0.0",
        "198.51.99.255",   "198.51.101.0",    "203.0.112.255",   "203.0.114.0",    "223.255.255.255",
        "8.8.8.8",         "192.31.196.1"}) {
    EXPECT_TRUE(IsPublic(text)) << text;
  }
  for (const char* text :
       {"0.0.0.0",         "0.255.255.255",  "10.0.0.0",        "10.255.255.255", "100.64.0.0",
        "100.127.255.255", "127.0.0.0",      "127.255.255.255", "169.254.0.0",    "169.254.169.254",
        "169.254.255.255", "172.16.0.0",     "172.31.255.255",  "192.0.0.0",      "192.0.0.255",
        "192.0.2.0",       "192.0.2.255",    "192.88.99.1",     "192.168.0.0",    "192.168.255.255",
        "198.18.0.0",      "198.19.255.255", "198.51.100.0",    "198.51.100.255", "203.0.113.0",
        "203.0.113.255",   "224.0.0.0",      "239.255.255.255", "240.0.0.0",      "255.255.255.255"}) {
    EXPECT_FALSE(IsPublic(text)) << text;
  }
}

TEST(AddressClass, IPv6) {
  for (const char* text : {"2001:200::", "2001:db7:ffff::1", "2001:db9::", "2003::1", "2606:4700:4700::1111",
                           "2a00:1450:4001::1", "3ffe:ffff::1", "3fff:1000::1"}) {
    EXPECT_TRUE(IsPublic(text)) << text;
  }
  for (const char* text : {"::",
                           "::1",
                           "::2",
                           "::7f00:1",
                           "::8.8.8.8",
                           "64:ff9b:1::1",
                           "100::1",
                           "1fff:ffff::",
                           "2001::1",
                           "2001:2::1",
                           "2001:1ff:ffff::",
                           "2001:db8::1",
                           "2001:db8:ffff::",
                           "3fff::1",
                           "3fff:fff:ffff::",
                           "4000::1",
                           "5f00::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff00::",
                           "ff02::1",
                           "ffff::1"}) {
    EXPECT_FALSE(IsPublic(text)) << text;
  }
}

TEST(AddressClass, AnIPv4AddressInsideDecides) {
  for (const char* text :
       {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2002:808:808:7f00:1::"}) {
    EXPECT_TRUE(IsPublic(text)) << text;
  }
  for (const char* text :
       {"::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:a9fe:a9fe", "::ffff:0.0.0.0", "::ffff:0:8.8.8.8",
        "64:ff9b::127.0.0.1", "64:ff9b::192.168.1.1", "64:ff9b::1:8.8.8.8", "2002:7f00:1::1",
        "2002:c0a8:101::808:808", "2002:a9fe:a9fe::"}) {
    EXPECT_FALSE(IsPublic(text)) << text;
  }
}

}  // namespace
}  // namespace trunkline::net
