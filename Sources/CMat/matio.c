#include "CMat.h"

#include <dlfcn.h>
#include <limits.h>
#include <matio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

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
  // NULL where libmatio has no such function.
  __typeof__(Mat_GetDir) *names;
  // Of HDF5: what it does with an error, for the thread that asks. NULL where it is not there.
  int (*on_hdf5_error)(int64_t stack, void *function, void *data);
  // Of HDF5, which lists a file's arrays without reading them as libmatio does. NULL where they are not there.
  int64_t (*hdf5_open)(const char *path, unsigned flags, int64_t access);
  int (*hdf5_close)(int64_t file);
  int (*hdf5_count)(int64_t group, uint64_t *count);
  ssize_t (*hdf5_name)(int64_t group, uint64_t index, char *name, size_t size);
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
    library.names = (__typeof__(Mat_GetDir) *)dlsym(handle, "Mat_GetDir");
    library.on_hdf5_error = (int (*)(int64_t, void *, void *))dlsym(handle, "H5Eset_auto2");
    library.hdf5_open = (int64_t(*)(const char *, unsigned, int64_t))dlsym(handle, "H5Fopen");
    library.hdf5_close = (int (*)(int64_t))dlsym(handle, "H5Fclose");
    library.hdf5_count = (int (*)(int64_t, uint64_t *))dlsym(handle, "H5Gget_num_objs");
    library.hdf5_name = (ssize_t(*)(int64_t, uint64_t, char *, size_t))dlsym(handle, "H5Gget_objname_by_idx");
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

// Appends a name, after a comma where it is not the first; 0 where there is no more room.
static int append(char names[CMAT_NAMES_SIZE], const char *name) {
  size_t length = strlen(names), room = CMAT_NAMES_SIZE - length;
  int written = snprintf(names + length, room, "%s%s", length ? ", " : "", name);
  if (written >= 0 && (size_t)written < room) return 1;
  names[length] = 0;
  return 0;
}

// MATLAB keeps what other arrays refer to in groups such as “#refs#”.
static void hdf5_names(const char *path, char names[CMAT_NAMES_SIZE]) {
  if (!library.hdf5_open || !library.hdf5_close || !library.hdf5_count || !library.hdf5_name) return;
  int64_t file = library.hdf5_open(path, 0, 0);
  if (file < 0) return;
  uint64_t count = 0;
  if (library.hdf5_count(file, &count) < 0) count = 0;
  for (uint64_t index = 0; index < count; index++) {
    char name[64] = "";
    if (library.hdf5_name(file, index, name, sizeof name) <= 0 || name[0] == '#') continue;
    if (!append(names, name)) break;
  }
  library.hdf5_close(file);
}

void cmat_names(cmat_file *file, const char *path, char names[CMAT_NAMES_SIZE]) {
  names[0] = 0;
  silence();
  if (library.version(file->mat) == MAT_FT_MAT73) {
    hdf5_names(path, names);
    return;
  }
  if (!library.names) return;
  size_t count = 0;
  // They belong to the file.
  char **found = library.names(file->mat, &count);
  for (size_t index = 0; found && index < count; index++) {
    if (found[index] && !append(names, found[index])) break;
  }
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
