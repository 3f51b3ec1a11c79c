/* SPDX-License-Identifier: MIT */
/*
 * ctl_frame.h - frames of the control protocol out of a stream of bytes. Pure: no sockets, so it
 * can be fuzzed; server and client share it.
 *
 * Order of calls: init, then next() until it says 0, with each piece that arrives; fini.
 */
#ifndef FILTERD_CTL_FRAME_H
#define FILTERD_CTL_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "wire/ctl.h"

struct ctl_reader {
	struct ctl_header header;
	size_t header_len; /* bytes of it that are there */
	char *body;        /* allocated when the header was found good */
	size_t body_len;
};

void ctl_reader_init(struct ctl_reader *r);
void ctl_reader_fini(struct ctl_reader *r);

/*
 * Takes bytes from *p, *len and moves both on.
 * Returns 1: a frame is complete: header, and body with one zero byte behind it, until the next
 * call; 0: more bytes are needed; -EPROTO: malformed, the connection is to end (header.request_id
 * is right if the whole header was there, else 0); -ENOMEM.
 */
int must_check ctl_reader_next(struct ctl_reader *r, const char **p, size_t *len, struct err *err);
/* A frame has begun and is not complete. */
bool ctl_reader_is_inside(const struct ctl_reader *r);

/* A whole frame, allocated; body has at most CTL_BODY_MAX bytes. NULL: no memory. */
char *ctl_frame_make(enum ctl_type type, uint32_t request_id, const char *body, size_t *frame_len);

/* "ENOENT" for 2, "EIO" for what has no name here. */
const char *ctl_errno_name(int code);

#endif
