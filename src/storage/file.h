// Files and block devices of the host: the drivers "file", "host_device", "host_cdrom".
#pragma once

#include <oxbow/options.h>

#include <cstdint>
#include <memory>
#include <string>

#include "storage/storage.h"

namespace oxbow::storage {

enum class Locking {
  automatic,  ///< lock where the file system can
  on,         ///< fail where it cannot
  off,
};

struct FileOptions {
  std::string path;
  bool writable = false;
  CacheMode cache = CacheMode::writeback;
  /// Lock as one who tolerates any other user. For reading only.
  bool force_share = false;
  Locking locking = Locking::automatic;
  /// What the first lock claims; Storage::set_sharing changes it when more is known.
  Sharing sharing = Sharing::write;
  /// Others may read and write it, but nobody else resizes it: the data of an image whose metadata
  /// lies elsewhere.
  bool resized_here_only = false;
  /// False: discard() does nothing and write_zeroes keeps the allocation.
  bool discard_unmap = false;
  std::string aio;              ///< "threads", "native", "io_uring" or empty
  std::string driver = "file";  ///< or "host_device", "host_cdrom"
};

/// The driver word that suits what `path` is: "file" also where nothing is there.
std::string file_driver_for(const std::string& path);

/// Opens what exists. Error messages are the stock tools' whole lines ("Could not open
/// 'x': No such file or directory"); a lock held elsewhere is `busy` with a hint.
///
/// The file is not expected to change under us: a read that finds less than the known
/// size fails, and status() may answer from what it saw before.
Task<std::unique_ptr<Storage>> open_file(FileOptions options);

struct FileCreateOptions {
  std::string path;
  uint64_t size = 0;
  Preallocation preallocation = Preallocation::off;
  bool nocow = false;  ///< ask btrfs not to copy on write; ignored elsewhere
  /// Allocation unit to ask XFS for, bytes; 0: the file system's own.
  uint32_t extent_size_hint = 1 << 20;
  Locking locking = Locking::automatic;
};

/// Creates or empties a file and gives it its size; the file is closed afterwards.
/// Refuses what another process has locked. A device is left as it is, if large enough.
Task<> create_file(FileCreateOptions options);

}  // namespace oxbow::storage
