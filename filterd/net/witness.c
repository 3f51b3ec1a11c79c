/* SPDX-License-Identifier: MIT */
#include "witness.h"

#include <errno.h>
#include <string.h>

#define NS_PER_MS 1000000ull

static bool is_same(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) == 0;
}

static bool is_member(const struct witness_register *r, const uint8_t uuid[16])
{
	for (uint32_t i = 0; i < r->member_count; i++)
		if (is_same(r->members[i], uuid))
			return true;
	return false;
}

/* False: there are two others. */
static bool admit(struct witness_register *r, const uint8_t uuid[16])
{
	if (is_member(r, uuid))
		return true;
	if (r->member_count == WITNESS_MEMBERS)
		return false;
	memcpy(r->members[r->member_count++], uuid, 16);
	return true;
}

uint64_t witness_lease_left_ms(const struct witness_register *r, uint64_t now_ns)
{
	if (r->term == 0 || now_ns >= r->lease_until_ns)
		return 0;
	return (r->lease_until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
}

void witness_restarted(struct witness_register *r, uint64_t now_ns)
{
	r->lease_until_ns = r->term ? now_ns + r->lease_ms * NS_PER_MS : 0;
}

static void grant(struct witness_register *out, uint64_t lease_ms, uint64_t now_ns,
		  bool *must_store)
{
	uint64_t until_ns = now_ns + lease_ms * NS_PER_MS;

	if (lease_ms > out->lease_ms) {
		out->lease_ms = (uint32_t)lease_ms;
		*must_store = true;
	}
	if (until_ns > out->lease_until_ns)
		out->lease_until_ns = until_ns;
}

static int renew(const struct witness_register *r, const struct witness_request *q, uint64_t now_ns,
		 struct witness_register *out, bool *must_store)
{
	if (r->term != q->expected_term || r->term == 0 ||
	    !is_same(r->primary_uuid, q->caller_uuid))
		return -ESTALE;
	if (q->lease_ms == 0) { /* it has stopped serving, and says so */
		out->lease_until_ns = now_ns;
		return 0;
	}
	grant(out, q->lease_ms, now_ns, must_store);
	return 0;
}

static int swap(const struct witness_register *r, const struct witness_request *q, uint64_t now_ns,
		struct witness_register *out, bool *must_store)
{
	bool is_new = r->term == 0 || !is_same(r->primary_uuid, q->wanted.primary_uuid);
	bool is_handed_over = is_same(r->primary_uuid, q->caller_uuid);

	if (r->term != q->expected_term)
		return -ESTALE;
	if (q->wanted.term <= r->term)
		return -EINVAL;
	if (!admit(out, q->caller_uuid) || !admit(out, q->wanted.primary_uuid))
		return -EACCES;
	if (is_new && !is_handed_over && witness_lease_left_ms(r, now_ns) > 0)
		return -EBUSY;
	out->term = q->wanted.term;
	memcpy(out->primary_uuid, q->wanted.primary_uuid, 16);
	out->insync = q->wanted.insync;
	if (is_new) { /* it is the old one's that may have been longer */
		out->lease_until_ns = 0;
		out->lease_ms = 0;
	}
	*must_store = true;
	grant(out, q->lease_ms, now_ns, must_store);
	return 0;
}

int witness_apply(const struct witness_register *r, const struct witness_request *q,
		  uint64_t now_ns, struct witness_register *out, bool *must_store)
{
	*out = *r;
	*must_store = false;
	if (q->op == SLUICE_WITNESS_READ)
		return 0;
	if (q->lease_ms > WITNESS_LEASE_MAX_MS)
		return -EINVAL;
	if (q->op == SLUICE_WITNESS_RENEW)
		return renew(r, q, now_ns, out, must_store);
	if (q->op == SLUICE_WITNESS_SWAP)
		return swap(r, q, now_ns, out, must_store);
	return -EINVAL;
}
