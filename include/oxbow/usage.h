// What an image file really holds, and for whom.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oxbow {

/// Bytes of an image's file, in whole clusters, tables included.
struct HeldBytes {
  uint64_t exclusive = 0;  ///< nobody else refers to them: they are free when this one is gone
  uint64_t shared = 0;     ///< others hold them, too; counted once for each L2
                           ///< table that names them
};

struct SnapshotUsage {
  std::string id;
  std::string name;
  HeldBytes held;
};

struct BitmapUsage {
  std::string name;
  HeldBytes held;
};

/// An external data file: it holds the disk's data and nothing else.
struct DataFileUsage {
  std::string name;                     ///< as the image states it
  std::optional<uint64_t> actual_size;  ///< bytes occupied on the host
};

/// One layer of a chain. Without `detailed` (formats other than qcow2) only the
/// sizes are there.
struct LayerUsage {
  std::string filename;
  std::string format;
  uint64_t virtual_size = 0;            ///< bytes
  uint64_t file_size = 0;               ///< bytes; 0 where it is not known
  std::optional<uint64_t> actual_size;  ///< bytes occupied on the host
  bool detailed = false;
  std::optional<DataFileUsage> data_file;
  HeldBytes disk;  ///< the disk as it is now, with its VM state; what lies in this file
  std::vector<SnapshotUsage> snapshots;
  std::vector<BitmapUsage> bitmaps;
  uint64_t metadata = 0;  ///< header, refcounts, snapshot table, bitmap
                          ///< directory: nobody's alone
  uint64_t leaked = 0;    ///< counted as in use, and nobody refers to it
  uint64_t free = 0;      ///< clusters that nothing holds
};

}  // namespace oxbow
