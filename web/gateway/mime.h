/* SPDX-License-Identifier: MIT */
/* mime.h - the content type of a static file by its name's ending. Pure. */
#ifndef GATEWAY_MIME_H
#define GATEWAY_MIME_H

/* NULL: a kind that is not served. */
const char *mime_of(const char *name);

#endif
