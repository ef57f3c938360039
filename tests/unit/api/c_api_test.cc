#include <oxbow/oxbow.h>

#include "support.h"

namespace oxbow::api {
namespace {

TEST(CApi, WritesAndReadsBack) {
  const Folder folder;
  const std::string name = folder / "disk";
  create(name, "qcow2", 1 << 20);
  const Bytes bytes = noise(5000, 1);
  oxbow_image* image = nullptr;
  ASSERT_EQ(oxbow_open(name.c_str(), "qcow2", OXBOW_WRITABLE, &image), 0);
  EXPECT_EQ(oxbow_size(image), 1u << 20);
  EXPECT_EQ(oxbow_write(image, 777, bytes.data(), bytes.size()), 0);
  EXPECT_EQ(oxbow_flush(image), 0);
  EXPECT_EQ(oxbow_close(image), 0);

  ASSERT_EQ(oxbow_open(name.c_str(), nullptr, 0, &image), 0);
  Bytes found(bytes.size());
  EXPECT_EQ(oxbow_read(image, 777, found.data(), found.size()), 0);
  EXPECT_EQ(found, bytes);
  EXPECT_EQ(oxbow_read(image, 1 << 20, found.data(), 1), -EIO);
  EXPECT_EQ(oxbow_write(image, 0, found.data(), 1), -EROFS);
  EXPECT_EQ(oxbow_close(image), 0);
}

TEST(CApi, ErrorsHaveWords) {
  oxbow_image* image = nullptr;
  EXPECT_EQ(oxbow_open("/none/disk", nullptr, 0, &image), -ENOENT);
  EXPECT_EQ(image, nullptr);
  EXPECT_STREQ(oxbow_error_message(), "Could not open '/none/disk': No such file or directory");
  EXPECT_EQ(oxbow_close(nullptr), 0);
}

}  // namespace
}  // namespace oxbow::api
