/* SPDX-License-Identifier: MIT */
/*
 * glue_seal.c - the group's logs are sealed for volumes that are encrypted below.
 *
 * Replication above an encryption sees clear data, and what its logs hold of such a volume must not
 * be clear. Each of these volumes has a random key for each log, made by its encryption when the
 * group is opened for the first time, and kept wrapped in the volume's own store (sluice/seal.h);
 * so one log may hold blocks of several volumes, each under a key of its own, and of volumes that
 * are in clear or encrypted above, as they are.
 *
 * The tweak is the block's number and its place in the circle. The same block comes to the same
 * place again now and then; whoever has looked at the medium both times sees then whether the same
 * 16 bytes were written to the same place of the volume, which the volume's own ciphertext shows
 * each time that it is written.
 *
 *     seals    leader's record: which members have sealed blocks in the logs. Never changes, since
 *              a log with blocks of both kinds of one volume could not be read.
 *     seal     each member's record: whose group, and the wrapped keys.
 *
 * While one of these volumes is locked the group waits, closed: nothing is read from its logs,
 * nothing comes in. If one is locked while the group is open, the group stops.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "glue.h"

_Static_assert(REPL_LOGS <= SLUICE_SEAL_KEYS, "a key for each log");

#define SEALS "seals"
#define SEAL  "seal"

struct seals_record {
	uint32_t version; /* 1 */
	uint32_t reserved;
	uint64_t members; /* bits */
};

struct seal_record {
	uint32_t version; /* 1 */
	uint32_t reserved;
	uint8_t group_uuid[16];
	uint8_t wrapped[SLUICE_SEAL_WRAP_BYTES];
};
#define SEAL_RECORD_HEAD offsetof(struct seal_record, wrapped)

/* ---------------------------------------------------------------- the logs' blocks */

static void tweak_of(uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES], uint64_t block, uint32_t place)
{
	for (uint32_t i = 0; i < 8; i++)
		tweak[i] = (uint8_t)(block >> 8 * i);
	for (uint32_t i = 0; i < 4; i++)
		tweak[8 + i] = (uint8_t)(place >> 8 * i);
	memset(tweak + 12, 0, SLUICE_SEAL_TWEAK_BYTES - 12);
}

/* False: the block is no sealed volume's. Numbers come from a medium, whose checksums anybody can
 * compute. */
static bool is_sealed(const struct glue_group *gg, uint64_t block, struct sluice_seal **s)
{
	uint64_t member = block >> REPL_LOG_MEMBER_SHIFT;

	if (member >= REPL_MEMBERS_MAX || !(gg->sealed >> member & 1))
		return false;
	*s = gg->seals[member];
	return true;
}

static int seal_block(void *ctx, uint64_t block, uint32_t place, const void *from, void *to)
{
	const struct glue_log_seal *l = ctx;
	struct sluice_seal *s = NULL;
	uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES];

	if (!is_sealed(l->gg, block, &s)) {
		memcpy(to, from, SLUICE_RLOG_BLOCK_BYTES);
		return 0;
	}
	tweak_of(tweak, block, place);
	return s ? sluice_seal_put(s, l->which, tweak, from, to, SLUICE_RLOG_BLOCK_BYTES) : -ENOKEY;
}

static int open_block(void *ctx, uint64_t block, uint32_t place, void *buf)
{
	const struct glue_log_seal *l = ctx;
	struct sluice_seal *s = NULL;
	uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES];

	if (!is_sealed(l->gg, block, &s))
		return 0;
	tweak_of(tweak, block, place);
	return s ? sluice_seal_get(s, l->which, tweak, buf, SLUICE_RLOG_BLOCK_BYTES) : -ENOKEY;
}

const struct sluice_rlog_seal *glue_seal_of(struct glue_group *gg, enum repl_log which)
{
	struct glue_log_seal *l = &gg->log_seals[which];

	if (!gg->sealed)
		return NULL;
	*l = (struct glue_log_seal){
	    .hooks = {.seal = seal_block, .open = open_block, .ctx = l}, .gg = gg, .which = which};
	return &l->hooks;
}

