// Encrypted images through the public API: keys, guest data of every cipher's path, key slots.
#include <algorithm>

#include "api/amend_keys.h"
#include "async/loop.h"
#include "support.h"

namespace oxbow::api {
namespace {

CreateOptions encrypted(const std::string& filename, Options options, uint64_t size = 1 << 20) {
  CreateOptions create;
  create.filename = filename;
  create.size = size;
  create.format_options = std::move(options);
  create.format_options["encrypt.key-secret"] = "s";
  if (!create.format_options.contains("encrypt.format")) {
    create.format_options["encrypt.format"] = "luks";
  }
  if (create.format_options["encrypt.format"] == "luks") {
    create.format_options["encrypt.iter-time"] = "0";
  }
  create.secrets = secrets();
  return create;
}

OpenOptions with_key(const std::string& id = "s", bool writable = true) {
  OpenOptions open = trusting(writable);
  open.driver["encrypt.key-secret"] = id;
  open.secrets = secrets();
  return open;
}

bool all_are(const Bytes& bytes, std::byte value) {
  return std::ranges::all_of(bytes, [value](std::byte byte) { return byte == value; });
}

struct Kind {
  const char* name;
  Options options;
};

class EncryptedImage : public ::testing::TestWithParam<Kind> {
 protected:
  EncryptedImage() {
    EXPECT_EQ(message_of(Image::create(encrypted(path_, GetParam().options))), "no error");
  }

