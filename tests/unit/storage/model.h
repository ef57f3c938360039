// Random operations on a storage, held against a plain array of bytes.
#pragma once

#include <algorithm>

#include "support.h"

namespace oxbow::storage {

class ByteModel {
 public:
  ByteModel(Storage& storage, uint32_t seed, size_t limit)
      : storage_(storage), random_(seed), limit_(limit), bytes_(storage.size()) {}

  void step() {
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2: write(); break;
      case 3: zero(); break;
      case 4: truncate(); break;
      case 5: check_status(); break;
      default: read(); break;
    }
    ASSERT_EQ(storage_.size(), bytes_.size());
  }

  void check_all() {
    const Bytes got = must(read_bytes(storage_, 0, bytes_.size()));
    const auto [here, there] = std::ranges::mismatch(got, bytes_);
    ASSERT_TRUE(here == got.end()) << "differs at " << here - got.begin();
  }

 private:
  size_t length() {
    static constexpr size_t lengths[] = {1, 511, 512, 513, 4095, 4096, 8192, 10000, 200000};
    return lengths[random_() % std::size(lengths)];
  }
  // Half of the offsets are aligned, so that both ways of a request are taken.
  uint64_t offset() {
    const uint64_t any = random_() % limit_;
    return random_() % 2 == 0 ? any : any / 4096 * 4096;
  }

  void write() {
    const uint64_t at = offset();
    const Bytes data = pattern(length(), random_());
    must(write_split(at, data));
    grow(at + data.size());
    std::ranges::copy(data, bytes_.begin() + static_cast<ptrdiff_t>(at));
  }

  // In two vectors, the second at an odd address.
  Result<void> write_split(uint64_t at, const Bytes& data) {
    Bytes shifted(data.size() + 1);
    const size_t half = data.size() / 2;
    std::ranges::copy(data, shifted.begin() + 1);
    const iovec parts[] = {io_slice(const_cast<std::byte*>(data.data()), half),
                           io_slice(shifted.data() + 1 + half, data.size() - half)};
    return run(storage_.write(at, parts));
  }

  void zero() {
    const uint64_t at = offset();
    const size_t count = length();
    const ZeroFlags flags = {.may_unmap = random_() % 2 == 0};
    must(storage_.write_zeroes(at, count, flags));
    grow(at + count);
    std::fill_n(bytes_.begin() + static_cast<ptrdiff_t>(at), count, std::byte{0});
  }

  void truncate() {
    bytes_.resize(offset());
    must(storage_.truncate(bytes_.size()));
  }

  void read() {
    const uint64_t at = offset();
    const Bytes got = must(read_bytes(storage_, at, length()));
    for (size_t i = 0; i < got.size(); ++i) {
      const std::byte expected = at + i < bytes_.size() ? bytes_[at + i] : std::byte{0};
      ASSERT_EQ(got[i], expected) << "at " << at + i;
    }
  }

  void check_status() {
    if (bytes_.empty()) return;
    const uint64_t at = random_() % bytes_.size();
    const Status status = must(storage_.status(at, length()));
    ASSERT_GT(status.length, 0);
    ASSERT_LE(at + status.length, bytes_.size());
    if (!status.zero) return;
    const auto from = bytes_.begin() + static_cast<ptrdiff_t>(at);
    ASSERT_TRUE(std::all_of(from, from + static_cast<ptrdiff_t>(status.length),
                            [](std::byte byte) { return byte == std::byte{0}; }));
  }

  void grow(size_t end) { bytes_.resize(std::max(bytes_.size(), end)); }

  Storage& storage_;
  std::mt19937 random_;
  size_t limit_;
  Bytes bytes_;
};

}  // namespace oxbow::storage
