// The end of a store waits for a commit and for its threads: it happens on libuv's pool, not on the engine.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "store/store.h"

namespace trunkline::engine {

// `ended` is called on the loop's thread.
void EndStore(uv_loop_t* loop, std::unique_ptr<store::Store> store, std::function<void()> ended);

}  // namespace trunkline::engine
