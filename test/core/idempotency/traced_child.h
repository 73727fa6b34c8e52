// A process that does one piece of work instruction by instruction, or from system call to system call, so
// that it can be killed at any place of it.
#pragma once

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace trunkline::test {

class TracedChild {
 public:
  enum class Stride { kInstruction, kSystemCall };

  // Stands just before `work`. Not ok() where the system allows no tracing.
  template <typename Work>
  TracedChild(Stride stride, Work work) : stride_(stride), pid_(fork()) {
    if (pid_ == 0) {
      if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
      raise(SIGSTOP);
      work();
      _exit(0);
    }
    alive_ = pid_ > 0 && IsStopped();
  }
  ~TracedChild() { Kill(); }
  TracedChild(const TracedChild&) = delete;
  TracedChild& operator=(const TracedChild&) = delete;

  bool ok() const { return alive_; }

  // On to the next place; false when the work is over.
  bool Step() {
    ptrace(stride_ == Stride::kInstruction ? PTRACE_SINGLESTEP : PTRACE_SYSCALL, pid_, nullptr, nullptr);
    return alive_ = IsStopped();
  }

  // kill -9, here.
  void Kill() {
    if (!alive_) return;
    kill(pid_, SIGKILL);
    while (IsStopped()) continue;
    alive_ = false;
  }

 private:
  bool IsStopped() {
    int status = 0;
    return waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status);
  }

  Stride stride_;
  pid_t pid_;
  bool alive_ = false;
};

}  // namespace trunkline::test
