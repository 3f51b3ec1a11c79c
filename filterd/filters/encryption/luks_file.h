/* SPDX-License-Identifier: MIT */
/* luks_file.h - the files of a header: copied, put in place, overwritten. All durable on return. */
#ifndef ENCRYPTION_LUKS_FILE_H
#define ENCRYPTION_LUKS_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Makes it anew, of that size, of zeros; mode 0600. 0 or -errno. */
int luks_file_make(const char *path, uint64_t size_bytes);
int luks_file_write(const char *path, const void *data, size_t size_bytes);
/* All of it; the caller frees. Errors: -EBADMSG empty, or larger than any header */
int luks_file_read(const char *path, void **out, size_t *size_bytes);
int luks_file_rename(const char *from, const char *to);
/* from takes the place of to, whose bytes are shredded under the name old. May be repeated. */
int luks_file_replace(const char *from, const char *to, const char *old);
/* Unless they are the same already. beside is for the copy until it is whole. */
int luks_file_copy(const char *from, const char *beside, const char *to);
/* Random bytes over all of it, read back and compared, then removed. -ENOENT is no error. */
int luks_file_shred(const char *path);
/* -ENOENT; -EBADMSG: a link, a pipe, a device, or too large: nobody but filterd makes this file. */
int luks_file_check(const char *path);
int luks_file_sync(const char *path);

#endif
