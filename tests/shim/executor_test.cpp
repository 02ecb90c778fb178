// The executor: in order, payloads held until used, expired orders left undone, fsync beside the queue, flush with its
// checkpoint.
#include "shim/linux/clock.hpp"
#include "shim/linux/tree/executor.hpp"
#include "tests/shim/tree_fixture.hpp"
#include <condition_variable>
#include <set>

using namespace lockstep;
using namespace lockstep::testing;

namespace {

struct Bench {
  LoopImage image{64};
  std::string path = image.make("t");
  std::unique_ptr<Tree> tree = open_tree(path, 1);
  PayloadStore payloads;
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<Executor::Result> results;
  Position recorded;
  std::int32_t record_error = 0;
  Executor executor{*tree, payloads,
                    [this](Executor::Result r) {
                      std::lock_guard lock(mutex);
                      results.push_back(std::move(r));
                      arrived.notify_all();
                    },
                    [this](Position p) {
                      recorded = p;
                      return record_error;
                    }};

  std::vector<Executor::Result> wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    BOOST_REQUIRE(arrived.wait_for(lock, std::chrono::seconds(20), [&] { return results.size() >= count; }));
    return results;
  }
  Op create(const std::string& name) {
    Op op;
    op.kind = OpKind::create, op.object = tree->mint(), op.dir = root_key(0), op.name = name, op.mode = 0600;
    return op;
  }
  Op write(Key key, std::uint64_t offset, std::uint64_t length) {
    Op op;
    op.kind = OpKind::write, op.object = key, op.offset = offset, op.length = length;
    return op;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(executor)

BOOST_AUTO_TEST_CASE(orders_are_carried_out_in_order_and_payloads_live_until_then) {
  Bench b;
  auto make = b.create("f");
  b.executor.order(fx::Execute{{1}, make, {}, Instant::never()});
  for (std::uint64_t i = 0; i < 50; ++i) {
    auto p = b.payloads.add(Bytes(100, static_cast<std::uint8_t>('a' + i % 26)));
    b.executor.order(fx::Execute{{2 + i}, b.write(make.object, i * 100, 100), p, Instant::never()});
    b.payloads.release(p.handle); // Mirror needs it no more; the queue still does
  }
  auto results = b.wait_for(51);
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto& done = std::get<in::Executed>(results[i]);
    BOOST_TEST(done.ticket.value == i + 1);
    BOOST_TEST(done.error == 0);
    if (i) BOOST_TEST(done.amount == 100u);
  }
  b.executor.stop();
  BOOST_TEST(b.payloads.size() == 0u);
  BOOST_TEST(output_of("stat -c %s " + b.path + "/f") == "5000\n");
}

BOOST_AUTO_TEST_CASE(an_expired_order_does_nothing) {
  Bench b;
  b.executor.order(fx::Execute{{1}, b.create("late"), {}, boot_now() - ms(1)});
  auto done = std::get<in::Executed>(b.wait_for(1)[0]);
  BOOST_TEST(done.expired);
  BOOST_TEST(output_of("ls " + b.path) == "");
}

BOOST_AUTO_TEST_CASE(a_sync_answers_and_the_queue_goes_on) {
  Bench b;
  auto make = b.create("f");
  Op sync;
  sync.kind = OpKind::sync, sync.object = make.object;
  b.executor.order(fx::Execute{{1}, make, {}, Instant::never()});
  b.executor.order(fx::Execute{{2}, sync, {}, Instant::never()});
  b.executor.order(fx::Execute{{3}, b.create("g"), {}, Instant::never()});
  std::set<std::uint64_t> tickets;
  for (auto& r : b.wait_for(3)) {
    BOOST_TEST(std::get<in::Executed>(r).error == 0);
    tickets.insert(std::get<in::Executed>(r).ticket.value);
  }
  BOOST_TEST(tickets.size() == 3u);
}

BOOST_AUTO_TEST_CASE(reads_give_what_a_drain_needs) {
  Bench b;
  auto make = b.create("f");
  b.executor.order(fx::Execute{{1}, make, {}, Instant::never()});
  auto p = b.payloads.add(Bytes(100'000, 'x'));
  b.executor.order(fx::Execute{{2}, b.write(make.object, 0, 100'000), p, Instant::never()});
  b.executor.order(fx::ReadItem{{3}, root_key(0), true});
  b.executor.order(fx::ReadItem{{4}, make.object});
  b.executor.order(fx::ReadItem{{5}, make.object, false, false, 1});
  b.executor.order(fx::ReadData{{6}, make.object, 65536, 65536});
  b.executor.order(fx::ReadItem{{7}, b.tree->mint(), false, true});
  auto results = b.wait_for(7);
  auto& dir = std::get<in::ItemRead>(results[2]);
  BOOST_REQUIRE_EQUAL(dir.dir.entries.size(), 1u);
  BOOST_TEST(dir.dir.entries[0].name == "f");
  BOOST_TEST((dir.dir.entries[0].key == make.object));
  auto& block = std::get<in::ItemRead>(results[3]);
  BOOST_TEST(block.size == 100'000u);
  BOOST_TEST(block.digests.size == 2 * 16u);
  BOOST_TEST(!block.end_of_file);
  BOOST_TEST(std::get<in::ItemRead>(results[4]).end_of_file);
  auto& data = std::get<in::DataRead>(results[5]);
  BOOST_TEST(data.length == 100'000u - 65536u);
  BOOST_TEST(b.payloads.get(data.data.handle).bytes[0] == 'x');
  BOOST_TEST(std::get<in::ItemRead>(results[6]).error == ENOENT);
}

BOOST_AUTO_TEST_CASE(a_flush_records_its_checkpoint_on_the_data_root_and_beside_the_record) {
  Bench b;
  b.executor.order(fx::Flush{{1}, {0, 0}});
  BOOST_TEST(std::get<in::Flushed>(b.wait_for(1)[0]).error == 0);
  BOOST_TEST(!b.tree->checkpoint(0).has_value());
  b.executor.order(fx::Flush{{2}, {4, 99}});
  BOOST_TEST(std::get<in::Flushed>(b.wait_for(2)[1]).error == 0);
  BOOST_TEST((b.recorded == Position{4, 99}));
  BOOST_TEST((b.tree->checkpoint(0)->position == Position{4, 99}));
  b.record_error = EIO;
  b.executor.order(fx::Flush{{3}, {4, 100}});
  BOOST_TEST(std::get<in::Flushed>(b.wait_for(3)[2]).error == EIO);
}

BOOST_AUTO_TEST_SUITE_END()
