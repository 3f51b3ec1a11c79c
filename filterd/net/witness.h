/* SPDX-License-Identifier: MIT */
/*
 * witness.h - one register of a witness and its rules. Pure: time comes in.
 *
 * A group has two appliances; the first two that write to its register are its members, and a third
 * is refused. A lease is given by the witness's clock alone, from the moment at which it was asked;
 * the primary counts its own from the moment at which it asked, so its own ends first.
 */
#ifndef NET_WITNESS_H
#define NET_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/link.h"

#define WITNESS_LEASE_MAX_MS 60000u
#define WITNESS_MEMBERS      2u

struct witness_register {
	uint8_t group_uuid[16];
	uint64_t term; /* 0: never written */
	uint8_t primary_uuid[16];
	uint8_t insync;
	uint32_t lease_ms; /* the longest since the register was stored: what a restart waits */
	uint8_t members[WITNESS_MEMBERS][16];
	uint32_t member_count;
	uint64_t lease_until_ns; /* not stored */
};

struct witness_request {
	enum sluice_witness_op op;
	uint64_t expected_term;
	struct sluice_witness_register wanted;
	uint64_t lease_ms;
	uint8_t caller_uuid[16];
};

/*
 * 0: granted, *out is the register as it is to be; must_store: it has to be durable before the
 * answer. -ESTALE another term, or RENEW by one that is not the primary; -EBUSY the old primary's
 * lease runs, and it is not the old primary that asks; -EACCES a third appliance; -EINVAL a request
 * that makes no sense. RENEW with a lease of 0 ends the lease.
 */
int witness_apply(const struct witness_register *r, const struct witness_request *q,
		  uint64_t now_ns, struct witness_register *out, bool *must_store);
/* After a restart: whoever had the lease may still have it, for all we know. */
void witness_restarted(struct witness_register *r, uint64_t now_ns);
uint64_t witness_lease_left_ms(const struct witness_register *r, uint64_t now_ns);

#endif
