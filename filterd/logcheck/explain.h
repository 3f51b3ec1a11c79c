/* SPDX-License-Identifier: MIT */
/* explain.h - what sluice-logcheck says about a log. See main.c. */
#ifndef LOGCHECK_EXPLAIN_H
#define LOGCHECK_EXPLAIN_H

#include "image.h"

struct report {
	struct image m;
	struct image_end end;
	struct image_proof proof;
	struct image_checkpoint checkpoint;
	bool is_damaged;
};

/* Fills the rest of r from r->m. */
int must_check explain_look(struct report *r, struct err *err);
void explain_verify(const struct report *r); /* one line */
void explain_print(const struct report *r);  /* a page */
int must_check explain_dump(struct report *r, struct err *err);

#endif
