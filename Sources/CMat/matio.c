#include "CMat.h"

#include <dlfcn.h>
#include <limits.h>
#include <matio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cmat_file {
  mat_t *mat;
  matvar_t *found;
};

static int fail(char error[CMAT_ERROR_SIZE], const char *sentence) {
  snprintf(error, CMAT_ERROR_SIZE, "%s", sentence);
  return 1;
}

// libmatio brings HDF5 with it, which nobody needs who reads no such file.
static struct {
  __typeof__(Mat_Open) *open;
  __typeof__(Mat_Close) *close;
  __typeof__(Mat_VarReadInfo) *read_info;
  __typeof__(Mat_VarReadDataLinear) *read_linear;
  __typeof__(Mat_VarFree) *free;
  __typeof__(Mat_GetVersion) *version;
  // Of HDF5: what it does with an error, for the thread that asks. NULL where it is not there.
  int (*on_hdf5_error)(int64_t stack, void *function, void *data);
  char problem[CMAT_ERROR_SIZE];
} library;

static void load(void) {
  void *handle = dlopen("libmatio.so.11", RTLD_NOW | RTLD_LOCAL);
  if (handle) {
    library.open = (__typeof__(Mat_Open) *)dlsym(handle, "Mat_Open");
    library.close = (__typeof__(Mat_Close) *)dlsym(handle, "Mat_Close");
    library.read_info = (__typeof__(Mat_VarReadInfo) *)dlsym(handle, "Mat_VarReadInfo");
    library.read_linear = (__typeof__(Mat_VarReadDataLinear) *)dlsym(handle, "Mat_VarReadDataLinear");
    library.free = (__typeof__(Mat_VarFree) *)dlsym(handle, "Mat_VarFree");
    library.version = (__typeof__(Mat_GetVersion) *)dlsym(handle, "Mat_GetVersion");
    library.on_hdf5_error = (int (*)(int64_t, void *, void *))dlsym(handle, "H5Eset_auto2");
    if (library.open && library.close && library.read_info && library.read_linear && library.free && library.version) return;
  }
  const char *reason = dlerror();
  snprintf(library.problem, sizeof library.problem, "MATLAB files need libmatio (Debian's libmatio11): %s",
           reason ? reason : "it lacks a function");
}

// HDF5 would write its own account of an error to the standard error.
static void silence(void) {
  if (library.on_hdf5_error) library.on_hdf5_error(0, NULL, NULL);
}

int cmat_open(const char *path, cmat_file **file, char error[CMAT_ERROR_SIZE]) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (library.problem[0]) return fail(error, library.problem);
  silence();
  mat_t *mat = library.open(path, MAT_ACC_RDONLY);
  if (!mat) return fail(error, "not a MATLAB file that libmatio can open");
  *file = calloc(1, sizeof **file);
  if (!*file) {
    library.close(mat);
    return fail(error, "out of memory");
  }
  (*file)->mat = mat;
  return 0;
}

void cmat_close(cmat_file *file) {
  if (!file) return;
  if (file->found) library.free(file->found);
  library.close(file->mat);
  free(file);
}

int cmat_find(cmat_file *file, const char *name, cmat_info *info, char error[CMAT_ERROR_SIZE]) {
  silence();
  if (file->found) library.free(file->found);
  file->found = library.read_info(file->mat, name);
  matvar_t *found = file->found;
  if (!found) {
    // libmatio opens what HDF5 does not.
    int is_hdf5 = library.version(file->mat) == MAT_FT_MAT73;
    snprintf(error, CMAT_ERROR_SIZE, is_hdf5 ? "it is cut short, or has no array “%s”" : "there is no array “%s” in it", name);
    return 1;
  }
  if (found->isComplex || found->rank < 1 || found->rank > CMAT_MAX_RANK || !found->dims) {
    snprintf(error, CMAT_ERROR_SIZE, "“%s” is not a real array of up to %d axes", name, CMAT_MAX_RANK);
    return 1;
  }
  size_t product = 1;
  for (int axis = 0; axis < found->rank; axis++) {
    size_t extent = found->dims[axis];
    if (extent > INT_MAX || (extent && product > INT_MAX / extent)) {
      snprintf(error, CMAT_ERROR_SIZE, "“%s” has too many elements", name);
      return 1;
    }
    product *= extent;
    info->extents[axis] = extent;
  }
  info->rank = (size_t)found->rank;
  info->is_bytes = found->class_type == MAT_C_UINT8;
  return 0;
}

int cmat_read_bytes(cmat_file *file, size_t first, size_t count, uint8_t *out, char error[CMAT_ERROR_SIZE]) {
  if (!file->found || file->found->class_type != MAT_C_UINT8) return fail(error, "not an array of bytes");
  silence();
  if (library.read_linear(file->mat, file->found, out, (int)first, 1, (int)count) != 0)
    return fail(error, "it is cut short or damaged");
  return 0;
}

#define CONVERT(kind, type)                                                          \
  case kind: {                                                                       \
    for (size_t index = 0; index < count; index++) out[index] = (double)((type *)buffer)[index]; \
    break;                                                                           \
  }

int cmat_read_numbers(cmat_file *file, size_t count, double *out, char error[CMAT_ERROR_SIZE]) {
  if (!file->found) return fail(error, "no array was found");
  silence();
  void *buffer = calloc(count ? count : 1, sizeof(double));
  if (!buffer) return fail(error, "out of memory");
  int failed = 0;
  if (library.read_linear(file->mat, file->found, buffer, 0, 1, (int)count) != 0) {
    failed = fail(error, "it is cut short or damaged");
  } else {
    switch (file->found->class_type) {
      CONVERT(MAT_C_DOUBLE, double)
      CONVERT(MAT_C_SINGLE, float)
      CONVERT(MAT_C_INT8, int8_t)
      CONVERT(MAT_C_UINT8, uint8_t)
      CONVERT(MAT_C_INT16, int16_t)
      CONVERT(MAT_C_UINT16, uint16_t)
      CONVERT(MAT_C_INT32, int32_t)
      CONVERT(MAT_C_UINT32, uint32_t)
      CONVERT(MAT_C_INT64, int64_t)
      CONVERT(MAT_C_UINT64, uint64_t)
      default:
        failed = fail(error, "not an array of numbers");
    }
  }
  free(buffer);
  return failed;
}
