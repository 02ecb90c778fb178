#include "shim/common/net/etcd_messages.hpp"
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

namespace lockstep::etcd {
namespace {
using nlohmann::json;

constexpr int ok_status = 200;
constexpr std::size_t longest_quote = 120; // of what a stranger said, in a sentence of ours

std::string base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                          reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3, '\0');
  int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                          reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  for (std::size_t i = text.size(); i > 0 && text[i - 1] == '=' && !out.empty(); --i) out.pop_back();
  if (base64(out) != text) return std::nullopt; // EVP takes blanks, and '=' for a zero
  return out;
}

const json* member(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> number(const json* v) {
  if (v == nullptr) return std::nullopt;
  if (v->is_number_unsigned()) return v->get<std::uint64_t>();
  const auto* text = v->get_ptr<const std::string*>();
  std::uint64_t n = 0;
  if (text == nullptr) return std::nullopt;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), n);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return n;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text.substr(0, longest_quote)) out += c >= ' ' && c < 0x7f ? c : '.';
  return out + (text.size() > longest_quote ? "...\"" : "\"");
}

Answer error(std::string problem, std::uint32_t code = 0) {
  Answer a;
  a.problem = std::move(problem), a.code = code;
  return a;
}
Answer nonsense() { return error("answers what is not an answer of etcd's gateway (version 3.4 or later)"); }

Answer refusal(int http_status, std::string_view body) {
  json j = json::parse(body, nullptr, false);
  const json* message = member(j, "message");
  if (message == nullptr) message = member(j, "error");
  const auto* said = message == nullptr ? nullptr : message->get_ptr<const std::string*>();
  if (said == nullptr)
    return error("answers " + std::to_string(http_status) + " " + quote(body.substr(0, body.find('\n'))) +
                 ": is that etcd's client address, and http or https right?");
  auto code = number(member(j, "code")).value_or(0);
  return error("answers " + quote(*said), code > 1000 ? 0u : static_cast<std::uint32_t>(code));
}

// {} or {"kvs":[{"key":K,"value":V,...}],"count":"1"}: a range over one key.
Answer read_kvs(const json& range, const std::string& key, std::uint64_t revision) {
  Answer a;
  a.revision = revision;
  const json* kvs = member(range, "kvs");
  if (kvs == nullptr) {
    if (number(member(range, "count")).value_or(0) != 0) return nonsense();
    return a.says = Answer::Says::absent, a;
  }
  if (!kvs->is_array() || kvs->size() != 1) return nonsense();
  const json *k = member((*kvs)[0], "key"), *v = member((*kvs)[0], "value");
  if (k == nullptr || !k->is_string() || k->get_ref<const std::string&>() != base64(key)) return nonsense();
  if (v != nullptr) { // left out: empty
    auto value = v->is_string() ? from_base64(v->get_ref<const std::string&>()) : std::nullopt;
    if (!value) return nonsense();
    a.value = std::move(*value);
  }
  return a.says = Answer::Says::value, a;
}

std::optional<std::uint64_t> revision_of(const json& answer) {
  const json* header = member(answer, "header");
  return header == nullptr ? std::nullopt : number(member(*header, "revision"));
}

} // namespace

std::string range_body(const std::string& key) { return json{{"key", base64(key)}}.dump(); }

std::string swap_body(const std::string& key, const std::optional<std::string>& expected, const std::string& put) {
  json compare{{"key", base64(key)}, {"result", "EQUAL"}};
  if (expected)
    compare["target"] = "VALUE", compare["value"] = base64(*expected);
  else
    compare["target"] = "CREATE", compare["create_revision"] = "0";
  json success{{"request_put", {{"key", base64(key)}, {"value", base64(put)}}}};
  json failure{{"request_range", {{"key", base64(key)}}}};
  return json{
      {"compare", json::array({compare})}, {"success", json::array({success})}, {"failure", json::array({failure})}}
      .dump();
}

std::string login_body(const std::string& user, const std::string& password) {
  return json{{"name", user}, {"password", password}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

Answer read_range(int http_status, std::string_view body, const std::string& key) {
  if (http_status != ok_status) return refusal(http_status, body);
  json j = json::parse(body, nullptr, false);
  auto revision = revision_of(j);
  return revision ? read_kvs(j, key, *revision) : nonsense();
}

Answer read_swap(int http_status, std::string_view body, const std::string& key) {
  if (http_status != ok_status) return refusal(http_status, body);
  json j = json::parse(body, nullptr, false);
  auto revision = revision_of(j);
  const json* responses = member(j, "responses");
  if (!revision || responses == nullptr || !responses->is_array() || responses->size() != 1) return nonsense();
  const json *succeeded = member(j, "succeeded"), *put = member((*responses)[0], "response_put"),
             *range = member((*responses)[0], "response_range");
  bool made = succeeded != nullptr && *succeeded == true;
  if (succeeded != nullptr && !succeeded->is_boolean()) return nonsense();
  if (made != (put != nullptr) || made != (range == nullptr)) return nonsense();
  if (!made) return range->is_object() ? read_kvs(*range, key, *revision) : nonsense();
  Answer a;
  a.says = Answer::Says::put, a.revision = *revision;
  return a;
}

Login read_login(int http_status, std::string_view body) {
  if (http_status != ok_status) {
    Answer no = refusal(http_status, body);
    return {"", no.problem, no.code};
  }
  json j = json::parse(body, nullptr, false);
  const json* token = member(j, "token");
  const auto* text = token == nullptr ? nullptr : token->get_ptr<const std::string*>();
  auto plain = [](char c) { return c > ' ' && c < 0x7f; }; // it becomes a header line
  if (text == nullptr || text->empty() || !std::all_of(text->begin(), text->end(), plain))
    return {"", nonsense().problem};
  return {*text, ""};
}

} // namespace lockstep::etcd
