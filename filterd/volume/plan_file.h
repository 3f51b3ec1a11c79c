/* SPDX-License-Identifier: MIT */
/*
 * plan_file.h - one JSON text on disk, whole or not at all, with a checksum. See plan.h.
 *
 * Thread: main. Blocks.
 */
#ifndef FILTERD_PLAN_FILE_H
#define FILTERD_PLAN_FILE_H

#include <jansson.h>

#include "err.h"

/* Owns: *out is the caller's. Errors: -ENOENT; -EINVAL damaged; others: it could not be read. */
int must_check plan_file_read(const char *path, json_t **out, struct err *err);
/* On stable storage when it returns 0; after an error the old text is still there. j NULL: no
 * memory. */
int must_check plan_file_write(const char *path, const json_t *j, struct err *err);
/* Never in the way of the next save, never lost; err gets in front of it where it is. */
int must_check plan_file_put_aside(const char *path, struct err *err);

#endif
