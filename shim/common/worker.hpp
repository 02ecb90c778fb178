// Runs a blocking call on a worker thread and its completion on an executor: for probes and pings, which the loop must
// never wait for.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <utility>

namespace lockstep {

// `work()` runs in `pool`, then `done(result)` on `executor`. The pool is joined by its owner before what `work`
// touches dies.
template <class Work, class Done>
void in_worker(boost::asio::thread_pool& pool, Work work, boost::asio::any_io_executor executor, Done done) {
  boost::asio::post(pool, [work = std::move(work), executor = std::move(executor), done = std::move(done)]() mutable {
    auto result = work();
    boost::asio::post(executor,
                      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  });
}

} // namespace lockstep
