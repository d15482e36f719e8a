#ifndef CCOMMIT_H
#define CCOMMIT_H

/// The commit that this program was built from: its hash, with `-dirty` after it where files differed from it; empty where the
/// build was not told.
const char *ccommit_name(void);

#endif
