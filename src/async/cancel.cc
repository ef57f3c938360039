// Spreading a cancellation to everything that listens.
#include "async/cancel.h"

namespace oxbow::async {

void CancelToken::cancel() {
  cancelled_ = true;
  while (CancelListener* listener = first_) {
    listener->stop_listening();
    listener->on_cancel();
  }
}

CancelSource::CancelSource(CancelToken* parent) {
  if (parent != nullptr && parent->cancelled()) token_.cancel();
  listen(parent);
}

}  // namespace oxbow::async
