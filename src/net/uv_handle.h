// Ownership of a libuv handle: dropping the owner closes the handle, and its memory goes in the close
// callback.
#pragma once

#include <uv.h>

#include <memory>

namespace trunkline::net {

template <typename Handle>
struct CloseHandle {
  void operator()(Handle* handle) const {
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
};

// Holds an initialised handle only: one whose uv_*_init failed must not be closed.
template <typename Handle>
using UvHandle = std::unique_ptr<Handle, CloseHandle<Handle>>;

}  // namespace trunkline::net
