// What can be opened, and the stock tools' words for what cannot.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "storage/file.h"
#include "support.h"

namespace oxbow::storage {
namespace {

class FileOpen : public testing::Test {
 protected:
  std::string message(FileOptions options) {
    const auto opened = run(open_file(std::move(options)));
    return opened ? "opened" : opened.error().message();
  }
  std::string message(const std::string& path, bool writable = false) {
    FileOptions options;
    options.path = path;
    options.writable = writable;
    return message(options);
  }
  std::string make_file(const std::string& name) {
    const std::string path = folder_ / name;
    std::ofstream(path) << "contents";
    return path;
  }

  Folder folder_;
};

TEST_F(FileOpen, MissingFile) {
  const std::string path = folder_ / "missing";
  EXPECT_EQ(message(path), "Could not open '" + path + "': No such file or directory");
}

TEST_F(FileOpen, Directory) {
  const std::string path = folder_ / "";
  EXPECT_EQ(message(path), "'file' driver requires '" + path + "' to be a regular file");
  EXPECT_EQ(message(path, true), "Could not open '" + path + "': Is a directory");
}

TEST_F(FileOpen, Socket) {
  const std::string path = folder_ / "socket";
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(message(path), "Could not open '" + path + "': No such device or address");
  ::close(fd);
}

TEST_F(FileOpen, FifoIsRefusedAndDoesNotBlock) {
  const std::string path = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(message(path), "'file' driver requires '" + path + "' to be a regular file");
}

TEST_F(FileOpen, RegularFileAsADevice) {
  const std::string path = make_file("regular");
  FileOptions options;
  options.path = path;
  options.driver = "host_device";
  EXPECT_EQ(message(options), "'host_device' driver requires '" + path +
                                  "' to be either a character or block device");
}

TEST_F(FileOpen, NoName) { EXPECT_EQ(message(""), "The 'file' block driver requires a file name"); }

TEST_F(FileOpen, AioWords) {
  FileOptions options;
  options.path = make_file("aio");
  options.aio = "foo";
  EXPECT_EQ(message(options), "invalid parameter value: foo");
  options.aio = "native";
  EXPECT_EQ(message(options),
            "aio=native was specified, but it requires cache.direct=on, which was not specified.");
  options.cache = CacheMode::none;
  EXPECT_EQ(message(options), "opened");
}

TEST_F(FileOpen, FileSystemWithoutDirectAccess) {
  FileOptions options;
  options.path = "/proc/version";
  options.cache = CacheMode::none;
  EXPECT_EQ(message(options),
            "Could not open '/proc/version': filesystem does not support O_DIRECT");
}

TEST_F(FileOpen, DriverThatSuitsThePath) {
  EXPECT_EQ(file_driver_for(make_file("plain")), "file");
  EXPECT_EQ(file_driver_for(folder_ / "missing"), "file");
  EXPECT_EQ(file_driver_for("/dev/null"), "host_device");
}

TEST_F(FileOpen, CreateInAMissingDirectory) {
  FileCreateOptions options;
  options.path = folder_ / "no/such";
  const auto created = run(create_file(options));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().message(),
            "Could not create '" + options.path + "': No such file or directory");
}

TEST_F(FileOpen, CreateEmptiesWhatWasThere) {
  FileCreateOptions options;
  options.path = make_file("old");
  options.size = 5;
  must(create_file(options));
  FileOptions open_options;
  open_options.path = options.path;
  const auto file = must(open_file(open_options));
  EXPECT_EQ(must(read_bytes(*file, 0, 5)), Bytes(5));
}

}  // namespace
}  // namespace oxbow::storage