/* ---------------------------------------------------------------- a member's keys */

/* -ENOENT: none of this group. */
static int record_get(const struct glue_volume *v, struct seal_record *r, size_t *wrapped_bytes)
{
	size_t n = 0;
	int rc = sluice_store_get(v->f, SEAL, r, sizeof(*r), &n);

	if (rc < 0)
		return rc;
	if (n <= SEAL_RECORD_HEAD || r->version != 1 ||
	    memcmp(r->group_uuid, v->p.group_uuid, 16) != 0)
		return -ENOENT;
	*wrapped_bytes = n - SEAL_RECORD_HEAD;
	return 0;
}

static int record_put(const struct glue_volume *v, const struct sluice_seal *s)
{
	struct seal_record r = {.version = 1};
	size_t n = 0;
	int rc = sluice_seal_wrap(v->f, s, r.wrapped, &n);

	memcpy(r.group_uuid, v->p.group_uuid, 16);
	return rc ? rc : sluice_store_put(v->f, SEAL, &r, SEAL_RECORD_HEAD + n);
}

static int keys_read(const struct glue_volume *v, struct sluice_seal **out)
{
	struct seal_record r;
	size_t n = 0;
	int rc = record_get(v, &r, &n);

	return rc ? rc : sluice_seal_open(v->f, r.wrapped, n, out);
}

static int say_why(const struct glue_volume *v, int rc, struct sluice_error *err)
{
	const char *name = sluice_volume_name(v->f);

	if (rc == -ENOENT || rc == -EKEYREJECTED || rc == -EINVAL)
		snprintf(err->text, sizeof(err->text),
			 "what the group's logs hold of volume '%.60s' is sealed, and the volume's "
			 "key does not open the keys for it; take the replication away, and set it "
			 "up anew",
			 name);
	else
		snprintf(err->text, sizeof(err->text),
			 "the keys that seal the group's logs for volume '%.60s' cannot be had: "
			 "error %d",
			 name, -rc);
	return rc;
}

/* New ones only while the logs hold nothing. */
static int keys_get(struct glue_group *gg, const struct glue_volume *v, bool is_new,
		    struct sluice_error *err)
{
	struct sluice_seal **s = &gg->seals[v->p.member];
	int rc = keys_read(v, s);

	if (rc == 0) {
		/* Maybe still wrapped by a key that is no more; that does no harm. */
		(void)record_put(v, *s);
		return 0;
	}
	if (!is_new || (rc != -ENOENT && rc != -EKEYREJECTED && rc != -EINVAL))
		return say_why(v, rc, err);
	rc = sluice_seal_make(v->f, s);
	if (rc == 0)
		rc = record_put(v, *s);
	return rc ? say_why(v, rc, err) : 0;
}

/* ---------------------------------------------------------------- the group */

/* A walk of the encryption's that has begun alone is not in the companion. Only the leader's volume
 * can tell whether there is one; the others' companions are in its file. */
int glue_seal_check(struct sluice_filter *f, bool is_leader, struct sluice_error *err)
{
	char path[512];
	bool is_above = sluice_filter_place(f, SLUICE_CLASS_ENCRYPTION) < 0;
	bool is_changing = sluice_seal_state(f) == SLUICE_SEAL_CHANGING;

	if (is_above && is_leader && !glue_annex_exists(f) &&
	    sluice_sidecar_path(f, "reencrypt", path, sizeof(path)) == 0)
		is_changing = access(path, F_OK) == 0;
	if (!is_changing)
		return 0;
	snprintf(err->text, sizeof(err->text),
		 "what the volume is encrypted with is being changed; replicate it when that has "
		 "ended");
	return -EBUSY;
}

void glue_seal_report(struct glue_group *gg)
{
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++)
		if (gg->members[m] && sluice_seal_state(gg->members[m]->f) == SLUICE_SEAL_LOCKED)
			sluice_report(
			    gg->members[m]->f, "replication_waits_for_keys",
			    "the volume is locked, and what its group's logs hold of it "
			    "cannot be read: the group waits, and nothing of it is served "
			    "or received before the volume is unlocked");
}

