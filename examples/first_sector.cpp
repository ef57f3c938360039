// Prints the first sector of a disk image: first_sector IMAGE
#include <array>
#include <cstdio>
#include <oxbow/oxbow.hpp>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: first_sector IMAGE\n");
    return 2;
  }
  auto image = oxbow::Image::open(argv[1]);
  if (!image) {
    std::fprintf(stderr, "first_sector: %s\n", image.error().message().c_str());
    return 1;
  }
  std::array<std::byte, 512> sector{};
  if (auto done = image->read(0, sector); !done) {
    std::fprintf(stderr, "first_sector: %s\n", done.error().message().c_str());
    return 1;
  }
  for (size_t i = 0; i < sector.size(); ++i) {
    std::printf("%02x%c", std::to_integer<unsigned>(sector[i]), i % 16 == 15 ? '\n' : ' ');
  }
}
