// Random guest operations on qcow2 images of every shape, held to a byte array and to a
// check of the metadata: one at a time, and many at once in random interleavings.
#include <gtest/gtest.h>

#include <string>

#include "delaying_storage.h"
#include "guest_model.h"
#include "image_fixture.h"

namespace oxbow::testing {
namespace {

struct ModelShape {
  const char* name;
  ImageShape image;
};

const ModelShape model_shapes[] = {
    {"v3_512", {.cluster_bits = 9}},
    {"v3_4k", {.cluster_bits = 12}},
    {"v3_64k", {.cluster_bits = 16}},
    {"v2_1k", {.version = 2, .cluster_bits = 10}},
    {"v2_4k_backed", {.version = 2, .cluster_bits = 12, .backing_bytes = 1 << 20}},
    {"rc1_512", {.cluster_bits = 9, .refcount_order = 0}},
    {"rc64_512", {.cluster_bits = 9, .refcount_order = 6}},
    {"rc8_2k_backed", {.cluster_bits = 11, .refcount_order = 3, .backing_bytes = 700000}},
    {"ext_16k", {.cluster_bits = 14, .extended_l2 = true}},
    {"ext_32k_backed", {.cluster_bits = 15, .extended_l2 = true, .backing_bytes = 1 << 20}},
    {"lazy_1k", {.cluster_bits = 10, .lazy_refcounts = true}},
};

class ImageModel : public ::testing::TestWithParam<ModelShape> {};

TEST_P(ImageModel, reads_back_what_was_written_and_stays_consistent) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    TestImage image(GetParam().image);
    GuestModel model(image.size());
    image.fill_model_from_backing(model);
    OpSource source(seed, image.size(), image.cluster_size());
    std::vector<std::byte> buffer(4 * image.cluster_size() + 65536);
    for (int i = 0; i < 400; ++i) {
      const GuestOp op = source.next();
      const Result<void> done = image.run(apply_op(image.node(), op, buffer));
      ASSERT_TRUE(done) << done.error().message();
      model.apply(op);
      if (op.kind == GuestOp::Kind::read) {
        ASSERT_EQ(model.first_lie(op.offset, std::span(buffer).first(op.length)), -1) << i;
      }
      if (i % 20 == 19) image.expect_guard_exact();
      if (i % 100 == 99) image.reopen();
    }
    image.expect_contents(model);
    image.close();
    image.expect_clean();
  }
}

// Every slot works on its own part of the disk, so the model stays simple, but the parts
// share clusters, tables and the allocator.
async::Task<> guest_thread(TestImage& image, GuestModel& model, OpSource& source, uint64_t begin,
                           uint64_t end, int count) {
  std::vector<std::byte> buffer(4 * image.cluster_size() + 65536);
  for (int i = 0; i < count; ++i) {
    GuestOp op = source.next();
    op.offset = begin + op.offset % (end - begin);
    op.length = std::min(op.length, end - op.offset);
    if (op.kind == GuestOp::Kind::discard) model.apply(op);
    CO_TRY(co_await apply_op(image.node(), op, buffer));
    if (op.kind != GuestOp::Kind::discard) model.apply(op);
    if (op.kind != GuestOp::Kind::read) continue;
    const int64_t lie = model.first_lie(op.offset, std::span(buffer).first(op.length));
    if (lie != -1) co_return fail(ErrorKind::corrupt, "wrong byte at " + std::to_string(lie));
  }
  co_return {};
}

TEST_P(ImageModel, survives_many_requests_at_once) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    TestImage image(GetParam().image, seed);
    GuestModel model(image.size());
    image.fill_model_from_backing(model);
    OpSource source(seed, image.size(), image.cluster_size());
    constexpr int slots = 12;
    std::vector<std::string> errors;
    for (int i = 0; i < slots; ++i) {
      const uint64_t begin = image.size() * i / slots;
      const uint64_t end = image.size() * (i + 1) / slots;
      loop().spawn(guest_thread(image, model, source, begin, end, 60),
                   [&errors](const Result<void>& done) {
                     if (!done) errors.push_back(done.error().message());
                   });
    }
    loop().drain();
    ASSERT_TRUE(errors.empty()) << errors.front();
    image.expect_contents(model);
    image.expect_guard_exact();
    image.close();
    image.expect_clean();
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ImageModel, ::testing::ValuesIn(model_shapes),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
