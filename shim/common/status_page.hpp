// A page of memory shared by a module process and the agent: enough for ready.txt without a lock, a call or I/O
// (design 9). A page that its writer stopped refreshing is stale, and stale is not ready (oracle S15).
#pragma once
#include "core/base/time.hpp"
#include "core/wire/beat.hpp"
#include "shim/common/result.hpp"
#include <atomic>
#include <memory>
#include <string>

namespace lockstep {

struct StatusPageLayout {
  std::atomic<std::uint64_t> magic;
  std::atomic<std::int64_t> refreshed_ns; // boot time
  std::atomic<std::int64_t> serving_until_ns;
  std::atomic<std::uint32_t> role, sub;
  std::atomic<std::uint64_t> uptodate;
};

class StatusPage {
 public:
  static constexpr Duration stale_after = ms(2000);
  static Result<std::unique_ptr<StatusPage>> create(const std::string& path); // module process
  static Result<std::unique_ptr<StatusPage>> open(const std::string& path);   // agent
  ~StatusPage();
  void write(Role role, Sub sub, bool uptodate, Instant serving_until, Instant now);
  bool ready(Instant now) const; // PRIM Ready or ALONE Ready, serving, fresh
  bool fresh(Instant now) const;

 private:
  explicit StatusPage(StatusPageLayout* p) : page_(p) {}
  StatusPageLayout* page_;
};

} // namespace lockstep
