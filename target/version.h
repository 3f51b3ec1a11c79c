/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * version.h - which tgtd is this, and do we know it?
 *
 * The layout of struct scsi_lu, scsi_cmd and the op table is tgtd's private business and the
 * module's ABI. tgtd exports no version symbol, and its version string ("1.0.85") stands in the
 * binary without anything beside it that a search could go by. So tgtd is asked: the very file that
 * runs
 * (/proc/self/exe) is started with -V, which prints TGT_VERSION and exits before it touches
 * anything. The child has VERSION_TIMEOUT_MS, then it is killed. It happens once, when tgtd loads
 * its modules, before its event loop runs.
 */
#ifndef TARGET_VERSION_H
#define TARGET_VERSION_H

#include <stdbool.h>
#include <stddef.h>

#define VERSION_TIMEOUT_MS 2000

/* What `program -V` prints, without white space at the end. 0, or -errno (-ETIMEDOUT; -EPROTO: it
 * printed nothing). */
int version_ask(const char *program, char *version, size_t size)
    __attribute__((warn_unused_result));

/* The module was built for this version, or its headers are known to be laid out alike. Pure. */
bool version_is_known(const char *version);
/* The versions for a message, as "1.0.85, 1.0.97". */
const char *version_known_list(void);

#endif
