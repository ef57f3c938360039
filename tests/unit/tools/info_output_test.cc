// The renderings of `info`.
#include "info_output.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace oxbow::tools {
namespace {

ImageInfo overlay() {
  ImageInfo info;
  info.filename = "d/o.qcow2";
  info.format = "qcow2";
  info.virtual_size = 1 << 20;
  info.actual_size = 200704;
  info.cluster_size = 65536;
  info.backing_filename = "a.qcow2";
  info.full_backing_filename = "d/a.qcow2";
  info.backing_format = "qcow2";
  info.qcow2.emplace();
  return info;
}

TEST(InfoHuman, ShowsWhereARelativeBackingNameLeads) {
  EXPECT_EQ(info_human(overlay()),
            "image: d/o.qcow2\n"
            "file format: qcow2\n"
            "virtual size: 1 MiB (1048576 bytes)\n"
            "disk size: 196 KiB\n"
            "cluster_size: 65536\n"
            "backing file: a.qcow2 (actual path: d/a.qcow2)\n"
            "backing file format: qcow2\n"
            "Format specific information:\n"
            "    compat: 1.1\n"
            "    compression type: zlib\n"
            "    lazy refcounts: false\n"
            "    refcount bits: 16\n"
            "    corrupt: false\n"
            "    extended l2: false\n");
}

TEST(InfoHuman, Version2HasNoFlags) {
  ImageInfo info = overlay();
  info.qcow2->version = 2;
  EXPECT_EQ(format_specific_human(info),
            "Format specific information:\n"
            "    compat: 0.10\n"
            "    compression type: zlib\n"
            "    refcount bits: 16\n");
}

TEST(InfoHuman, BitmapsAreNumberedAndNested) {
  ImageInfo info = overlay();
  info.qcow2->bitmaps = {{"b0", 65536, {"auto"}}, {"b,1", 131072, {}}};
  EXPECT_NE(format_specific_human(info).find("    bitmaps:\n"
                                             "        [0]:\n"
                                             "            flags:\n"
                                             "                [0]: auto\n"
                                             "            name: b0\n"
                                             "            granularity: 65536\n"
                                             "        [1]:\n"
                                             "            flags:\n"
                                             "            name: b,1\n"
                                             "            granularity: 131072\n"
                                             "    refcount bits: 16\n"),
            std::string::npos);
}

TEST(InfoHuman, DirtyImagesWereNotCleanlyShutDown) {
  ImageInfo info = overlay();
  info.dirty = true;
  EXPECT_NE(info_human(info).find("cluster_size: 65536\ncleanly shut down: no\nbacking file"),
            std::string::npos);
}

TEST(InfoJson, KeysStandInTheStockOrder) {
  ImageInfo info = overlay();
  info.encrypted = true;
  info.qcow2->data_file = "d.raw";
  EXPECT_EQ(info_json({&info, 1}, false), R"({
    "backing-filename-format": "qcow2",
    "virtual-size": 1048576,
    "filename": "d/o.qcow2",
    "cluster-size": 65536,
    "format": "qcow2",
    "actual-size": 200704,
    "format-specific": {
        "type": "qcow2",
        "data": {
            "compat": "1.1",
            "compression-type": "zlib",
            "lazy-refcounts": false,
            "refcount-bits": 16,
            "data-file": "d.raw",
            "data-file-raw": false,
            "corrupt": false,
            "extended-l2": false
        }
    },
    "full-backing-filename": "d/a.qcow2",
    "encrypted": true,
    "backing-filename": "a.qcow2",
    "dirty-flag": false
})");
}

TEST(InfoJson, AChainIsAnArrayEvenOfOne) {
  ImageInfo info;
  info.filename = "a.raw";
  info.format = "raw";
  EXPECT_EQ(info_json({&info, 1}, true), R"([
    {
        "virtual-size": 0,
        "filename": "a.raw",
        "format": "raw",
        "dirty-flag": false
    }
])");
}

TEST(SnapshotTable, ColumnsRunTogetherOnlyWhereTheStockOnesDo) {
  setenv("TZ", "UTC", 1);
  tzset();
  SnapshotInfo plain{.id = "1", .name = "s1", .date_sec = 1795474553, .icount = 0};
  SnapshotInfo wide{.id = "longerident1234",
                    .name = "tag",
                    .vm_state_size = 1023,
                    .date_sec = 1795474553,
                    .vm_clock_nsec = UINT64_MAX};
  std::vector<SnapshotInfo> snapshots{plain, wide};
  EXPECT_EQ(snapshot_table(snapshots),
            "ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\n"
            "1         s1                    0 B 2026-11-23 22:55:53 00:00:00.000          0\n"
            "longerident1234 tag              0.999 KiB 2026-11-23 "
            "22:55:535124095:34:33.709           \n");
}

}  // namespace
}  // namespace oxbow::tools