bool glue_seal_waits(const struct glue_group *gg)
{
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		enum sluice_seal_state s =
		    gg->members[m] ? sluice_seal_state(gg->members[m]->f) : SLUICE_SEAL_NONE;

		if (s == SLUICE_SEAL_LOCKED || s == SLUICE_SEAL_CHANGING)
			return true;
	}
	return false;
}

static bool has_record(const struct glue_group *gg, const char *key, void *data, size_t size_bytes)
{
	size_t n = 0;

	return sluice_store_get(gg->f, key, data, size_bytes, &n) == 0 && n == size_bytes;
}

static int check_members(uint64_t now, uint64_t noted, struct sluice_error *err)
{
	if (now == noted)
		return 0;
	snprintf(
	    err->text, sizeof(err->text),
	    "a volume of the group was encrypted or decrypted since its replication was set up, "
	    "and what the logs hold of it does not fit any more; take the replication away, "
	    "and set it up anew");
	return -EINVAL;
}

int glue_seal_open(struct glue_group *gg, struct sluice_error *err)
{
	struct seals_record r = {0};
	struct track_head {
		uint32_t words[2];
	} track;
	size_t n = 0;
	bool has = has_record(gg, SEALS, &r, sizeof(r)), is_new;
	uint64_t sealed = 0;
	int rc;

	/* Too little room for the record says that it is there as well. */
	rc = sluice_store_get(gg->f, "track", &track, sizeof(track), &n);
	is_new = !has && (rc == -ENOENT || (rc == 0 && n == 0));
	for (uint32_t m = 0; m < gg->leader->p.members; m++)
		if (sluice_seal_state(gg->members[m]->f) != SLUICE_SEAL_NONE)
			sealed |= 1ull << m;
	rc = is_new ? 0 : check_members(sealed, r.members, err);
	for (uint32_t m = 0; m < gg->leader->p.members && rc == 0; m++)
		if (sealed >> m & 1)
			rc = keys_get(gg, gg->members[m], is_new, err);
	if (rc == 0 && is_new && sealed) {
		r = (struct seals_record){.version = 1, .members = sealed};
		rc = sluice_store_put(gg->f, SEALS, &r, sizeof(r));
		if (rc < 0)
			snprintf(err->text, sizeof(err->text),
				 "which volumes' blocks are sealed could not be noted");
	}
	gg->sealed = sealed;
	if (rc < 0)
		glue_seal_close(gg);
	return rc;
}

void glue_seal_close(struct glue_group *gg)
{
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		sluice_seal_close(gg->seals[m]);
		gg->seals[m] = NULL;
	}
}

void glue_seal_forget(struct glue_group *gg)
{
	(void)sluice_store_put(gg->f, SEALS, "", 0);
}

/* ---------------------------------------------------------------- what the encryption says */

static void look(struct sluice_timer *t)
{
	glue_keys_changed(t->ctx);
}

void glue_seal_look(struct glue_group *gg, uint64_t after_ns)
{
	gg->key_timer.fn = look;
	gg->key_timer.ctx = gg;
	sluice_group_timer_set(gg->set, &gg->key_timer, sluice_group_now_ns(gg->set) + after_ns);
}

static void changed(struct sluice_filter *f)
{
	glue_seal_look(((struct glue_volume *)sluice_state(f))->gg, 0);
}

static int rekeyed(struct sluice_filter *f)
{
	struct glue_volume *v = sluice_state(f);
	struct sluice_seal *s = v->gg->seals[v->p.member];
	int rc;

	if (s)
		return record_put(v, s);
	rc = keys_read(v, &s);
	if (rc == -ENOENT || rc == -EKEYREJECTED || rc == -EINVAL)
		return 0; /* none that this volume's key opens */
	if (rc == 0)
		rc = record_put(v, s);
	sluice_seal_close(s);
	return rc;
}

void glue_seal_attach(struct glue_volume *v)
{
	sluice_seal_use(v->f, changed, rekeyed);
}
