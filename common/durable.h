/* SPDX-License-Identifier: MIT */
/*
 * durable.h - small files that survive a crash whole: written beside, synced, renamed, folder
 * synced.
 *
 * Thread: any; two writers of one path need an order of their own. Blocks: control path only.
 */
#ifndef COMMON_DURABLE_H
#define COMMON_DURABLE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* On stable storage when it returns 0; after an error the old content is still there. Mode 0600. */
int must_check durable_write(const char *path, const void *data, size_t size_bytes,
			     struct err *err);
/* The same in two steps, so that the second one is short: beside it, on stable storage; then in its
 * place. Or not at all. */
int must_check durable_stage(const char *path, const void *data, size_t size_bytes,
			     struct err *err);
int must_check durable_publish(const char *path, struct err *err);
void durable_unstage(const char *path);
/* Gone for good when it returns 0; nothing there is 0, too. */
int must_check durable_remove(const char *path, struct err *err);
/* Whole file, one zero byte behind it. Owns: *out is freed by the caller. Errors: -ENOENT, -EFBIG,
 * -errno */
int must_check durable_read(const char *path, uint64_t max_bytes, char **out, size_t *size_bytes,
			    struct err *err);
/* Like mkdir -p, mode 0750. The last one made outlives a power cut. */
int must_check durable_mkdir(const char *path, struct err *err);

#endif
