#include "shim/module/mounts_host.hpp"
#include "shim/linux/mounts.hpp"

namespace lockstep {

MountsHost::MountsHost(Tree& tree, PayloadStore& payloads, std::vector<std::string> directories, bool writeback,
                       FuseMount::Submit submit)
    : tree_(tree), payloads_(payloads), writeback_(writeback), submit_(std::move(submit)),
      thread_(std::make_unique<WorkThread>()) {
  for (std::string& d : directories) covered_.push_back({std::move(d), MountKind::plain, nullptr});
}

MountsHost::~MountsHost() {
  thread_.reset(); // what was ordered is done
  for (std::size_t i = covered_.size(); i-- > 0;)
    if (Status s = uncover(i, true); !s) continue; // forced: nothing more can be done
}

void MountsHost::change(MountKind kind, bool force, Done done) {
  thread_->post([this, kind, force, done = std::move(done)] {
    for (std::size_t i = covered_.size(); i-- > 0;) {
      if (covered_[i].kind == kind) continue;
      if (Status s = uncover(i, force); !s) return done(false, s.error());
    }
    for (std::size_t i = 0; i < covered_.size(); ++i) {
      if (covered_[i].kind == kind) continue;
      if (Status s = cover(i, kind); !s) return done(false, s.error());
    }
    done(true, "");
  });
}

Status MountsHost::uncover(std::size_t i, bool force) {
  Covered& c = covered_[i];
  if (c.fuse) {
    Status s = c.fuse->unmount();
    if (!s && !force) return s;
    if (!s) c.fuse->abort();
    c.fuse.reset();
  } else if (c.kind == MountKind::read_only) {
    Status s = unmount(c.path, Unmount::plain);
    if (!s) s = unmount(c.path, Unmount::lazy); // readers of a SECOND keep their old view, the path is free
    if (!s) return s;
  }
  c.kind = MountKind::plain;
  return {};
}

Status MountsHost::cover(std::size_t i, MountKind kind) {
  Covered& c = covered_[i];
  if (kind == MountKind::read_only) {
    if (Status s = bind_read_only(c.path); !s) return s;
  } else if (kind == MountKind::replicate) {
    FuseMount::Options options;
    options.root = static_cast<std::uint32_t>(i);
    options.writeback = writeback_;
    auto mounted = FuseMount::mount(tree_, payloads_, submit_, options);
    if (!mounted) return Error{mounted.error()};
    c.fuse = std::move(*mounted);
  }
  c.kind = kind;
  return {};
}

Status MountsHost::clear_leftovers(const std::string& path) {
  if (Status s = FuseMount::remove_dead(path); !s) return s;
  for (;;) {
    auto bind = is_read_only_bind(path);
    if (!bind || !*bind) return {};
    if (Status s = unmount(path, Unmount::lazy); !s) return s;
  }
}

} // namespace lockstep
