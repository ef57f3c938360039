// SparseBits against a vector of bits, and what it takes.
#include "base/sparse_bits.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace oxbow {
namespace {

class Pair {
 public:
  explicit Pair(uint64_t size) : bits(size), model(size) {}

  void set(uint64_t first, uint64_t count, bool value) {
    value ? bits.set(first, count) : bits.clear(first, count);
    std::fill_n(model.begin() + static_cast<ptrdiff_t>(first), count, value);
  }
  void resize(uint64_t size) {
    bits.resize(size);
    model.resize(size);
  }
  [[nodiscard]] uint64_t next(uint64_t from, bool wanted) const {
    const auto found = std::find(model.begin() + static_cast<ptrdiff_t>(from), model.end(), wanted);
    return static_cast<uint64_t>(found - model.begin());
  }
  void expect_same() const {
    ASSERT_EQ(bits.size(), model.size());
    ASSERT_EQ(bits.count(), static_cast<uint64_t>(std::count(model.begin(), model.end(), true)));
    uint64_t at = 0;
    for (bool wanted = true; at < model.size(); wanted = !wanted) {
      const uint64_t found = wanted ? bits.next_set(at) : bits.next_clear(at);
      ASSERT_EQ(found, next(at, wanted)) << (wanted ? "set" : "clear") << " from " << at;
      at = found;
    }
  }

  SparseBits bits;
  std::vector<bool> model;
};

struct Range {
  uint64_t first;
  uint64_t count;
};

Range random_range(std::mt19937_64& random, uint64_t size, uint64_t longest) {
  const uint64_t first = random() % size;
  return {first, std::min(size - first, random() % longest + 1)};
}

void one_step(Pair& pair, std::mt19937_64& random, uint64_t longest) {
  const Range range = random_range(random, pair.model.size(), longest);
  switch (random() % 8) {
    case 0:
    case 1:
    case 2: pair.set(range.first, range.count, true); break;
    case 3:
    case 4: pair.set(range.first, range.count, false); break;
    case 5:
      EXPECT_EQ(pair.bits.all_set(range.first, range.count),
                pair.next(range.first, false) >= range.first + range.count);
      EXPECT_EQ(pair.bits.any_set(range.first, range.count),
                pair.next(range.first, true) < range.first + range.count);
      break;
    case 6: {  // a stretch of single bits, which no list of runs would hold
      for (uint64_t i = 0; i < range.count; i += 2) pair.set(range.first + i, 1, true);
      break;
    }
    default: {
      const uint64_t first = range.first / 64 * 64;
      std::vector<std::byte> bytes(range.count / 64 * 8 + 8);
      pair.bits.store(first, bytes);
      for (uint64_t i = 0; i < bytes.size() * 8 && first + i < pair.model.size(); ++i) {
        const bool stored = (bytes[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0};
        ASSERT_EQ(stored, pair.model[first + i]) << first + i;
      }
      for (std::byte& byte : bytes) byte = std::byte(random() & random());
      pair.bits.load(first, bytes);
      for (uint64_t i = 0; i < bytes.size() * 8 && first + i < pair.model.size(); ++i) {
        pair.model[first + i] = (bytes[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0};
      }
    }
  }
}

TEST(SparseBits, does_what_a_vector_of_bits_does) {
  for (const uint64_t longest : {3, 300, 30000, 200000}) {
    std::mt19937_64 random(longest);
    Pair pair(5 * 65536 + 777);
    for (int step = 0; step < 400; ++step) {
      one_step(pair, random, longest);
      if (step % 50 == 49) {
        pair.resize(random() % (3 * 65536) + 3 * 65536);
        if (random() % 4 == 0) pair.set(0, pair.model.size(), true);
      }
      if (step % 10 == 0) pair.expect_same();
      if (HasFatalFailure()) FAIL() << "longest " << longest << ", step " << step;
    }
    pair.expect_same();
  }
}

TEST(SparseBits, merges) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    Pair one(4 * 65536 + 5);
    Pair two(4 * 65536 + 5);
    for (int step = 0; step < 30; ++step) {
      one_step(one, random, round % 2 == 0 ? 100 : 100000);
      one_step(two, random, 5000);
    }
    one.bits.merge(two.bits);
    for (size_t i = 0; i < one.model.size(); ++i) one.model[i] = one.model[i] || two.model[i];
    one.expect_same();
  }
}

TEST(SparseBits, copies_are_their_own) {
  SparseBits one(1 << 20);
  for (uint64_t i = 0; i < 65536; i += 2) one.set(i, 1);
  SparseBits two = one;
  one.clear(0, 1 << 20);
  EXPECT_EQ(one.count(), 0u);
  EXPECT_EQ(two.count(), 32768u);
  EXPECT_TRUE(two.test(4));
}

TEST(SparseBits, size_costs_nothing) {
  SparseBits bits(uint64_t{1} << 44);
  EXPECT_EQ(bits.next_set(0), bits.size());
  bits.set(0, bits.size());
  EXPECT_EQ(bits.next_clear(0), bits.size());
  bits.clear(uint64_t{1} << 43, 1);
  EXPECT_EQ(bits.next_clear(5), uint64_t{1} << 43);
  EXPECT_EQ(bits.count(), bits.size() - 1);
  EXPECT_LT(bits.memory_bytes(), 1024u);
}

TEST(SparseBits, single_bits_cost_what_they_are) {
  SparseBits bits(1 << 28);
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) bits.set(random() % bits.size(), 1);
  EXPECT_LT(bits.memory_bytes(), 192u << 10);
}

TEST(SparseBits, worst_case_is_little_more_than_a_bit_a_bit) {
  SparseBits bits(1 << 24);
  for (uint64_t i = 0; i < bits.size(); i += 2) bits.set(i, 1);
  EXPECT_LT(bits.memory_bytes(), bits.size() / 8 * 11 / 10);
}

}  // namespace
}  // namespace oxbow
