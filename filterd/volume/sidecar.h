/* SPDX-License-Identifier: MIT */
/*
 * sidecar.h - filters' own files beside a volume's image: <image>.<suffix>, suffix [a-z]{1,16} but
 * not "img". A volume whose image is in no folder has them in filterd's state folder, with its
 * records: <root>/<volume uuid>/_sidecar.<suffix>.
 *
 * Thread: any. Blocks: control path only.
 */
#ifndef FILTERD_SIDECAR_H
#define FILTERD_SIDECAR_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define SIDECAR_SNAP ".snap-"

/* image: NULL when it is in no folder; then the state folder is made. Errors: -ENAMETOOLONG, ... */
int must_check sidecar_path(const char *image, const char *root, const uint8_t uuid[16],
			    const char *suffix, char *path, size_t size_bytes);

/* ---- with snapshots: <image>.snap-<uuid>.<suffix>, in sidecar_snapshot.c */

/* A copy of that sidecar, if there is one, goes with the snapshot. Durable. */
int must_check sidecar_keep(const char *image, const char *snapshot, const char *suffix,
			    struct err *err);
/* What went with the snapshot stands beside another image, and "origin" there names the volume
 * that it comes from, under those that the snapshot's own "origin" names. May be repeated. */
int must_check sidecar_give(const char *image, const char *snapshot, const uint8_t uuid[16],
			    const char *to_image, struct err *err);
/* Removes what is kept for snapshots that are not among list's "items" (layer_list()). */
void sidecar_forget_others(const char *image, const json_t *list);

/* All of an image that is removed, snapshots' too; those in the state folder go with the records.
 */
void sidecar_drop(const char *image);

#endif
