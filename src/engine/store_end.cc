#include "engine/store_end.h"

#include <utility>

namespace trunkline::engine {
namespace {

struct Work {
  uv_work_t request;
  std::unique_ptr<store::Store> store;
  std::function<void()> ended;
};

}  // namespace

void EndStore(uv_loop_t* loop, std::unique_ptr<store::Store> store, std::function<void()> ended) {
  auto work = std::make_unique<Work>();
  work->request.data = work.get();
  work->store = std::move(store);
  work->ended = std::move(ended);
  uv_queue_work(
      loop, &work.release()->request,
      [](uv_work_t* request) { static_cast<Work*>(request->data)->store.reset(); },
      [](uv_work_t* request, int) {
        const std::unique_ptr<Work> done(static_cast<Work*>(request->data));
        done->ended();
      });
}

}  // namespace trunkline::engine
