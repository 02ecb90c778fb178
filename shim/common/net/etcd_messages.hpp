// etcd's JSON gateway (v3) as text: what is sent, and what an answer proves. Keys and values travel in base64; a number
// may come as text, and what is false or empty is left out (etcd 3.4). Pure: no I/O here (etcd_client.hpp does it).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lockstep::etcd {

constexpr const char* range_path = "/v3/kv/range";
constexpr const char* txn_path = "/v3/kv/txn";
constexpr const char* login_path = "/v3/auth/authenticate";

// A linearizable read: a member that is cut off from the majority cannot answer it.
std::string range_body(const std::string& key);
// One transaction: if the key holds `expected` (none: if it is absent), put `put`; else read it.
std::string swap_body(const std::string& key, const std::optional<std::string>& expected, const std::string& put);
std::string login_body(const std::string& user, const std::string& password);

struct Answer {
  enum class Says : std::uint8_t {
    value,  // the key holds `value`
    absent, // there is no key
    put,    // the swap was made
    error,  // nothing is proven; `problem` is a clause: "answers ..."
  };
  Says says = Says::error;
  std::string value;
  std::uint64_t revision = 0; // of the store when it answered; not of an error
  std::string problem;
  std::uint32_t code = 0; // of an error that etcd itself names: gRPC's number
};
constexpr std::uint32_t unavailable = 14;     // no leader, or no answer of the majority in time
constexpr std::uint32_t unauthenticated = 16; // the login is no longer valid: again

// Total: any bytes. An answer that is not complete, or about another key, is an error.
Answer read_range(int http_status, std::string_view body, const std::string& key);
Answer read_swap(int http_status, std::string_view body, const std::string& key);
struct Login {
  std::string token; // empty: refused, see problem
  std::string problem;
  std::uint32_t code = 0; // as in Answer
};
Login read_login(int http_status, std::string_view body);

} // namespace lockstep::etcd
