/* SPDX-License-Identifier: MIT */
/* luks_int.h - what the luks*.c files share: libcryptsetup, one at a time. Thread: helpers. */
#ifndef ENCRYPTION_LUKS_INT_H
#define ENCRYPTION_LUKS_INT_H

#include <libcryptsetup.h>

#include "luks.h"

/* Locks until luks_end(), which follows in any case; what the library complains of goes to text. */
int luks_begin(struct luks *l, const char *path, struct crypt_device **out);
void luks_end(struct crypt_device *cd);

#endif
