/* SPDX-License-Identifier: MIT */
/*
 * fuzz_peer_words.c - what comes from other appliances and from people about them: the first words
 * of a link, answers, pairing codes, addresses; and any order of requests to a witness, whose
 * promises must hold.
 *
 * fuzz-units: peernet env common
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "greet.h"
#include "pair.h"
#include "pins.h"
#include "witness.h"

#define NS_PER_MS 1000000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void words(const uint8_t *data, size_t size)
{
	struct peer_hello hello = {0};
	struct peer_answer answer = {0};
	char why[160], code[PAIR_CODE_BYTES], address[PINS_ADDRESS_BYTES], *text;
	uint8_t version = 0;
	struct err err;

	memcpy(&hello, data, size < sizeof(hello) ? size : sizeof(hello));
	if (greet_check_hello(&hello, &version, why, sizeof(why)) == 0)
		assert(version >= PEER_VERSION_OLDEST && version <= PEER_VERSION);
	memcpy(&answer, data, size < sizeof(answer) ? size : sizeof(answer));
	if (greet_check_answer(&answer, why, sizeof(why)) < 0)
		for (const char *at = why; *at; at++)
			assert(*at >= ' ' && *at < 0x7f);
	text = malloc(size + 1);
	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (pair_code_normalise(text, code, &err) == 0)
		assert(strlen(code) == PAIR_CODE_BYTES - 1);
	if (pins_parse_address(text, address, &err) == 0)
		assert(pins_parse_address(address, address, &err) == 0);
	free(text);
}

/* Five bytes are one request of one of three appliances, after some time. */
static void ask(struct witness_register *r, const uint8_t b[5], uint64_t *now_ns)
{
	struct witness_request q = {.op = (enum sluice_witness_op)(b[0] & 3),
				    .expected_term = r->term + ((b[0] & 12) == 12),
				    .lease_ms = b[1] * 20u};
	struct witness_register next;
	bool must_store, had_lease;
	int rc;

	*now_ns += b[2] * 10 * NS_PER_MS;
	q.caller_uuid[0] = (uint8_t)(1 + b[3] % 3);
	q.wanted.primary_uuid[0] = (uint8_t)(1 + b[3] / 3 % 3);
	q.wanted.term = r->term + b[4] % 4;
	q.wanted.insync = b[4] >> 6;
	had_lease = witness_lease_left_ms(r, *now_ns) > 0;
	rc = witness_apply(r, &q, *now_ns, &next, &must_store);
	if (rc)
		return;
	assert(next.term >= r->term && next.member_count <= WITNESS_MEMBERS);
	if (next.term == r->term) /* only a swap changes who is what */
		assert(memcmp(next.primary_uuid, r->primary_uuid, 16) == 0 &&
		       next.insync == r->insync);
	else
		assert(must_store && q.op == SLUICE_WITNESS_SWAP);
	if (had_lease && memcmp(next.primary_uuid, r->primary_uuid, 16) != 0)
		assert(memcmp(q.caller_uuid, r->primary_uuid, 16) == 0);
	if (memcmp(&next, r, sizeof(next)) != 0 && !must_store) /* a lease alone, and its owner's */
		assert(memcmp(q.caller_uuid, r->primary_uuid, 16) == 0);
	*r = next;
	if (b[4] & 32)
		witness_restarted(r, *now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct witness_register r = {0};
	uint64_t now_ns = NS_PER_MS;

	words(data, size);
	for (size_t at = 0; at + 5 <= size; at += 5)
		ask(&r, data + at, &now_ns);
	return 0;
}
