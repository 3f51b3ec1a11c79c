/* SPDX-License-Identifier: MIT */
/*
 * two_initiators.c - what a persistent reservation of initiator A keeps initiator B from doing.
 *
 *     two_initiators iscsi://...
 *
 * For each reservation type: A writes, registers and reserves; B tries every command, unregistered
 * and registered; A releases and B tries again. One line for each deviation from SPC-4's table, and
 * one of summary; exit status 1 if there was any. Overwrites the first 256 blocks of the LUN.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "initiator.h"

#define LIMIT_MS 10000
#define KEY_A    0xa1a1a1a1a1a1a1a1ull
#define KEY_B    0xb2b2b2b2b2b2b2b2ull
#define BLOCKS   64u
#define FILL_A   0xaa

enum pr_action {
	PR_REGISTER = 0,
	PR_RESERVE = 1,
	PR_RELEASE = 2,
	PR_CLEAR = 3,
	PR_REGISTER_IGNORE = 6
};

enum attempt {
	TRY_READ,
	TRY_VERIFY,
	TRY_PREFETCH,
	TRY_WRITE,
	TRY_WRITE_VERIFY,
	TRY_WRITE_SAME,
	TRY_WRITE_SAME10,
	TRY_UNMAP,
	TRY_CAW,
	TRY_ORWRITE,
	TRY_XCOPY,
	TRY_INQUIRY,
	TRY_TUR,
	TRY_READ_CAPACITY,
	TRY_COUNT
};

static const char *const attempt_words[TRY_COUNT] = {"READ (16)",
						     "VERIFY (16)",
						     "PRE-FETCH (16)",
						     "WRITE (16)",
						     "WRITE AND VERIFY (16)",
						     "WRITE SAME (16)",
						     "WRITE SAME (10)",
						     "UNMAP",
						     "COMPARE AND WRITE",
						     "ORWRITE (16)",
						     "EXTENDED COPY",
						     "INQUIRY",
						     "TEST UNIT READY",
						     "READ CAPACITY (16)"};

enum need { NEED_NOTHING, NEED_READ, NEED_WRITE };

struct type {
	uint8_t code;
	const char *word;
	bool keeps_readers_out, lets_registrants_in;
};

static const struct type types[] = {
    {1, "Write Exclusive", false, false},
    {3, "Exclusive Access", true, false},
    {5, "Write Exclusive - Registrants Only", false, true},
    {6, "Exclusive Access - Registrants Only", true, true},
    {7, "Write Exclusive - All Registrants", false, true},
    {8, "Exclusive Access - All Registrants", true, true},
};

static struct initiator a, b;
static uint8_t *data;  /* A's content, BLOCKS blocks */
static uint8_t *other; /* B's */
static uint8_t list[256];
static uint8_t naa[16], naa_len;
static int checked, deviations, unsupported;

static enum need need_of(enum attempt t)
{
	if (t >= TRY_INQUIRY)
		return NEED_NOTHING;
	return t <= TRY_PREFETCH ? NEED_READ : NEED_WRITE;
}

static struct cdb attempt_cdb(enum attempt t)
{
	uint32_t bb = b.block_bytes;
	struct cdb c;

	switch (t) {
	case TRY_READ:
		return cdb_read16(0, 8, bb, false);
	case TRY_VERIFY:
		c = cdb_read16(0, 8, bb, false);
		c.bytes[0] = 0x8f;
		c.in_len = 0;
		return c;
	case TRY_PREFETCH:
		c = cdb_sync_cache16(0, 8);
		c.bytes[0] = 0x90;
		return c;
	case TRY_WRITE:
		return cdb_write16(0, 8, bb, other, false);
	case TRY_WRITE_VERIFY:
		c = cdb_write16(0, 8, bb, other, false);
		c.bytes[0] = 0x8e;
		return c;
	case TRY_WRITE_SAME:
		return cdb_write_same16(0, 8, bb, other, false);
	case TRY_WRITE_SAME10:
		c = cdb_write_same16(0, 8, bb, other, false);
		memset(c.bytes, 0, sizeof(c.bytes));
		c.len = 10;
		c.bytes[0] = 0x41;
		c.bytes[8] = 8;
		return c;
	case TRY_UNMAP:
		return cdb_unmap(0, 8, list);
	case TRY_CAW: /* compares B's guess with A's content: would succeed if it were let through
		       */
		memcpy(other, data, bb);
		memset(other + bb, 0xbb, bb);
		return cdb_compare_and_write(0, 1, bb, other);
	case TRY_ORWRITE:
		return cdb_orwrite16(0, 8, bb, other);
	case TRY_XCOPY:
		return cdb_xcopy_within(naa, naa_len, 128, 0, 8, bb, list);
	case TRY_INQUIRY:
		return cdb_inquiry(-1, 96);
	case TRY_READ_CAPACITY:
		return cdb_read_capacity16();
	default:
		return cdb_test_unit_ready();
	}
}

static void must(struct initiator *in, const struct cdb *c, const char *what)
{
	struct outcome out;
	char text[64];

	if (initiator_simple(in, c, LIMIT_MS, &out) == SCSI_STATUS_GOOD)
		return;
	printf("%s: %s\n", what,
	       in->is_broken ? in->error : outcome_text(&out, text, sizeof(text)));
	exit(1);
}

