// Drivers that keep the same bytes in several places, and one that reserves space ahead.
#include "base/bytes.h"
#include "model.h"
#include "storage/memory.h"
#include "storage/preallocate.h"
#include "storage/quorum.h"
#include "storage/verify.h"

namespace oxbow::storage {
namespace {

constexpr size_t size = 8192;

std::unique_ptr<MemoryStorage> store(uint32_t seed) {
  auto out = std::make_unique<MemoryStorage>();
  must(write_bytes(*out, 0, pattern(size, seed)));
  return out;
}

struct Voters {
  explicit Voters(std::initializer_list<uint32_t> seeds) {
    for (const uint32_t seed : seeds) {
      auto one = store(seed);
      seen.push_back(one.get());
      children.push_back(std::move(one));
    }
  }
  std::unique_ptr<QuorumStorage> with(QuorumOptions options) {
    return must(QuorumStorage::create(std::move(children), std::move(options), "quorum"));
  }
  std::vector<MemoryStorage*> seen;
  QuorumStorage::Children children;
};

TEST(Quorum, ReadsWhatEnoughCopiesSay) {
  const auto quorum = Voters({1, 2, 1}).with({.threshold = 2});
  const Bytes all = pattern(size, 1);
  EXPECT_EQ(must(read_bytes(*quorum, 100, 500)), Bytes(all.begin() + 100, all.begin() + 600));
}

TEST(Quorum, FailsWhereTooFewAgree) {
  const auto quorum = Voters({1, 2, 3}).with({.threshold = 2});
  EXPECT_EQ(read_bytes(*quorum, 0, 512).error().kind(), ErrorKind::io);
}

TEST(Quorum, RewritesTheOutvotedWhereAsked) {
  Voters voters({1, 2, 1});
  const std::vector<MemoryStorage*> seen = voters.seen;
  const auto quorum = voters.with({.threshold = 2, .rewrite_corrupted = true});
  must(read_bytes(*quorum, 0, size));
  EXPECT_EQ(must(read_bytes(*seen[1], 0, size)), pattern(size, 1));
}

TEST(Quorum, FirstAnswerIsBelievedUnderFifo) {
  const auto quorum = Voters({1, 2, 3}).with({.threshold = 3, .first_answers = true});
  EXPECT_EQ(must(read_bytes(*quorum, 0, size)), pattern(size, 1));
}

TEST(Quorum, AWriteNeedsEnoughCopies) {
  Voters voters({1, 1, 1});
  const std::vector<MemoryStorage*> seen = voters.seen;
  const auto quorum = voters.with({.threshold = 2});
  seen[0]->set_read_only(true);
  EXPECT_TRUE(write_bytes(*quorum, 0, pattern(512, 5)));
  seen[1]->set_read_only(true);
  EXPECT_FALSE(write_bytes(*quorum, 0, pattern(512, 6)));
}

TEST(Quorum, RefusesCopiesOfDifferentSizes) {
  Voters voters({1, 1});
  must(voters.seen[0]->truncate(size * 2));
  EXPECT_FALSE(QuorumStorage::create(std::move(voters.children), {.threshold = 1}, "quorum"));
}

TEST(Quorum, IsZeroOnlyWhereAllCopiesAre) {
  Voters voters({1, 1});
  must(voters.seen[0]->write_zeroes(0, 4096));
  const auto quorum = voters.with({.threshold = 1});
  EXPECT_FALSE(must(quorum->status(0, 4096)).zero);
}

TEST(Verify, ADifferenceFailsTheReadAndIsTold) {
  std::string told;
  VerifyStorage verify(store(1), store(1), "verify",
                       [&told](const std::string& what) { told = what; });
  EXPECT_EQ(must(read_bytes(verify, 0, size)), pattern(size, 1));
  VerifyStorage differs(store(1), store(2), "verify",
                        [&told](const std::string& what) { told = what; });
  EXPECT_FALSE(read_bytes(differs, 512, 512));
  EXPECT_TRUE(told.starts_with("blkverify: read offset=512 bytes=512 contents mismatch at offset"));
}

TEST(Verify, WritesGoToBoth) {
  VerifyStorage verify(store(1), store(1), "verify", {});
  must(write_bytes(verify, 700, pattern(100, 3)));
  EXPECT_EQ(must(read_bytes(verify, 700, 100)), pattern(100, 3));
}

TEST(Preallocate, TheFileIsLongerUntilItIsClosed) {
  auto inner = std::make_unique<MemoryStorage>();
  MemoryStorage* file = inner.get();
  PreallocateStorage storage(std::move(inner), {.align = 4096, .ahead = 65536});
  must(write_bytes(storage, 0, pattern(1000, 1)));
  EXPECT_EQ(storage.size(), 1000);
  EXPECT_EQ(file->size(), align_up(1000 + 65536, 4096));
  must(storage.truncate(500));
  must(storage.truncate(2000));
  EXPECT_EQ(must(read_bytes(storage, 500, 1500)), Bytes(1500));
  must(storage.close());
  EXPECT_EQ(file->size(), 2000);
}

TEST(Preallocate, BehavesAsAnArrayOfBytes) {
  PreallocateStorage storage(std::make_unique<MemoryStorage>(), {.align = 512, .ahead = 3000});
  ByteModel model(storage, 1, 100000);
  for (int step = 0; step < 300 && !testing::Test::HasFatalFailure(); ++step) model.step();
  model.check_all();
}

}  // namespace
}  // namespace oxbow::storage
