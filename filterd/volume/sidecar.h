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

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* image: NULL when it is in no folder; then the state folder is made. Errors: -ENAMETOOLONG, ... */
int must_check sidecar_path(const char *image, const char *root, const uint8_t uuid[16],
			    const char *suffix, char *path, size_t size_bytes);
/* All of an image that is removed; those in the state folder go with the records. */
void sidecar_drop(const char *image);

#endif
