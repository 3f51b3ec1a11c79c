/* SPDX-License-Identifier: MIT */
#include "passing.h"

#include "mode.h"
#include "read.h"
#include "volume.h"
#include "wblog.h"

static enum sluice_verdict change(struct request *r)
{
	struct volume *v = r->v;

	r->kind = REQUEST_CHANGE;
	r->admit = (uint8_t)volume_admission(v, r->io);
	coherence_begin(r);
	v->passing++;
	return request_pass(r);
}

enum sluice_verdict passing_start(struct request *r)
{
	switch (r->io->op) {
	case SLUICE_OP_READ:
		return read_start(r);
	case SLUICE_OP_WRITE:
	case SLUICE_OP_UNMAP:
	case SLUICE_OP_WRITE_ZEROES:
		return change(r);
	default:
		return request_pass(r);
	}
}

/* While a log is being made, as in write-through. */
static void wrote(struct request *r)
{
	if (r->v->mode->wrote)
		r->v->mode->wrote(r);
	else
		coherence_end(r, r->io->buf, (enum cache_admit)r->admit);
}

void passing_ended(struct request *r, enum sluice_status status)
{
	if (status == SLUICE_OK && r->io->op == SLUICE_OP_WRITE)
		wrote(r);
	else
		coherence_end(r, NULL,
			      CACHE_REFRESH); /* nobody knows what is there now; or zeros */
	r->v->passing--;
	wblog_passing_ended(r->v);
}
