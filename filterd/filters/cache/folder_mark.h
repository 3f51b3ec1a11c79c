/* SPDX-License-Identifier: MIT */
/*
 * folder_mark.h - which flash a folder is. The folder of logs bears a mark, a small file with a
 * UUID, made with the first log; the volumes' records know it. So a mount point whose flash disk is
 * missing, or holds another one, is not taken for the flash, and no log is made below it.
 *
 * Thread: owner worker; blocks for a small file.
 */
#ifndef CACHE_FOLDER_MARK_H
#define CACHE_FOLDER_MARK_H

#include "sluice/filter.h"

#define FOLDER_MARK_FILE ".sluice-flash"

bool folder_mark_is_known(const uint8_t uuid[16]);
/*
 * Whether folder bears this mark. Errors, with a sentence: -ENOTCONN no mark; -EXDEV another one;
 * -EBADMSG one that cannot be read; others of the file system
 */
int folder_mark_check(const char *folder, const uint8_t uuid[16], struct sluice_error *err);
/* uuid unknown: that of folder's mark, which is made when there is none. Else as
 * folder_mark_check().
 */
int folder_mark_claim(struct sluice_filter *f, const char *folder, uint8_t uuid[16],
		      struct sluice_error *err);
/* A folder that has proved to be the right one gets its lost mark back. */
int folder_mark_restore(const char *folder, const uint8_t uuid[16], struct sluice_error *err);

#endif
