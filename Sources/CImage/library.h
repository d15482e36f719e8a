// Libraries that are loaded when the first file of their kind is read, so that the program starts without them.
#ifndef CIMAGE_LIBRARY_H
#define CIMAGE_LIBRARY_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "codec.h"

/// A function of a library: the pointer that is to be set, and its name.
typedef struct {
  void **function;
  const char *name;
} cimage_symbol;

/// Loads a library and finds its functions; 0, with a sentence, where one is missing.
static inline int cimage_load(const char *file, const char *package, const cimage_symbol *symbols, size_t count,
                              char problem[CIMAGE_ERROR_SIZE]) {
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  int is_whole = handle != NULL;
  for (size_t i = 0; is_whole && i < count; i++) {
    *symbols[i].function = dlsym(handle, symbols[i].name);
    is_whole = *symbols[i].function != NULL;
  }
  if (is_whole) return 1;
  const char *reason = dlerror();
  snprintf(problem, CIMAGE_ERROR_SIZE, "such images need %s (Debian's %s): %s", file, package,
           reason ? reason : "it lacks a function");
  return 0;
}

#endif
