// Whether a MATLAB file of version 5 is whole. libmatio gives what there is of an array that was cut, or whose compressed data is
// damaged, and reports success. MATLAB's “MAT-File Format” describes what is walked here.
#include "CMat.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
  block_size = 1 << 14,
  // As much of an array as is looked at: its flags, extents, name and the tag of its numbers come first.
  start_size = 1024,
  matrix = 14,
  compressed = 15,
};

typedef struct {
  FILE *file;
  int is_big_endian;
  uint64_t left;  // bytes of the file after the position
} walk;

// A tag and what follows it, in memory.
typedef struct {
  uint32_t type, size;
  const uint8_t *data;
  size_t total;  // bytes of tag, data and padding
} element;

static int fail(char error[CMAT_ERROR_SIZE], const char *reason) {
  snprintf(error, CMAT_ERROR_SIZE, "it is cut short or damaged: %s", reason);
  return 1;
}

static uint32_t number(const uint8_t *bytes, int is_big_endian) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value |= (uint32_t)bytes[i] << 8 * (is_big_endian ? 3 - i : i);
  return value;
}

// The next element of an array, of type 0 where its tag is wrong; 0 where the tag is not among the bytes.
static int next(const uint8_t *bytes, size_t count, int is_big_endian, element *found) {
  if (count < 8) return 0;
  uint32_t word = number(bytes, is_big_endian);
  // Up to four bytes stand in the tag itself.
  if (word >> 16) {
    *found = word >> 16 <= 4 ? (element){word & 0xffff, word >> 16, bytes + 4, 8} : (element){0, 0, bytes, 8};
    return 1;
  }
  *found = (element){word, number(bytes + 4, is_big_endian), bytes + 8, 0};
  found->total = 8 + ((size_t)found->size + 7) / 8 * 8;
  return 1;
}

static uint64_t width(uint32_t type) {
  static const uint8_t widths[] = {0, 1, 1, 2, 2, 4, 4, 4, 0, 8, 0, 0, 8, 8};
  return type < sizeof widths ? widths[type] : 0;
}

// Whether an array of real numbers has as many of them as its extents say. `bytes` are the start of the `size` bytes of the array.
static int has_its_numbers(const uint8_t *bytes, size_t count, uint64_t size, int is_big_endian) {
  element flags, extents, name, numbers;
  size_t at = 0;
  if (!next(bytes, count, is_big_endian, &flags) || flags.total != 16 || count < 16) return 1;
  uint32_t word = number(flags.data, is_big_endian), kind = word & 0xff;
  // Text, cells and the like are nothing that is read, and complex numbers have two parts.
  if (kind < 6 || kind > 15 || word & 0x0800) return 1;
  at += flags.total;
  if (!next(bytes + at, count - at, is_big_endian, &extents) || extents.total > count - at) return count < size;
  at += extents.total;
  if (!next(bytes + at, count - at, is_big_endian, &name) || name.total > count - at) return count < size;
  at += name.total;
  if (extents.type == 0 || name.type == 0) return 0;
  uint64_t product = 1;
  for (uint32_t i = 0; i + 4 <= extents.size; i += 4) {
    uint64_t extent = number(extents.data + i, is_big_endian);
    // More than any file has.
    if (extent && product > UINT32_MAX / extent) return 0;
    product *= extent;
  }
  if (product == 0) return 1;
  if (!next(bytes + at, count - at, is_big_endian, &numbers)) return count < size;
  return width(numbers.type) && numbers.size == product * width(numbers.type) &&
         (uint64_t)(numbers.data - bytes) + numbers.size <= size;
}

static int read_bytes(walk *walk, uint8_t *bytes, size_t count) {
  size_t found = fread(bytes, 1, count, walk->file);
  walk->left -= found;
  return found == count;
}

static int are_zeros(const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (bytes[i]) return 0;
  }
  return 1;
}

