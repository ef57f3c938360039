// Dirty bitmaps over images that lie: whatever is done to the bitmaps and the disk, also when the
// process is killed in between, one that is listed as usable knows of every change made since it
// was added or cleared. The last bytes of the input say what is done.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "fuzz_common.h"
#include "lent_storage.h"

namespace {

using namespace oxbow;
using namespace oxbow::format::qcow2;

constexpr uint64_t most_bytes = 64 << 20;  // disks that are larger are not looked at whole
constexpr uint64_t sector = 512;

struct Expected {
  bool enabled = true;
  std::set<uint64_t> sectors;
};

class Session {
 public:
  Session(async::Loop& loop, storage::SparseBytes bytes)
      : loop_(loop), file_(std::make_shared<storage::MemoryStorage>(std::move(bytes))) {}

  bool open() {
    node_ = fuzz::open(loop_, std::make_unique<storage::LentStorage>(file_), true);
    if (!node_ || node_->virtual_size() > most_bytes) return false;
    for (const Bitmap& one : engine().bitmaps().list()) names_.push_back(one.name);
    return std::set(names_.begin(), names_.end()).size() == names_.size();
  }
  /// What is there before anything was done: nothing is expected of it but what comes.
  void begin() {
    for (const Bitmap& one : engine().bitmaps().list()) {
      if (!one.in_use() && !one.foreign()) expected_[one.name].enabled = one.enabled();
    }
  }
  bool reopen(bool killed) {
    auto left = file_;
    if (killed) left = std::make_shared<storage::MemoryStorage>(file_->bytes());
    close();
    file_ = std::move(left);
    names_.clear();
    return open();
  }
  void close() {
    if (node_) (void)loop_.run(node_->close());
    node_.reset();
  }

  void step(uint8_t what, uint8_t argument) {
    const uint64_t size = node_->virtual_size();
    const uint64_t offset = size * argument / 256;
    const uint64_t length = std::min<uint64_t>(size - offset, 3000);
    switch (what % 12) {
      case 0:
      case 1: write(offset, length); break;
      case 2:
        if (loop_.run(node_->write_zeroes(offset, length, {}))) changed(offset, length);
        break;
      case 3:
        if (loop_.run(node_->discard(offset, length))) changed(offset, length);
        break;
      case 4: add("n" + std::to_string(argument % 4), 9 + argument / 4 % 12); break;
      case 5: on_one(argument, &Session::remove); break;
      case 6: on_one(argument, &Session::clear); break;
      case 7: on_one(argument, &Session::toggle); break;
      case 8: on_one(argument, &Session::merge_into_first); break;
      case 9: on_one(argument, &Session::settle_durability); break;
      case 10: resize(argument); break;
      case 11: (void)loop_.run(engine().create_snapshot({.name = "s"})); break;
    }
  }

  /// Of every usable bitmap: it covers what is expected.
  void check() {
    for (const Bitmap& one : engine().bitmaps().list()) {
      const auto wanted = expected_.find(one.name);
      if (wanted == expected_.end() || one.in_use() || one.foreign()) continue;
      const auto bits = loop_.run(engine().bitmaps().bits_of(one.name));
      if (!bits) continue;
      for (const uint64_t at : wanted->second.sectors) {
        if ((*bits)->test(at * sector >> one.granularity_bits)) continue;
        std::fprintf(stderr, "bitmap '%s' does not know of the change of sector %llu\n",
                     one.name.c_str(), static_cast<unsigned long long>(at));
        std::abort();
      }
    }
  }

 private:
  Qcow2Image& engine() { return dynamic_cast<Qcow2Image&>(node_->format()); }

  void changed(uint64_t offset, uint64_t length) {
    if (length == 0) return;
    for (auto& [name, one] : expected_) {
      if (!one.enabled) continue;
      for (uint64_t at = offset / sector; at <= (offset + length - 1) / sector; ++at) {
        one.sectors.insert(at);
      }
    }
  }
  void write(uint64_t offset, uint64_t length) {
    std::vector<std::byte> buffer(length, fuzz::guest_byte);
    const iovec part{buffer.data(), buffer.size()};
    if (loop_.run(node_->write(offset, IoSpan(&part, 1)))) changed(offset, length);
  }
  template <class Change>
  bool change(Change what) {
    const auto bitmaps = loop_.run(engine().change_bitmaps());
    return bitmaps && loop_.run(what(**bitmaps)).has_value();
  }
  void add(const std::string& name, unsigned bits) {
    if (!change([&](Bitmaps& all) { return all.add(name, static_cast<uint8_t>(bits), true); })) {
      return;
    }
    names_.push_back(name);
    expected_[name] = {};
  }
  void on_one(uint8_t argument, void (Session::*what)(const std::string&)) {
    if (!names_.empty()) (this->*what)(std::string(names_[argument % names_.size()]));
  }
  void remove(const std::string& name) {
    if (!change([&](Bitmaps& all) { return all.remove(name); })) return;
    std::erase(names_, name);
    expected_.erase(name);
  }
  void clear(const std::string& name) {
    if (change([&](Bitmaps& all) { return all.clear(name); })) expected_[name].sectors.clear();
  }
  void toggle(const std::string& name) {
    const bool enable = !expected_[name].enabled;
    if (change([&](Bitmaps& all) { return all.set_enabled(name, enable); })) {
      expected_[name].enabled = enable;
    }
  }
  void merge_into_first(const std::string& name) {
    const auto granularity = engine().bitmaps().granularity_bits_of(name);
    const auto bits = loop_.run(engine().bitmaps().bits_of(name));
    if (!granularity || !bits) return;
    const SparseBits copy = **bits;
    const std::string& into = names_.front();
    if (change([&](Bitmaps& all) { return all.merge(into, copy, *granularity); })) {
      expected_[into].sectors.insert(expected_[name].sectors.begin(),
                                     expected_[name].sectors.end());
    }
  }
  void settle_durability(const std::string& name) {
    (void)change([&](Bitmaps& all) {
      return all.set_durability(name, static_cast<BitmapDurability>(name.size() % 3));
    });
  }
  void resize(uint8_t argument) {
    const uint64_t wanted = (uint64_t{argument} + 1) * 16 * sector;
    if (!loop_.run(node_->resize(wanted, storage::Preallocation::off, true))) return;
    for (auto& [name, one] : expected_) {
      one.sectors.erase(one.sectors.lower_bound(wanted / sector), one.sectors.end());
    }
  }

  async::Loop& loop_;
  std::shared_ptr<storage::MemoryStorage> file_;
  std::unique_ptr<graph::Node> node_;
  std::vector<std::string> names_;
  std::map<std::string, Expected> expected_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t most_steps = 24;
  Session session(async::Loop::current_thread(), fuzz::bytes_of(data, size));
  if (session.open()) {
    session.begin();
    const size_t steps = std::min(most_steps, size / 2);
    bool open = true;
    for (size_t i = 0; i < steps && open; ++i) {
      const uint8_t what = data[size - 2 * i - 2];
      const uint8_t argument = data[size - 2 * i - 1];
      if (what % 16 >= 14) {
        open = session.reopen(what % 2 == 0);
      } else {
        session.step(what, argument);
      }
      if (open) session.check();
    }
    if (open && session.reopen(false)) session.check();
  }
  session.close();
  return 0;
}
