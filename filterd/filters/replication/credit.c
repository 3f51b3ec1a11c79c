/* SPDX-License-Identifier: MIT */
#include "credit.h"

#include <assert.h>

bool credit_out_begin(struct credit_out *c, uint64_t promised_bytes)
{
	c->left_bytes = promised_bytes;
	return promised_bytes >= CREDIT_MIN_BYTES && promised_bytes <= CREDIT_MAX_BYTES;
}

bool credit_out_has(const struct credit_out *c, uint64_t cost_bytes)
{
	return c->left_bytes >= cost_bytes;
}

void credit_out_spend(struct credit_out *c, uint64_t cost_bytes)
{
	assert(c->left_bytes >= cost_bytes);
	c->left_bytes -= cost_bytes;
}

bool credit_out_more(struct credit_out *c, uint64_t bytes)
{
	if (bytes > CREDIT_MAX_BYTES - c->left_bytes)
		return false;
	c->left_bytes += bytes;
	return true;
}

void credit_in_begin(struct credit_in *c, uint64_t limit_bytes)
{
	assert(limit_bytes >= CREDIT_MIN_BYTES && limit_bytes <= CREDIT_MAX_BYTES);
	*c = (struct credit_in){.limit_bytes = limit_bytes, .left_bytes = limit_bytes};
}

bool credit_in_take(struct credit_in *c, uint64_t cost_bytes)
{
	if (c->left_bytes < cost_bytes)
		return false;
	c->left_bytes -= cost_bytes;
	return true;
}

void credit_in_undo(struct credit_in *c, uint64_t cost_bytes)
{
	c->left_bytes += cost_bytes;
}

/* A frame for each piece of credit would double the frames; an eighth of all is often enough, as
 * the peer then never has less than seven eighths minus what is really in our hands. But what is
 * left must always let the largest frame through. */
uint64_t credit_in_free(struct credit_in *c, uint64_t cost_bytes)
{
	uint64_t more;

	c->freed_bytes += cost_bytes;
	assert(c->left_bytes + c->freed_bytes <= c->limit_bytes);
	if (c->freed_bytes < c->limit_bytes / 8 && c->left_bytes >= CREDIT_MIN_BYTES)
		return 0;
	more = c->freed_bytes;
	c->freed_bytes = 0;
	c->left_bytes += more;
	return more;
}
