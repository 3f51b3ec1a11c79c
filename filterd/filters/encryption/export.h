/* SPDX-License-Identifier: MIT */
/*
 * export.h - an encrypted volume as one file that stock tools open: a LUKS2 header with the same
 * slots, and behind it the ciphertext as it lies below us.
 *
 *     0                 LUKS_ATTACHED_BYTES
 *     | header, zeros   | the volume; holes are written out as encrypted zeros |
 *
 * Nothing is decrypted on the way, so nothing in clear can get into the file.
 *
 * It is the volume of one moment only if nobody writes meanwhile. Nobody's write is refused for it;
 * the export ends with a sentence instead. policyd takes the volume from its initiators before.
 *
 *     export_new(), in the command's check: the descriptor and the memory
 *     luks_attach(), on the helper (command.c)
 *     export_go(): from here on encryption.exporting; export_status() shows how far
 *     write: piece read by own I/O, below us and in the background -> holes filled and written on a
 *            helper -> the next
 *
 * Thread: owner worker.
 */
#ifndef ENCRYPTION_EXPORT_H
#define ENCRYPTION_EXPORT_H

#include <jansson.h>

#include "key.h"

struct export;

/* fd is copied. Errors: -EBADMSG it is no file, pipe or socket to write to; -ENOMEM, -EMFILE */
int export_new(struct encryption *e, int fd, struct export **out, struct sluice_error *err);
/* One that did not go. NULL is fine. */
void export_drop(struct export *x);
/* header: luks_attach()'s, taken over. Owns: takes x, also on an error. */
int export_go(struct export *x, void *header, const struct kept *kept, struct sluice_error *err);

/* Each does nothing when none is under way. */
void export_cancel(struct encryption *e);
void export_detached(struct encryption *e);

/* {"state": "none", "running", "done", "failed" or "cancelled", "id", "done_bytes", "total_bytes",
 * "text"}; the last one's. New reference. */
json_t *export_status(const struct encryption *e);

#endif
