// Where an HTTP server listens: "http://10.0.0.1:2379", "https://[fd00::1]:2379", "https://etcd1". Pure and total.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

constexpr std::uint16_t etcd_port = 2379; // etcd's client port, when an endpoint names none

struct HttpEndpoint {
  bool tls = false;
  std::string host; // an address without brackets, or a DNS name
  std::uint16_t port = etcd_port;
  bool operator==(const HttpEndpoint&) const = default;
};

struct HttpEndpointRead {
  HttpEndpoint endpoint;
  std::string problem; // empty: it is one. Else the rest of a sentence about the text: " has no ..."
};
HttpEndpointRead parse_http_endpoint(std::string_view text);
// The normal form: one text for one endpoint.
std::string to_string(const HttpEndpoint&);

} // namespace lockstep
