// Backs up a disk that nobody is using, each time only what changed: incremental_backup DISK FOLDER
//
// FOLDER/0.qcow2 is the full copy; each later N.qcow2 holds what changed since, over the one
// before. The bitmap "since-N" of DISK tells what changed after backup N was begun. It is there
// before backup N is made, and the one before it goes only when backup N is whole: killed at any
// point, the next run goes on, and copies too much at worst.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <oxbow/oxbow.hpp>

namespace {

using oxbow::Image;
using oxbow::Result;
namespace fs = std::filesystem;

std::string file_of(int number) { return std::to_string(number) + ".qcow2"; }
std::string since(int number) { return "since-" + std::to_string(number); }

// Everything, or over `backing` what the bitmap `changes` marks.
Result<void> copy_to(const std::string& file, Image& disk, const std::string& backing,
                     const std::string& changes) {
  oxbow::CopyOptions options;
  options.target_is_zero = backing.empty();
  options.target_has_backing = !backing.empty();
  if (!backing.empty()) {
    auto& ranges = options.ranges.emplace();
    auto found = disk.visit_dirty(
        changes, [&](uint64_t offset, uint64_t length) { ranges.push_back({offset, length}); });
    if (!found) return found;
  }
  oxbow::CreateOptions wanted{.filename = file, .format = "qcow2", .size = disk.size()};
  wanted.backing_file = backing;
  wanted.backing_format = backing.empty() ? "" : "qcow2";
  if (auto created = Image::create(wanted); !created) return created;
  auto target = Image::open(file, {.writable = true});
  if (!target) return std::unexpected(target.error());
  Image* source = &disk;
  if (auto copied = oxbow::copy({&source, 1}, *target, options); !copied) return copied;
  return target->close();
}

Result<void> back_up(Image& disk, const fs::path& folder) {
  int number = 0;
  while (fs::exists(folder / file_of(number))) ++number;
  auto added = disk.add_bitmap(since(number));
  if (!added && added.error().kind() != oxbow::ErrorKind::exists) return added;

  const std::string backing = number == 0 ? "" : file_of(number - 1);
  const fs::path part = folder / (file_of(number) + ".part");
  if (auto copied = copy_to(part, disk, backing, since(number - 1)); !copied) return copied;
  fs::rename(part, folder / file_of(number));
  sync();  // the new name, before the bitmap that it makes superfluous goes
  // What earlier runs could not drop goes, too.
  for (int old = number - 1; old >= 0 && disk.remove_bitmap(since(old)); --old) {
  }
  return disk.close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: incremental_backup DISK FOLDER\n");
    return 2;
  }
  auto disk = Image::open(argv[1], {.writable = true});
  auto done = disk ? back_up(*disk, argv[2]) : std::unexpected(disk.error());
  if (!done) std::fprintf(stderr, "incremental_backup: %s\n", done.error().message().c_str());
  return done ? 0 : 1;
}
