/* SPDX-License-Identifier: MIT */
/*
 * identity.h - which datastore a folder is. A datastore of type dir bears a mark, a small file with
 * the datastore's UUID, made when it is added; the plan knows the UUID. So a mount point whose disk
 * is missing, or holds another one, is not taken for the datastore: nothing is made, opened or
 * removed there.
 *
 * Thread: any; blocks for a small file.
 */
#ifndef FILTERD_IDENTITY_H
#define FILTERD_IDENTITY_H

#include <stdint.h>

#include "err.h"

#define IDENTITY_FILE ".sluice-datastore"

/*
 * When a datastore is added. uuid all zeros: nothing is known of it; the folder's mark is taken
 * over, or made. Else the folder must bear that mark. Errors: those of identity_check(); -EACCES,
 * -EROFS, -ENOSPC the mark cannot be written
 */
int must_check identity_claim(const char *folder, const char *datastore, uint8_t uuid[16],
			      struct err *err);
/*
 * Whether folder is still that datastore. uuid all zeros: yes.
 * Errors: -ENOTCONN no mark (is its disk mounted?); -EXDEV another's; -EBADMSG a mark that cannot
 * be read
 */
int must_check identity_check(const char *folder, const char *datastore, const uint8_t uuid[16],
			      struct err *err);

#endif
