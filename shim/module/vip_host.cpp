#include "shim/module/vip_host.hpp"
#include "shim/common/net/endpoint.hpp"
#include "shim/common/worker.hpp"
#include "shim/linux/clock.hpp"
#include <algorithm>

namespace lockstep {

VipHost::VipHost(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, const VipConfig& config, Log log,
                 std::function<bool()> may_serve)
    : executor_(executor), pool_(pool), config_(config), log_(std::move(log)), may_serve_(std::move(may_serve)), announcer_(executor) {}

Status VipHost::prepare() {
  addresses_.clear();
  for (const VipInterface& interface : config_.interfaces) {
    for (const VirtualAddress& v : interface.addresses) {
      if (v.addr.empty()) continue;
      auto resolved = Endpoint::resolve(v.addr, 0);
      if (!resolved) return Error{"the virtual address " + v.addr + ": " + resolved.error()};
      boost::system::error_code ec;
      IpAddress ip = boost::asio::ip::make_address(address_text(*resolved), ec);
      if (ec) return Error{"the virtual address " + v.addr + " is not an IP address"};
      addresses_.push_back({v.addr, ip, interface.name, v.netmask, interface.check, v.check, false, false});
    }
  }
  return {};
}

namespace {
// "10.0.0.0" for 10.0.0.9/24: the name of the interface checker.
std::string network_of(const IpAddress& ip, int prefix) {
  if (ip.is_v4()) {
    std::uint32_t mask = prefix <= 0 ? 0 : ~std::uint32_t{0} << (32 - std::min(prefix, 32));
    return boost::asio::ip::address_v4(ip.to_v4().to_uint() & mask).to_string();
  }
  auto bytes = ip.to_v6().to_bytes();
  for (int bit = std::max(prefix, 0); bit < 128; ++bit)
    bytes[static_cast<std::size_t>(bit / 8)] &= static_cast<unsigned char>(~(0x80 >> (bit % 8)));
  return boost::asio::ip::address_v6(bytes).to_string();
}
} // namespace

std::vector<std::pair<std::string, bool>> VipHost::observe() const {
  std::vector<std::pair<std::string, bool>> out;
  auto links = list_links();
  for (const Address& a : addresses_) {
    auto placed = place({a.ip, a.interface, prefix_of_netmask(a.netmask).value_or(0)});
    bool works = false;
    if (placed && links)
      for (const Link& l : *links) works |= l.index == placed->index && l.carrier;
    if (a.check_interface) out.emplace_back("intf." + (placed ? network_of(a.ip, placed->prefix) : a.text), works);
    auto here = address_is_local(a.ip);
    if (a.check_address) out.emplace_back("ip." + a.text, here && *here);
  }
  return out;
}

bool VipHost::all_up() const {
  return std::all_of(addresses_.begin(), addresses_.end(), [](const Address& a) { return a.up; });
}

std::string VipHost::text() const {
  std::string out;
  for (const Address& a : addresses_) out += (out.empty() ? "" : ", ") + a.text;
  return out;
}

void VipHost::raise(Instant until, bool announce_again, Done done) {
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    Address& a = addresses_[i];
    if (!a.up) return claim(i, until, std::move(done)); // the rest follows when this one is up
    auto placed = place({a.ip, a.interface, prefix_of_netmask(a.netmask).value_or(0)});
    if (!placed) return done(false, placed.error());
    if (Status s = set(a, *placed, until); !s) return done(false, s.error());
    if (announce_again) announcer_.burst(*placed);
  }
  done(true, "");
}

Status VipHost::set(Address& a, const Placement& p, Instant until) {
  Instant now = boot_now();
  if (!may_serve_() || until <= now) return Error{"the right to serve ended before the address " + a.text + " was set"};
  Duration valid = until == Instant::never() ? seconds(60) : until - now;
  Status s = set_address(p, valid);
  if (s) a.up = true;
  return s;
}

void VipHost::claim(std::size_t index, Instant until, Done done) {
  Address& a = addresses_[index];
  if (a.probing) return done(true, "");
  auto placed = place({a.ip, a.interface, prefix_of_netmask(a.netmask).value_or(0)});
  if (!placed) return done(false, placed.error());
  a.probing = true;
  in_worker(
      pool_, [p = *placed] { return probe_conflict(p); }, executor_,
      [this, index, until, done = std::move(done), p = *placed, epoch = epoch_](Result<std::optional<Mac>> found) {
        Address& a = addresses_[index];
        a.probing = false;
        if (epoch != epoch_) return done(false, "the address was withdrawn while it was being claimed");
        if (found && *found)
          return done(false, "the virtual address " + a.text + " is in use by the machine with the hardware address " +
                                 to_string(**found) + ": free it there, or choose another address");
        if (Status s = set(a, p, until); !s) return done(false, s.error());
        announcer_.burst(p);
        log_('E', "Virtual IP " + a.text + " set");
        raise(until, false, done);
      });
}

Status VipHost::drop() {
  ++epoch_;
  Status result;
  for (Address& a : addresses_) {
    announcer_.stop(a.ip);
    Status s = remove_address(a.ip);
    if (!s) result = s;
    if (a.up) log_('E', "Virtual IP " + a.text + " unset");
    a.up = false;
  }
  return result;
}

} // namespace lockstep
