#include <algorithm>

#include "support.h"

namespace oxbow::api {
namespace {

CreateOptions wanted(const std::string& filename, const std::string& format, uint64_t size) {
  CreateOptions options;
  options.filename = filename;
  options.format = format;
  options.size = size;
  return options;
}

TEST(Create, MakesImagesThatOpenAgain) {
  const Folder folder;
  create(folder / "a.qcow2", "qcow2", 64 << 20);
  create("file:" + (folder / "a.raw"), "raw", 1000);
  EXPECT_EQ(Image::open(folder / "a.qcow2")->size(), 64u << 20);
  EXPECT_EQ(Image::open(folder / "a.raw")->size(), 1024u);
  EXPECT_EQ(std::filesystem::file_size(folder / "a.raw"), 1024u);
}

TEST(Create, PassesTheFormatsOptionsOn) {
  const Folder folder;
  CreateOptions options = wanted(folder / "a", "qcow2", 1 << 20);
  options.format_options = {{"cluster_size", "4k"}, {"compat", "0.10"}, {"nocow", "off"}};
  ASSERT_TRUE(Image::create(options));
  const auto info = Image::open(folder / "a")->info();
  EXPECT_EQ(info->cluster_size, 4096u);
  EXPECT_EQ(info->qcow2->version, 2u);
}

TEST(Create, TakesTheSizeFromTheBackingFile) {
  const Folder folder;
  create(folder / "base", "raw", 3 << 20);
  CreateOptions options = wanted(folder / "o", "qcow2", CreateOptions::no_size);
  options.backing_file = "base";
  options.backing_format = "raw";
  ASSERT_EQ(message_of(Image::create(options)), "no error");
  EXPECT_EQ(Image::open(folder / "o")->size(), 3u << 20);
}

TEST(Create, StandsOnAnImageThatIsBeingWritten) {
  const Folder folder;
  create(folder / "base", "qcow2", 1 << 20);
  OpenOptions writing;
  writing.writable = true;
  const auto base = Image::open(folder / "base", writing);
  ASSERT_TRUE(base);
  CreateOptions options = wanted(folder / "o", "qcow2", CreateOptions::no_size);
  options.backing_file = "base";
  options.backing_format = "qcow2";
  EXPECT_EQ(message_of(Image::create(options)), "no error");
}

TEST(Create, RefusesInTheStockWords) {
  const Folder folder;
  const auto told = [](const CreateOptions& options) { return message_of(Image::create(options)); };
  EXPECT_EQ(told(wanted(folder / "a", "nope", 1)), "Unknown file format 'nope'");
  EXPECT_EQ(told(wanted("nope:a", "raw", 1)), "Unknown protocol 'nope'");
  EXPECT_EQ(told(wanted("null-co://", "raw", 1)),
            "Protocol driver 'null-co' does not support image creation");
  EXPECT_EQ(told(wanted(folder / "a", "qcow2", CreateOptions::no_size)),
            "Image creation needs a size parameter");
  EXPECT_EQ(told(wanted(folder / "none/a", "qcow2", 1 << 20)),
            "Could not create '" + (folder / "none/a") + "': No such file or directory");
  CreateOptions backing = wanted(folder / "a", "qcow2", 1 << 20);
  backing.backing_format = "qcow2";
  EXPECT_EQ(told(backing), "Backing format cannot be used without backing file");
  backing.backing_file = "none";
  EXPECT_EQ(told(backing), "Could not open '" + (folder / "none") + "': No such file or directory");
  backing.open_backing = false;
  backing.backing_format = "nope";
  EXPECT_EQ(told(backing), "Parameter 'backing-fmt' does not accept value 'nope'");
  backing.backing_format = "";
  EXPECT_EQ(told(backing), "Backing file specified without backing format");
  CreateOptions raw = wanted(folder / "a", "raw", 1 << 20);
  raw.format_options = {{"preallocation", "metadata"}};
  EXPECT_EQ(told(raw), "Unsupported preallocation mode: metadata");
}

// A wrong option must not cost the file that is there.
TEST(Create, RefusalLeavesAnExistingFileAlone) {
  const Folder folder;
  folder.write("a", "precious");
  CreateOptions options = wanted(folder / "a", "qcow2", 1 << 20);
  options.format_options = {{"cluster_size", "1000"}};
  EXPECT_FALSE(Image::create(options));
  EXPECT_EQ(std::filesystem::file_size(folder / "a"), 8u);
}

TEST(Create, ReplacesWhatIsThere) {
  const Folder folder;
  folder.write("a", std::string(100000, 'x'));
  create(folder / "a", "qcow2", 1 << 20);
  auto image = Image::open(folder / "a");
  ASSERT_TRUE(image);
  Bytes bytes(1 << 20);
  ASSERT_TRUE(image->read(0, bytes));
  EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; }));
}

}  // namespace
}  // namespace oxbow::api
