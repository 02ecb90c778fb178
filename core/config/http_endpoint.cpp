#include "core/config/http_endpoint.hpp"
#include "core/config/values.hpp"
#include <algorithm>

namespace lockstep {
namespace {

constexpr const char* example = ": write http://10.0.0.1:2379";

HttpEndpointRead wrong(std::string problem) { return {{}, std::move(problem)}; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

} // namespace

HttpEndpointRead parse_http_endpoint(std::string_view text) {
  HttpEndpoint e;
  auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return wrong(" is not a URL" + std::string(example));
  auto scheme = lower(text.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https") return wrong(" is not a URL of http or https" + std::string(example));
  e.tls = scheme == "https";
  auto rest = text.substr(scheme_end + 3);
  if (rest.find('@') != std::string_view::npos)
    return wrong(" has a user in it: write the attributes user and passwordfile");
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#") != std::string_view::npos)
    return wrong(" has a path: an endpoint ends with its port, as http://10.0.0.1:2379");
  auto host_end = rest.starts_with('[') ? rest.find(']') : rest.find(':');
  if (rest.starts_with('[') && host_end != std::string_view::npos) ++host_end;
  auto host = rest.substr(0, std::min(host_end, rest.size()));
  auto address = parse_address(host);
  bool bare_v6 = !rest.starts_with('[') && std::count(rest.begin(), rest.end(), ':') > 1;
  if (!address || bare_v6)
    return wrong(" names no host: write an IPv4, an IPv6 in brackets ([fd00::1]) or a DNS name after //");
  e.host = lower(*address);
  if (host.size() == rest.size()) return {std::move(e), ""};
  auto port = rest.substr(host.size());
  auto number = parse_integer(port.substr(1));
  if (port[0] != ':' || !number || *number < 1 || *number > 65535)
    return wrong(" has no port number after its host: write one from 1 to 65535, etcd's is 2379");
  e.port = static_cast<std::uint16_t>(*number);
  return {std::move(e), ""};
}

std::string to_string(const HttpEndpoint& e) {
  bool v6 = e.host.find(':') != std::string::npos;
  return (e.tls ? "https://" : "http://") + (v6 ? "[" + e.host + "]" : e.host) + ":" + std::to_string(e.port);
}

} // namespace lockstep
