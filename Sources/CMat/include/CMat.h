// Arrays out of MATLAB files, by libmatio, which is loaded when the first such file is read.
//
// Functions that can fail return 0 on success; otherwise they return 1 and leave a NUL-terminated sentence in `error`.
#ifndef CMAT_H
#define CMAT_H

#include <stddef.h>
#include <stdint.h>

#define CMAT_ERROR_SIZE 256
#define CMAT_MAX_RANK 8
#define CMAT_NAMES_SIZE 256

/// An open file.
typedef struct cmat_file cmat_file;

/// What the file says about an array.
typedef struct {
  size_t rank;
  size_t extents[CMAT_MAX_RANK];  // the first one varies fastest
  int is_bytes;                   // whether its elements are unsigned bytes
} cmat_info;

/// Opens a file for reading; `path` must name a file that can be positioned.
int cmat_open(const char *path, cmat_file **file, char error[CMAT_ERROR_SIZE]);
void cmat_close(cmat_file *file);
/// Walks a file of version 5 from end to end, and compares the checksums of what is compressed in it: reading would not notice
/// that something is missing or wrong.
int cmat_check(const char *path, char error[CMAT_ERROR_SIZE]);
/// The names of the arrays in a file, `X, y`, as many as have room; empty where none can be found. `path` is the one it was opened by.
void cmat_names(cmat_file *file, const char *path, char names[CMAT_NAMES_SIZE]);
/// Looks for a real array of numbers; its extents' product fits an int.
int cmat_find(cmat_file *file, const char *name, cmat_info *info, char error[CMAT_ERROR_SIZE]);
/// Reads `count` elements of the array of bytes that was found last, from element `first` on.
int cmat_read_bytes(cmat_file *file, size_t first, size_t count, uint8_t *out, char error[CMAT_ERROR_SIZE]);
/// Reads all `count` elements of the array that was found last, whatever numbers they are.
int cmat_read_numbers(cmat_file *file, size_t count, double *out, char error[CMAT_ERROR_SIZE]);

#endif
