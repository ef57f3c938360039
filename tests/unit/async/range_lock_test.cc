// The range lock against a naive model, and its rules one by one.
#include <list>
#include <random>
#include <vector>

#include "loop_fixture.h"

namespace oxbow::async {
namespace {

class RangeLockTest : public LoopTest {};
OXBOW_BOTH_BACKENDS(RangeLockTest);

struct Request {
  uint64_t begin = 0;
  uint64_t length = 0;
  bool exclusive = false;
  bool released = false;
  bool granted = false;
  bool cancelled = false;
  Event release;
  CancelSource cancel;
};

Task<void> hold(RangeLock& lock, Request& request) {
  auto guard = co_await lock.lock(request.begin, request.length, request.exclusive);
  if (!guard) {
    request.cancelled = true;
    co_return std::unexpected(std::move(guard).error());
  }
  request.granted = true;
  Task<void> wait = [](Event& event) -> Task<void> {
    co_return co_await event.wait();
  }(request.release);
  co_return co_await std::move(wait).shielded();
}

// What the lock promises, by definition: a request is granted when no earlier one that
// is neither released nor cancelled conflicts with it.
struct Model {
  struct Entry {
    Request* request;
    bool granted;
  };

  static bool conflict(const Request& a, const Request& b) {
    return a.begin < b.begin + b.length && b.begin < a.begin + a.length &&
           (a.exclusive || b.exclusive);
  }
  void settle() {
    std::erase_if(entries, [](const Entry& entry) {
      return entry.request->released || (entry.request->cancel.cancelled() && !entry.granted);
    });
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
      entry->granted =
          entry->granted || std::none_of(entries.begin(), entry, [&](const Entry& earlier) {
            return conflict(*earlier.request, *entry->request);
          });
    }
  }
  std::list<Entry> entries;
};

class ModelRun {
 public:
  ModelRun(Loop& loop, unsigned seed) : loop_(loop), random_(seed) {}

  void run() {
    for (int step = 0; step < 400; ++step) {
      const unsigned action = random_() % 8;
      if (action < 4) {
        request();
      } else if (action < 7) {
        release();
      } else {
        cancel();
      }
      compare();
    }
    while (!model_.entries.empty()) {
      release();
      compare();
    }
    loop_.drain();
    EXPECT_TRUE(lock_.idle());
  }

 private:
  void request() {
    Request& made = requests_.emplace_back();
    made.begin = random_() % 64;
    made.length = random_() % 16;
    made.exclusive = random_() % 2 == 0;
    loop_.spawn(hold(lock_, made).cancelled_by(made.cancel.token()));
    model_.entries.push_back({&made, false});
  }
  Model::Entry* pick(bool granted) {
    std::vector<Model::Entry*> found;
    for (Model::Entry& entry : model_.entries) {
      if (entry.granted == granted) found.push_back(&entry);
    }
    return found.empty() ? nullptr : found[random_() % found.size()];
  }
  void release() {
    if (Model::Entry* entry = pick(true)) {
      entry->request->released = true;
      entry->request->release.set();
    }
  }
  void cancel() {
    if (Model::Entry* entry = pick(false)) entry->request->cancel.cancel();
  }
  void compare() {
    for (int i = 0; i < 4; ++i) loop_.poll();
    model_.settle();
    for (const Model::Entry& entry : model_.entries) {
      ASSERT_EQ(entry.request->granted, entry.granted)
          << entry.request->begin << "+" << entry.request->length;
    }
    for (const Request& made : requests_) {
      ASSERT_EQ(made.cancelled, made.cancel.cancelled() && !made.granted);
    }
  }

  Loop& loop_;
  std::mt19937 random_;
  RangeLock lock_;
  std::list<Request> requests_;
  Model model_;
};

TEST_P(RangeLockTest, RandomRequestsFollowTheModel) {
  for (unsigned seed = 0; seed < 10; ++seed) ModelRun(*loop_, seed).run();
}

TEST_P(RangeLockTest, LaterReaderDoesNotOvertakeWaitingWriter) {
  RangeLock lock;
  std::list<Request> requests;
  const auto start = [&](uint64_t begin, uint64_t length, bool exclusive) -> Request& {
    Request& made = requests.emplace_back();
    made.begin = begin;
    made.length = length;
    made.exclusive = exclusive;
    loop_->spawn(hold(lock, made));
    turns();
    return made;
  };
  Request& reader = start(0, 10, false);
  Request& writer = start(5, 10, true);
  Request& late_reader = start(8, 4, false);
  Request& elsewhere = start(100, 1, true);
  EXPECT_TRUE(reader.granted);
  EXPECT_FALSE(writer.granted);
  EXPECT_FALSE(late_reader.granted);
  EXPECT_TRUE(elsewhere.granted);
  for (Request& made : requests) made.release.set();
  loop_->drain();
  EXPECT_TRUE(late_reader.granted);
}

TEST_P(RangeLockTest, LengthsReachTheEndOfTheOffsetsWithoutWrapping) {
  RangeLock lock;
  Request all;
  all.begin = 10;
  all.length = UINT64_MAX;
  all.exclusive = true;
  Request before;
  before.length = 10;
  before.exclusive = true;
  Request inside;
  inside.begin = UINT64_MAX - 5;
  inside.length = 2;
  for (Request* made : {&all, &before, &inside}) loop_->spawn(hold(lock, *made));
  turns();
  EXPECT_TRUE(all.granted);
  EXPECT_TRUE(before.granted);
  EXPECT_FALSE(inside.granted);
  for (Request* made : {&all, &before, &inside}) made->release.set();
  loop_->drain();
}

}  // namespace
}  // namespace oxbow::async