  const Folder folder_;
  const std::string path_ = folder_ / "a";
};

TEST_P(EncryptedImage, ReadsWhatWasWrittenAtAnyOffsetAndLength) {
  auto image = Image::open(path_, with_key());
  ASSERT_TRUE(image) << image.error().message();
  std::mt19937 random(5);
  Bytes model(1 << 20);
  for (int i = 0; i < 150; ++i) {
    const uint64_t offset = random() % model.size();
    const uint64_t length = 1 + random() % std::min<uint64_t>(model.size() - offset, 70000);
    if (i % 5 == 4) {
      std::fill_n(model.begin() + static_cast<ptrdiff_t>(offset), length, std::byte{0});
      ASSERT_TRUE(image->write_zeroes(offset, length));
    } else {
      const Bytes data = noise(length, static_cast<uint32_t>(i));
      std::ranges::copy(data, model.begin() + static_cast<ptrdiff_t>(offset));
      ASSERT_TRUE(image->write(offset, data));
    }
    if (i == 70) ASSERT_TRUE(image->create_snapshot("half"));
    Bytes got(1 + random() % 5000);
    const uint64_t from = random() % (model.size() - got.size());
    ASSERT_TRUE(image->read(from, got));
    ASSERT_TRUE(std::equal(got.begin(), got.end(), model.begin() + static_cast<ptrdiff_t>(from)));
  }
  ASSERT_TRUE(image->close());
  auto again = Image::open(path_, with_key());
  ASSERT_TRUE(again);
  Bytes got(model.size());
  ASSERT_TRUE(again->read(0, got));
  EXPECT_EQ(got, model);
  EXPECT_EQ(again->check()->corruptions, 0u);
}

TEST_P(EncryptedImage, StoresNothingAsItIs) {
  auto image = Image::open(path_, with_key());
  const Bytes data(300000, std::byte{0x5a});
  ASSERT_TRUE(image->write(1000, data));
  ASSERT_TRUE(image->close());
  std::ifstream file(path_, std::ios::binary);
  const std::string stored(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(stored.find(std::string(16, 0x5a)), std::string::npos);
}

// What a resize adds, or a creation allocates, are clusters of the file that nobody encrypted.
TEST_P(EncryptedImage, ReadsAsZeroesWhereNothingWasWritten) {
  Options options = GetParam().options;
  if (options.contains("compat")) GTEST_SKIP() << "version 2 has no way to say so";
  if (!options.contains("preallocation")) options["preallocation"] = "metadata";
  ASSERT_TRUE(Image::create(encrypted(path_, options)));
  auto image = Image::open(path_, with_key());
  ASSERT_TRUE(image);
  ASSERT_TRUE(image->resize(2 << 20, Preallocation::full));
  Bytes got(2 << 20);
  ASSERT_TRUE(image->read(0, got));
  EXPECT_TRUE(all_are(got, std::byte{0}));
  ASSERT_TRUE(image->write(70000, noise(100, 1)));
  ASSERT_TRUE(image->read(0, std::span(got).first(70000)));
  EXPECT_TRUE(all_are(Bytes(got.begin(), got.begin() + 70000), std::byte{0}));
}

TEST_P(EncryptedImage, GrowsByZeroes) {
  auto image = Image::open(path_, with_key());
  ASSERT_TRUE(image);
  const Bytes data = noise(1 << 20, 2);
  ASSERT_TRUE(image->write(0, data));
  ASSERT_TRUE(image->resize(2 << 20, Preallocation::full));
  ASSERT_TRUE(image->close());
  image = Image::open(path_, with_key());
  Bytes got(2 << 20);
  ASSERT_TRUE(image->read(0, got));
  EXPECT_TRUE(std::equal(data.begin(), data.end(), got.begin()));
  EXPECT_TRUE(all_are(Bytes(got.begin() + (1 << 20), got.end()), std::byte{0}));
}

// With AES a VM state is bound to its place, which a resize would change under it.
TEST_P(EncryptedImage, KeepsItsVmStateThroughAResizeOrRefusesIt) {
  auto image = Image::open(path_, with_key());
  ASSERT_TRUE(image);
  const Bytes state = noise(100000, 3);
  ASSERT_TRUE(image->write_vm_state(500, state));
  for (const uint64_t size : {uint64_t{4} << 30, uint64_t{1} << 30}) {
    const auto resized = image->resize(size, Preallocation::off, true);
    const bool aes = GetParam().options.contains("encrypt.format");
    EXPECT_EQ(resized.has_value(), !aes);
    EXPECT_TRUE(!aes || resized.error().kind() == ErrorKind::unsupported);
    Bytes got(state.size());
    ASSERT_TRUE(image->read_vm_state(500, got));
    EXPECT_EQ(got, state);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , EncryptedImage,
    ::testing::Values(Kind{"luks", {}}, Kind{"luks_4k", {{"cluster_size", "4k"}}},
                      Kind{"luks_512", {{"cluster_size", "512"}}},
                      Kind{"extended", {{"extended_l2", "on"}}},
                      Kind{"essiv",
                           {{"encrypt.cipher-mode", "cbc"}, {"encrypt.ivgen-alg", "essiv"}}},
                      Kind{"aes", {{"encrypt.format", "aes"}}},
                      Kind{"aes_v2", {{"encrypt.format", "aes"}, {"compat", "0.10"}}},
                      Kind{"preallocated", {{"preallocation", "full"}}}),
    [](const auto& info) { return info.param.name; });

// All of a raw data file is allocated ahead.
TEST(Encryption, IsZeroesInANewRawDataFileAndInOneThatGrows) {
  const Folder folder;
  const std::string path = folder / "a";
  for (const char* format : {"luks", "aes"}) {
    ASSERT_TRUE(Image::create(encrypted(path,
                                        {{"data_file", folder / "d.raw"},
                                         {"data_file_raw", "on"},
                                         {"cluster_size", "1M"},
                                         {"encrypt.format", format}},
                                        768 << 10)));
    auto image = Image::open(path, with_key());
    ASSERT_TRUE(image) << message_of(image);
    ASSERT_TRUE(image->resize(3 << 20));
    Bytes got(3 << 20);
    ASSERT_TRUE(image->read(0, got));
    EXPECT_TRUE(all_are(got, std::byte{0}));
  }
}

TEST(Encryption, ReadsTheBackingFileAsItIs) {
  const Folder folder;
  create(folder / "base", "raw", 1 << 20);
  {
    auto base = Image::open(folder / "base", trusting(true));
    ASSERT_TRUE(base->write(0, Bytes(1 << 20, std::byte{7})));
    ASSERT_TRUE(base->close());
  }
  CreateOptions options = encrypted(folder / "o", {});
  options.backing_file = "base";
  options.backing_format = "raw";
  ASSERT_TRUE(Image::create(options));
  auto image = Image::open(folder / "o", with_key());
  ASSERT_TRUE(image);
  ASSERT_TRUE(image->write(100, Bytes(1000, std::byte{8})));
  Bytes got(4096);
  ASSERT_TRUE(image->read(0, got));
  EXPECT_TRUE(all_are(Bytes(got.begin(), got.begin() + 100), std::byte{7}));
  EXPECT_TRUE(all_are(Bytes(got.begin() + 100, got.begin() + 1100), std::byte{8}));
  EXPECT_TRUE(all_are(Bytes(got.begin() + 1100, got.end()), std::byte{7}));
}

TEST(Encryption, NeedsTheRightKey) {
  const Folder folder;
  const std::string path = folder / "a";
  ASSERT_TRUE(Image::create(encrypted(path, {})));
  EXPECT_EQ(message_of(Image::open(path, trusting())),
            "Parameter 'encrypt.key-secret' is required for cipher");
  EXPECT_EQ(message_of(Image::open(path, with_key("none"))), "No secret with id 'none'");
  EXPECT_EQ(message_of(Image::open(path, with_key("other"))),
            "Invalid password, cannot unlock any keyslot");
  OpenOptions wrong = with_key();
  wrong.driver["encrypt.format"] = "aes";
  EXPECT_EQ(message_of(Image::open(path, wrong)),
            "Header reported 'luks' encryption format but options specify 'aes'");
}

TEST(Encryption, IsDescribedWithoutAKeyAndNoMore) {
  const Folder folder;
  ASSERT_TRUE(Image::create(encrypted(folder / "a", {})));
  ASSERT_TRUE(Image::open(folder / "a", with_key())->write(0, Bytes(512, std::byte{1})));
  OpenOptions look = trusting();
  look.metadata_only = true;
  auto image = Image::open(folder / "a", look);
  ASSERT_TRUE(image);
  const auto info = image->info();
  EXPECT_TRUE(info->encrypted);
  EXPECT_EQ(info->qcow2->luks->cipher_algorithm, "aes-256");
  EXPECT_EQ(info->qcow2->luks->slots.size(), 8u);
  Bytes got(512);
  EXPECT_FALSE(image->read(0, got));
}

std::string change_keys(Image& image, Options words, bool force = false) {
  return message_of(async::Loop::current_thread().run(
      amend_keys(image.node(), std::move(words), secrets(), force)));
}

TEST(Encryption, ChangesItsPassphrases) {
  const Folder folder;
  const std::string path = folder / "a";
  ASSERT_TRUE(Image::create(encrypted(path, {})));
  {
    auto image = Image::open(path, with_key());
    ASSERT_TRUE(image->write(0, Bytes(512, std::byte{9})));
    EXPECT_EQ(change_keys(*image, {{"state", "active"}, {"new-secret", "n"}, {"iter-time", "0"}}),
              "no error");
    EXPECT_EQ(change_keys(*image, {{"state", "inactive"}, {"old-secret", "s"}}), "no error");
    EXPECT_EQ(change_keys(*image, {{"state", "inactive"}, {"keyslot", "1"}}).substr(0, 38),
              "Attempt to erase the only active keysl");
    EXPECT_EQ(change_keys(*image, {{"state", "active"}, {"new-secret", "n"}, {"foo", "1"}}),
              "Invalid parameter 'foo'");
    ASSERT_TRUE(image->close());
  }
  EXPECT_FALSE(Image::open(path, with_key()));
  auto image = Image::open(path, with_key("n"));
  ASSERT_TRUE(image);
  Bytes got(512);
  ASSERT_TRUE(image->read(0, got));
  EXPECT_TRUE(all_are(got, std::byte{9}));
  EXPECT_EQ(image->check()->corruptions, 0u);
}

TEST(Encryption, HasNoPassphrasesToChangeWhereThereIsNone) {
  const Folder folder;
  create(folder / "plain", "qcow2", 1 << 20);
  ASSERT_TRUE(Image::create(encrypted(folder / "aes", {{"encrypt.format", "aes"}})));
  auto plain = Image::open(folder / "plain", trusting(true));
  EXPECT_EQ(change_keys(*plain, {{"state", "active"}, {"new-secret", "n"}}),
            "Can't amend encryption options - encryption not present");
  auto aes = Image::open(folder / "aes", with_key());
  EXPECT_EQ(change_keys(*aes, {{"state", "active"}, {"new-secret", "n"}}),
            "Only LUKS encryption options can be amended");
}

}  // namespace
}  // namespace oxbow::api
