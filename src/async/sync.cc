// Handing out permits.
#include "async/sync.h"

namespace oxbow::async {

void Semaphore::give(size_t count) {
  available_ += count;
  while (detail::Waiter* oldest = first()) {
    const size_t wanted = static_cast<AcquireAwaiter*>(oldest)->count_;
    if (wanted > available_) return;
    available_ -= wanted;
    grant(*oldest);
  }
}

}  // namespace oxbow::async