static void pr(struct initiator *in, enum pr_action action, uint8_t type, uint64_t key,
	       uint64_t sa_key, const char *what)
{
	struct cdb c = cdb_pr_out((uint8_t)action, type, key, sa_key, list);

	must(in, &c, what);
}

static void restore(void)
{
	struct cdb c = cdb_write16(0, BLOCKS, a.block_bytes, data, false);

	must(&a, &c, "A's own WRITE");
}

static bool is_untouched(void)
{
	struct cdb c = cdb_read16(0, BLOCKS, a.block_bytes, false);
	struct scsi_task *task;
	struct outcome out;
	bool same;

	if (initiator_run(&a, &c, LIMIT_MS, &task, &out))
		return false;
	same = out.status == SCSI_STATUS_GOOD &&
	       !memcmp(out.data, data, (size_t)BLOCKS * a.block_bytes);
	scsi_free_scsi_task(task);
	return same;
}

static void deviate(const struct type *type, const char *when, enum attempt t, const char *text)
{
	deviations++;
	printf("deviation: %s, B %s: %s: %s\n", type->word, when, attempt_words[t], text);
}

static void try_one(const struct type *type, const char *when, enum attempt t, bool wants_conflict)
{
	struct cdb c;
	struct outcome out;
	char text[64];
	int status;

	memset(other, 0xbb, (size_t)BLOCKS * b.block_bytes);
	c = attempt_cdb(t);
	status = initiator_simple(&b, &c, LIMIT_MS, &out);
	checked++;
	if (wants_conflict != (status == SCSI_STATUS_RESERVATION_CONFLICT)) {
		if (out.status == SCSI_STATUS_CHECK_CONDITION && out.asc == 0x20) {
			unsupported++; /* the target has no such command; that is for another test
					*/
			return;
		}
		deviate(type, when, t, wants_conflict ? "was let through" : "was kept out");
	} else if (!wants_conflict && status != SCSI_STATUS_GOOD && out.asc != 0x20) {
		deviate(type, when, t, outcome_text(&out, text, sizeof(text)));
	}
	if (wants_conflict && !is_untouched())
		deviate(type, when, t, "A's data have changed");
	if (need_of(t) == NEED_WRITE)
		restore();
}

static void try_all(const struct type *type, const char *when, bool is_let_in)
{
	for (int t = 0; t < TRY_COUNT; t++) {
		enum need need = need_of((enum attempt)t);
		bool conflict = !is_let_in && need != NEED_NOTHING &&
				(need == NEED_WRITE || type->keeps_readers_out);

		/* A cannot restore what B wrote before a reservation; so every attempt restores
		 * through A. */
		try_one(type, when, (enum attempt)t, conflict);
	}
}

static void try_type(const struct type *type)
{
	restore();
	pr(&a, PR_REGISTER_IGNORE, 0, 0, KEY_A, "A registers");
	pr(&a, PR_RESERVE, type->code, KEY_A, 0, "A reserves");
	try_all(type, "not registered", false);
	pr(&b, PR_REGISTER_IGNORE, 0, 0, KEY_B, "B registers");
	try_all(type, "registered", type->lets_registrants_in);
	pr(&a, PR_RELEASE, type->code, KEY_A, 0, "A releases");
	try_all(type, "after the release", true);
	pr(&a, PR_CLEAR, 0, KEY_A, 0, "A clears");
}

static void find_naa(void)
{
	struct cdb c = cdb_inquiry(0x83, 255);
	struct scsi_task *task;
	struct outcome out;

	if (initiator_run(&b, &c, LIMIT_MS, &task, &out))
		return;
	for (size_t i = 4, len; i + 4 <= out.data_len; i += 4 + len) {
		len = out.data[i + 3];

		if ((out.data[i + 1] & 0x3f) == 3 && (len == 8 || len == 16) &&
		    i + 4 + len <= out.data_len && len > naa_len) {
			memcpy(naa, out.data + i + 4, len);
			naa_len = (uint8_t)len;
		}
	}
	scsi_free_scsi_task(task);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("two_initiators iscsi://...\n", stderr);
		return 2;
	}
	if (initiator_open(&a, argv[1], "iqn.2025-01.test.sluice:a", LIMIT_MS) ||
	    initiator_open(&b, argv[1], "iqn.2025-01.test.sluice:b", LIMIT_MS)) {
		printf("no session: %s%s\n", a.error, b.error);
		return 2;
	}
	data = malloc((size_t)BLOCKS * a.block_bytes);
	other = malloc((size_t)BLOCKS * a.block_bytes);
	if (!data || !other)
		return 2;
	memset(data, FILL_A, (size_t)BLOCKS * a.block_bytes);
	find_naa();
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		try_type(&types[i]);
	printf("%d checks, %d deviations, %d commands the target does not have\n", checked,
	       deviations, unsupported);
	initiator_logout(&a, LIMIT_MS);
	initiator_logout(&b, LIMIT_MS);
	free(data);
	free(other);
	return deviations ? 1 : 0;
}
