#include "CCommit.h"

const char *ccommit_name(void) { return PIPE_COMMIT; }
