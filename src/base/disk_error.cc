#include "base/disk_error.h"

#include <cerrno>
#include <system_error>

namespace trunkline {

std::string_view DiskHint(int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "The disk or quota is full, or files may not be that large. Free some space: nothing that was "
             "accepted is lost, new events are refused meanwhile.";
    case EROFS:
    case EACCES:
    case EPERM:
      return "The data directory is read-only for this user. Mount it writable, or check its owner and "
             "permissions.";
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
      return "Check that the data directory exists, and that nothing else lies in the place of its files.";
    case EIO:
      return "The disk fails. Look at what the system's log says of it (dmesg).";
    default:
      return {};
  }
}

Error DiskError(const std::string& what, int reason) {
  return {.code = ErrorCode::kStoreUnavailable,
          .message = what + ": " + std::generic_category().message(reason),
          .hint = std::string(DiskHint(reason))};
}

}  // namespace trunkline