// Inflates a whole element, so that its checksum is compared.
static int check_compressed(walk *walk, uint32_t size, char error[CMAT_ERROR_SIZE]) {
  uint8_t in[block_size], out[block_size], start[8 + start_size];
  z_stream stream = {0};
  if (inflateInit(&stream) != Z_OK) {
    snprintf(error, CMAT_ERROR_SIZE, "out of memory");
    return 1;
  }
  uint64_t total = 0, wanted = 8;
  size_t kept = 0;
  int status = Z_OK;
  const char *reason = NULL;
  while (!reason && status != Z_STREAM_END) {
    if (stream.avail_in == 0 && size > 0) {
      uint32_t count = size < block_size ? size : block_size;
      if (!read_bytes(walk, in, count)) break;
      size -= count;
      stream.next_in = in;
      stream.avail_in = count;
    }
    stream.next_out = out;
    stream.avail_out = block_size;
    // An error, too, where there is no more input.
    status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) break;
    size_t made = block_size - stream.avail_out;
    size_t copied = made < sizeof start - kept ? made : sizeof start - kept;
    memcpy(start + kept, out, copied);
    kept += copied;
    total += made;
    if (total >= 8) wanted = 8 + (uint64_t)number(start + 4, walk->is_big_endian);
    // A small file that unpacks to more than it says is not read to its end.
    if (total > wanted) reason = "a compressed array is longer than it says";
  }
  // Padding up to a multiple of eight bytes may follow.
  size_t behind = stream.avail_in + (size_t)size;
  int is_padded = behind < 8 && are_zeros(stream.next_in, stream.avail_in);
  inflateEnd(&stream);
  if (!reason && status != Z_STREAM_END) reason = "the data of a compressed array is missing or wrong";
  if (!reason && total != wanted) reason = "a compressed array is shorter than it says";
  if (!reason && (!is_padded || (size && (!read_bytes(walk, in, size) || !are_zeros(in, size))))) {
    reason = "bytes follow the data of a compressed array";
  }
  if (!reason && number(start, walk->is_big_endian) == matrix &&
      !has_its_numbers(start + 8, kept - 8, wanted - 8, walk->is_big_endian)) {
    reason = "the extents of an array do not fit its data";
  }
  return reason ? fail(error, reason) : 0;
}

static int check_plain(walk *walk, uint32_t type, uint32_t size, char error[CMAT_ERROR_SIZE]) {
  uint8_t start[start_size];
  size_t count = size < start_size ? size : start_size;
  if (!read_bytes(walk, start, count)) return fail(error, "an array cannot be read");
  if (type == matrix && !has_its_numbers(start, count, size, walk->is_big_endian)) {
    return fail(error, "the extents of an array do not fit its data");
  }
  if (fseeko(walk->file, (off_t)(size - count), SEEK_CUR) != 0) return fail(error, "an array cannot be read");
  walk->left -= size - count;
  return 0;
}

static int check_elements(walk *walk, char error[CMAT_ERROR_SIZE]) {
  uint8_t tag[8];
  while (walk->left > 0) {
    size_t count = walk->left < sizeof tag ? (size_t)walk->left : sizeof tag;
    if (!read_bytes(walk, tag, count)) return fail(error, "an array cannot be read");
    // Zeros between the elements, and after the last one, are padding.
    if (are_zeros(tag, count)) continue;
    if (count < sizeof tag) return fail(error, "it ends in the middle of an array");
    uint32_t type = number(tag, walk->is_big_endian), size = number(tag + 4, walk->is_big_endian);
    if (type == 0 || type > 18) return fail(error, "no array begins where one should");
    if (size > walk->left) return fail(error, "it ends in the middle of an array");
    if (type == compressed ? check_compressed(walk, size, error) : check_plain(walk, type, size, error)) return 1;
  }
  return 0;
}

int cmat_check(const char *path, char error[CMAT_ERROR_SIZE]) {
  FILE *file = fopen(path, "rb");
  if (!file) return fail(error, "it cannot be opened again");
  uint8_t head[128];
  int status = 0;
  walk walk = {file, 0, 0};
  off_t size = fseeko(file, 0, SEEK_END) == 0 ? ftello(file) : -1;
  if (size < 0 || fseeko(file, 0, SEEK_SET) != 0) {
    status = fail(error, "it cannot be positioned");
  } else {
    walk.left = (uint64_t)size;
    walk.is_big_endian = 1;
    if (!read_bytes(&walk, head, sizeof head)) {
      status = fail(error, "it ends in its header");
    } else {
      walk.is_big_endian = memcmp(head + 126, "MI", 2) == 0;
      uint16_t version = (uint16_t)(walk.is_big_endian ? head[124] << 8 | head[125] : head[125] << 8 | head[124]);
      if ((!walk.is_big_endian && memcmp(head + 126, "IM", 2) != 0) || (version != 0x0100 && version != 0x0200)) {
        status = fail(error, "its header is invalid");
      } else if (version == 0x0100) {
        status = check_elements(&walk, error);
      }
      // Version 7.3 is HDF5, which compares its sizes itself.
    }
  }
  fclose(file);
  return status;
}
