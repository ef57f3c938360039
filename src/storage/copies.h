// Several stores that hold the same bytes: what is alike in the drivers that go to all of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/storage.h"

namespace oxbow::storage {

class CopiesStorage : public Storage {
 public:
  using Children = std::vector<std::unique_ptr<Storage>>;

  [[nodiscard]] const std::string& filename() const override { return filename_; }
  [[nodiscard]] bool read_only() const override { return children_.front()->read_only(); }
  [[nodiscard]] uint64_t size() const override { return children_.front()->size(); }

  /// What is discarded may read as anything, in each copy as something else: nothing is.
  Task<> discard(uint64_t offset, uint64_t length) override;
  /// Refused.
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  /// All of them; the first error is told.
  Task<> close() override;

 protected:
  CopiesStorage(Children children, std::string filename)
      : children_(std::move(children)), filename_(std::move(filename)) {}

  Children children_;  // at least one
  std::string filename_;
};

}  // namespace oxbow::storage
