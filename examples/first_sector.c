/* Prints the first sector of a disk image, in C: first_sector_c IMAGE */
#include <oxbow/oxbow.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: first_sector_c IMAGE\n");
    return 2;
  }
  oxbow_image* image;
  unsigned char sector[512];
  if (oxbow_open(argv[1], NULL, 0, &image) < 0 || oxbow_read(image, 0, sector, sizeof sector) < 0) {
    fprintf(stderr, "first_sector_c: %s\n", oxbow_error_message());
    oxbow_close(image);
    return 1;
  }
  for (size_t i = 0; i < sizeof sector; ++i) printf("%02x%c", sector[i], i % 16 == 15 ? '\n' : ' ');
  return oxbow_close(image) < 0;
}
