#include "store/records.h"

namespace trunkline::store {

const char* Name(Step step) {
  switch (step) {
    case Step::kPublish:
      return "publish";
    case Step::kRequest:
      return "request";
    case Step::kConsume:
      return "consume";
  }
  return "";
}

}  // namespace trunkline::store
