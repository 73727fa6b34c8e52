#include "base/disk_error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace trunkline {
namespace {

TEST(DiskError, SaysTheSystemsReasonAndWhatToDo) {
  const Error full = DiskError("events.db cannot be written", ENOSPC);
  EXPECT_EQ(full.code, ErrorCode::kStoreUnavailable);
  EXPECT_EQ(full.message, "events.db cannot be written: No space left on device");
  EXPECT_NE(full.hint.find("Free some space"), std::string::npos);
  EXPECT_EQ(DiskHint(EDQUOT), DiskHint(ENOSPC));
  EXPECT_NE(DiskHint(EROFS).find("writable"), std::string_view::npos);
  EXPECT_NE(DiskHint(EACCES).find("permissions"), std::string_view::npos);
  EXPECT_NE(DiskHint(ENOENT).find("exists"), std::string_view::npos);
  EXPECT_NE(DiskHint(EIO).find("disk fails"), std::string_view::npos);
  EXPECT_EQ(DiskError("x", EINTR).hint, "") << "the table's";
}

}  // namespace
}  // namespace trunkline
