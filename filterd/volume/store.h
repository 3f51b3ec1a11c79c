/* SPDX-License-Identifier: MIT */
/*
 * store.h - small durable records of filters: <root>/<volume uuid>/<filter>.<key>, each replaced
 * whole.
 *
 * Thread: any; one volume's records belong to its worker. Blocks: control path only.
 */
#ifndef FILTERD_STORE_H
#define FILTERD_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define STORE_RECORD_MAX (64u << 10)

/* Errors: -EINVAL a key that is not [a-z0-9_]{1,32} or a record over 64 KiB; -ENOSPC, -EIO ... */
int must_check store_put(const char *root, const uint8_t uuid[16], const char *filter,
			 const char *key, const void *data, size_t size_bytes);
/* Errors: -ENOENT; -ENOSPC larger than room_bytes, *size_bytes says how large. */
int must_check store_get(const char *root, const uint8_t uuid[16], const char *filter,
			 const char *key, void *data, size_t room_bytes, size_t *size_bytes);
/* All records of a volume that is deleted. */
void store_drop_volume(const char *root, const uint8_t uuid[16]);

#endif
