/* Oxbow for C: open a disk image, read and write guest bytes.
 *
 *   oxbow_image *image;
 *   char sector[512];
 *   if (oxbow_open("disk.qcow2", NULL, 0, &image) < 0 ||
 *       oxbow_read(image, 0, sector, sizeof sector) < 0)
 *     fprintf(stderr, "%s\n", oxbow_error_message());
 *
 * Functions that can fail return 0, or a negative errno value; oxbow_error_message() has the
 * words. Offsets and lengths are guest bytes, without alignment rules. An image belongs to
 * the thread that opened it. */
#ifndef OXBOW_H
#define OXBOW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An open image. */
typedef struct oxbow_image oxbow_image;

/** For oxbow_open(): any sum of these. */
enum {
  OXBOW_WRITABLE = 1,     /**< the image will be written to */
  OXBOW_TRUST_ALL = 2,    /**< backing files may lie anywhere, not in the image's directory only */
  OXBOW_NO_BACKING = 4,   /**< backing files are not opened; their bytes read as zeroes */
  OXBOW_BYPASS_CACHE = 8, /**< past the host's page cache (the stock tools' cache=none) */
};

/** Opens `filename`: a path, or what the stock tools take ("json:{...}", "null-co://").
 * `format`: "qcow2", "raw", ..., or NULL to find out. On success `*image` is to be given to
 * oxbow_close(); otherwise it is NULL. */
int oxbow_open(const char* filename, const char* format, unsigned flags, oxbow_image** image);

/** Flushes what is left and closes; the image is gone whatever the result. NULL is allowed. */
int oxbow_close(oxbow_image* image);

/** Virtual size in bytes. */
uint64_t oxbow_size(const oxbow_image* image);

/** Fills `length` bytes at `into` from `offset` on; -EIO beyond the end. */
int oxbow_read(oxbow_image* image, uint64_t offset, void* into, size_t length);

/** Writes `length` bytes; they are durable after the next oxbow_flush(). */
int oxbow_write(oxbow_image* image, uint64_t offset, const void* from, size_t length);

/** Everything written before is on stable media afterwards. */
int oxbow_flush(oxbow_image* image);

/** What the last call of this thread that failed has to say; never NULL. Valid until the
 * thread's next call that fails. */
const char* oxbow_error_message(void);

#ifdef __cplusplus
}
#endif

#endif /* OXBOW_H */
