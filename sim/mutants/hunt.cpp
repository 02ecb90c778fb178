#include "sim/mutants/hunt.hpp"
#include "sim/campaign.hpp"
#include "sim/judged.hpp"
#include <algorithm>
#include <cstring>
#include <thread>

namespace lockstep::sim {
namespace {
constexpr std::uint64_t plan_variants = 20;
constexpr MutantInfo table[] = {
#define X(id, rule, sentence, modes, with) {#id, rule, sentence, modes, Mutant::with},
    LOCKSTEP_MUTANTS_OF(X)
#undef X
};
static_assert(std::size(table) == mutant_count);

// The switches are plain globals, read by every thread and written by none while runs are under way.
class Planted {
 public:
  explicit Planted(Mutant m) : m_(m) { set(true); }
  ~Planted() { set(false); }
  Planted(const Planted&) = delete;

 private:
  void set(bool on) {
    for (auto m : {m_, info(m_).with}) {
      if (m != Mutant::none) planted[static_cast<std::size_t>(m)] = on;
    }
    invariants_judge = !on || info(m_).with == Mutant::none;
  }
  Mutant m_;
};

std::vector<Mode> modes_of(Mutant m) {
  std::vector<Mode> modes;
  if (info(m).modes & mutant_none) modes.push_back(Mode::none);
  if (info(m).modes & mutant_ping) modes.push_back(Mode::ping);
  if (info(m).modes & mutant_etcd) modes.push_back(Mode::etcd);
  return modes;
}
} // namespace

const MutantInfo& info(Mutant m) { return table[static_cast<std::size_t>(m)]; }

std::optional<Mutant> mutant_named(const std::string& name) {
  for (std::size_t i = 1; i < mutant_count; ++i) {
    if (name == table[i].name) return static_cast<Mutant>(i);
  }
  return std::nullopt;
}

std::optional<Violation> Hunt::run(const Plan& p, Mutant m) const {
  Planted on(m);
  return run_plan(p).violation;
}

bool Hunt::clean_without(const Plan& p, Mutant m) const {
  if (run(p, Mutant::none)) return false;
  if (info(m).with == Mutant::none) return true;
  Planted second(info(m).with);
  invariants_judge = false;
  return !run_plan(p).violation;
}

bool Hunt::has_plan(Mutant m) const {
  auto names = [&](const Plan& p) { return std::count(p.kills.begin(), p.kills.end(), info(m).name) > 0; };
  return std::any_of(plans_.begin(), plans_.end(), names);
}

// A plan shows a story; how long each disk access and each packet takes in it is the seed's affair. So a promise is kept if one of a few
// seeds keeps it: a change elsewhere that moves a write by a millisecond makes no promise false.
bool Hunt::by_plan(const Plan& plan, Mutant m, std::uint64_t variants, Kill& k) {
  auto p = plan;
  for (std::uint64_t i = 0; i < variants; ++i, ++p.seed) {
    ++k.runs;
    auto v = run(p, m);
    if (!v || !clean_without(p, m)) continue;
    if (!k.oracle) k.oracle = v->oracle, k.what = v->what;
    k.by += (k.by.empty() ? "plan " : ", ") + p.name + (i ? " with seed " + std::to_string(p.seed) : "");
    return true;
  }
  return false;
}

bool Hunt::by_plans(Mutant m, Kill& k) {
  for (auto& p : plans_) {
    bool promises = std::count(p.kills.begin(), p.kills.end(), info(m).name) > 0;
    if (!promises && !bounds_.all_plans) continue;
    if (!by_plan(p, m, promises ? plan_variants : 1, k) && promises)
      false_promises_.push_back("plan " + p.name + " does not kill " + info(m).name);
  }
  return k.oracle != nullptr;
}

// In batches, so that the answer does not depend on which thread is faster: the first seed of a batch that kills counts.
bool Hunt::by_seeds(Mutant m, Kill& k) {
  auto modes = modes_of(m);
  if (modes.empty()) return false;
  for (std::uint64_t done = 0; done < bounds_.seeds;) {
    auto batch = std::min<std::uint64_t>(bounds_.jobs == 1 ? 1 : bounds_.jobs * 8, bounds_.seeds - done);
    std::vector<std::optional<Violation>> found(batch);
    std::vector<Plan> plans(batch);
    {
      Planted on(m);
      auto work = [&](std::uint64_t from) {
        for (auto i = from; i < batch; i += bounds_.jobs) {
          auto seed = bounds_.first + done + i;
          plans[i] = make_plan(seed, modes[seed % modes.size()]);
          found[i] = run_plan(plans[i]).violation;
        }
      };
      std::vector<std::thread> others;
      for (unsigned j = 1; j < bounds_.jobs; ++j) others.emplace_back(work, j);
      work(0);
      for (auto& t : others) t.join();
    }
    for (std::uint64_t i = 0; i < batch; ++i) {
      ++k.runs;
      if (!found[i] || !clean_without(plans[i], m)) continue;
      k.oracle = found[i]->oracle, k.what = found[i]->what;
      k.plan = plans[i];
      k.by = "seed " + std::to_string(plans[i].seed) + " " + mode_name(plans[i].mode);
      return true;
    }
    done += batch;
    if (on_progress) on_progress(k.runs);
  }
  return false;
}

Kill Hunt::hunt_with_seeds(Mutant m) {
  Kill k;
  by_seeds(m, k);
  return k;
}

Shrunk Hunt::shrunk(Mutant m, const Kill& k, double cpu_seconds) const {
  auto fails = [&](const Plan& p) {
    auto v = run(p, m);
    return v && v->oracle == k.oracle && clean_without(p, m);
  };
  return shrink(*k.plan, fails, cpu_seconds);
}

bool Hunt::keep(Mutant m, Plan p, const std::string& directory) const {
  Planted on(m);
  p.kills = {info(m).name};
  return keep_failure(p, directory, "kills-" + p.kills[0]);
}

Kill Hunt::hunt(Mutant m) {
  Kill k;
  if (!by_plans(m, k) && !bounds_.plans_only) by_seeds(m, k);
  return k;
}

std::string Hunt::unclean(std::uint64_t seeds) const {
  for (auto& p : plans_) {
    if (auto v = run(p, Mutant::none)) return "plan " + p.name + ": " + v->oracle->name + ": " + v->what;
  }
  for (std::uint64_t s = 1; s <= seeds; ++s) {
    auto mode = static_cast<Mode>(s % mode_count);
    if (auto v = run(make_plan(s, mode), Mutant::none))
      return "seed " + std::to_string(s) + " " + mode_name(mode) + ": " + v->oracle->name + ": " + v->what;
  }
  return {};
}

} // namespace lockstep::sim
