#include "shim/linux/tree/executor.hpp"
#include "shim/linux/clock.hpp"

namespace lockstep {
namespace {

constexpr unsigned sync_threads = 4;

// What waits in a queue keeps its payload: fx::Release may come before it is its turn.
std::uint64_t payload_of(const auto& order) {
  return std::visit(
      [](const auto& o) -> std::uint64_t {
        if constexpr (requires { o.payload; })
          return o.payload.handle;
        else
          return 0;
      },
      order);
}

} // namespace

Executor::Worker::Worker(unsigned threads, std::function<void(Order)> run) : run_(std::move(run)) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { loop(); });
}

void Executor::Worker::push(Order o) {
  std::lock_guard lock(mutex_);
  queue_.push_back(std::move(o));
  wake_.notify_one();
}

void Executor::Worker::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto o = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    run_(std::move(o));
    lock.lock();
  }
}

void Executor::Worker::stop() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    wake_.notify_all();
  }
  for (auto& t : threads_)
    if (t.joinable()) t.join();
}

Executor::Executor(Tree& tree, PayloadStore& payloads, Post post, RecordCheckpoint record)
    : tree_(tree), payloads_(payloads), post_(std::move(post)), record_(std::move(record)),
      flushes_(1, [this](Order o) { carry_out(std::move(o)); }),
      syncs_(sync_threads, [this](Order o) { carry_out(std::move(o)); }), fifo_(1, [this](Order o) {
        auto* e = std::get_if<fx::Execute>(&o);
        if (e && e->op.kind == OpKind::sync)
          syncs_.push(std::move(o)); // all before it is done; nothing behind waits for it
        else
          carry_out(std::move(o));
      }) {}

void Executor::order(fx::Execute o) {
  payloads_.retain(o.payload.handle);
  fifo_.push(std::move(o));
}
void Executor::order(fx::Apply o) {
  payloads_.retain(o.payload.handle);
  fifo_.push(std::move(o));
}
void Executor::order(fx::ReadItem o) { fifo_.push(std::move(o)); }
void Executor::order(fx::ReadData o) { fifo_.push(std::move(o)); }
void Executor::order(fx::PurgeStaging o) { fifo_.push(o); }
void Executor::order(fx::Flush o) { flushes_.push(o); }

void Executor::stop() {
  fifo_.stop();
  syncs_.stop();
  flushes_.stop();
}

void Executor::carry_out(Order o) {
  struct Visitor {
    Executor& self;
    void operator()(const fx::Execute& e) { self.execute(e); }
    void operator()(const fx::Apply& e) { self.apply(e); }
    void operator()(const fx::ReadItem& e) { self.read_item(e); }
    void operator()(const fx::ReadData& e) { self.read_data(e); }
    void operator()(const fx::PurgeStaging&) { (void)self.tree_.purge_staging(); } // what is left is purged next time
    void operator()(const fx::Flush& e) { self.flush(e); }
  };
  std::visit(Visitor{*this}, o);
  payloads_.release(payload_of(o));
}

void Executor::execute(const fx::Execute& o) {
  in::Executed done{o.ticket};
  if (boot_now() > o.not_after) {
    done.expired = true;
  } else {
    auto payload = payloads_.get(o.payload.handle);
    auto r = tree_.execute(o.op, payload.bytes);
    done.error = r.error, done.amount = r.amount, done.partial = r.partial;
  }
  post_(done);
}

void Executor::apply(const fx::Apply& o) {
  auto payload = payloads_.get(o.payload.handle);
  auto r = tree_.apply(o.op, payload.bytes, o.may_be_done);
  // SECOND promised the whole of it: a short write is an error here.
  bool is_short = !r.error && o.op.kind == OpKind::write && r.amount < payload.bytes.size() && !o.may_be_done;
  post_(in::Applied{o.ticket, is_short ? ENOSPC : r.error, r.need, std::move(r.lacks)});
}

void Executor::read_item(const fx::ReadItem& o) {
  Bytes digests;
  auto item = tree_.read_item(o, digests);
  if (!item.error) item.digests = payloads_.add(std::move(digests));
  post_(std::move(item));
}

void Executor::read_data(const fx::ReadData& o) {
  Bytes data;
  auto read = tree_.read_data(o, data);
  if (!read.error) read.data = payloads_.add(std::move(data));
  post_(std::move(read));
}

void Executor::flush(const fx::Flush& o) {
  auto error = tree_.flush(o.checkpoint);
  if (!error && o.checkpoint.generation && record_) error = record_(o.checkpoint);
  post_(in::Flushed{o.ticket, error});
}

} // namespace lockstep
