/* SPDX-License-Identifier: MIT */
/*
 * reencrypt.h - how a volume changes what it is encrypted with, while it serves. Encrypt in place,
 * decrypt in place and deep rekey (a new DEK) are the same walk; they differ in what "above" and
 * "below" the watermark are.
 *
 *                     below                zone              above
 *     |===================================|#####|-----------------------------------|
 *     0                               watermark                                  size
 *
 *     kind       above              below              journal
 *     ENCRYPT    clear              DEK of "luks"      what the zone becomes (ciphertext): redo
 *     REKEY      DEK of "luks"      DEK of "luksnext"  what the zone becomes (ciphertext): redo
 *     DECRYPT    DEK of "luks"      clear              what the zone was (ciphertext): undo
 *
 * So nothing in clear is written but to the image of a volume that is to be in clear. Before and
 * after the walk the stock tools open the volume; during it they see two halves, and the sidecar
 * "reencrypt" (reencrypt_record.h) says where one ends.
 *
 * The steps of a zone, each complete before the next begins:
 *
 *   0 look     is there a hole? then it is the zone, up to 1 GiB of it, and there is
 *              nothing to be read; else so many bytes as the parameter says
 *   1 wait     I/O that touches the zone is held from now on; what is under way there ends first.
 *              All other I/O goes on. A hole is asked for once more, and goes straight to 5.
 *   2 read     own I/O below the filter, so through the cache. Sectors of zeros stay holes whatever
 *              the kind; a zone of nothing else goes straight to 5.
 *   3 journal  the zone's bytes and a record COPYING, on stable storage
 *   4 write    the zone, but for what is a hole
 *   5 flush    below it: whatever the layers below are, it is persistent then
 *   6 record   IDLE with the new watermark, on stable storage; then what was held goes on. Not
 *              before: a kill would bring the journal down over newer writes.
 *
 * Before 3 a failure ends the walk where it is. After it there is no way but forward: the step is
 * tried again each second, and I/O in the zone fails meanwhile, for nobody could say what is there.
 *
 * An I/O that lies on both sides of the watermark is done in two ways, half and half; the watermark
 * cannot pass it, since the next zone waits for it.
 *
 * Killed at any moment, the next child reads the newest whole record: IDLE, it goes on there;
 * COPYING, the journal goes down first (redo: the zone is below; undo: it is above), its holes as
 * zeros, since a power cut may have brought back what was unmapped; that takes no key. DONE, the
 * end is done again.
 *
 * Cancel turns the walk round: zones are taken from below the watermark; it ends at 0, and then the
 * volume is what it was. Grown space is holes, which are right on either side.
 *
 * Headers: a deep rekey first wraps the old DEK with the new KEK, so that one KEK opens both halves
 * after a restart, then formats "luksnext". At the end that is renamed to "luks", and the old one
 * is shredded. Each part of an end may be repeated after a kill.
 *
 * Invariants, looked at after each kill by tests/unit/test_encryption_reencrypt_kill.c:
 *   R1 every sector opens with exactly the key that (newest record, journal) names
 *   R2 the watermark on disk never passes a zone that is not persistent below
 *   R3 nothing is read or written in the zone between steps 1 and 6 but by the walk
 *   R4 an acknowledged write is never older than what recovery puts in its place
 *   R5 the journal holds no clear data
 *   R6 either header is on disk, whole, as long as one sector needs it
 *
 *     reencrypt.c        load and end
 *     reencrypt_begin.c  begin, the other commands, status
 *     reencrypt_walk.c   the steps
 *     reencrypt_look.c   holes
 *     reencrypt_pace.c   how fast
 *     reencrypt_map.c    which key where, what is held
 *     reencrypt_record.c the sidecar
 *
 * Thread: owner worker; headers on helpers.
 */
#ifndef ENCRYPTION_REENCRYPT_H
#define ENCRYPTION_REENCRYPT_H

#include <jansson.h>

#include "job.h"
#include "reencrypt_record.h"

enum reencrypt_phase {
	PHASE_PREPARING, /* a command makes headers; the volume is as before */
	PHASE_LOADING,   /* what the process before has left; all I/O is held */
	PHASE_WALKING,
	PHASE_ENDING, /* DONE is on its way to the disk, or there; headers change */
	PHASE_BROKEN, /* the sidecar cannot be read: nothing is served */
};

enum reencrypt_step {
	STEP_NONE,
	STEP_LOOK,
	STEP_WAIT,
	STEP_PROVE,
	STEP_READ,
	STEP_JOURNAL,
	STEP_WRITE,
	STEP_FLUSH,
	STEP_RECORD,
};

struct reencrypt {
	struct encryption *e;
	struct recorder recorder;
	enum reencrypt_kind kind;
	enum reencrypt_phase phase;
	bool is_backward, is_paused;
	bool wants_backward;        /* after the zone */
	bool holds_all;             /* I/O */
	char text[LUKS_TEXT_BYTES]; /* why it stands still */
	struct xts *next;           /* REKEY: the new key */
	uint64_t watermark_bytes, next_watermark_bytes;
	/* reencrypt_walk.c */
	enum reencrypt_step step;
	uint64_t zone_offset_bytes, zone_bytes; /* 0: there is no zone */
	uint64_t begun_ns;                      /* the zone, or its last try */
	/* When the zone before had ended, and what had been until then. */
	uint64_t seen_ns, seen_ios, seen_io_bytes;
	uint64_t at_bytes, run_bytes; /* of the zone, written */
	uint8_t *raw, *out;           /* the zone as it is, as it will be */
	const uint8_t *journal;       /* one of them */
	enum sluice_status failure;   /* not OK: I/O in the zone fails with it */
	bool is_to_be_tried_again;    /* the step has failed, nothing of it is under way */
	bool is_draining, holds_drain;
	bool has_journal; /* the zone */
	bool is_hole;     /* the zone, when it was looked at */
	bool must_zero;   /* its holes are written, too */
	/* reencrypt_look.c: a run of data that was found; where it is looked, and how often it was
	 */
	uint64_t data_bytes, data_end_bytes, look_bytes;
	uint32_t look_runs;
	struct sluice_own_io own;
	void (*own_ended)(struct sluice_own_io *own);
	bool is_own_under_way;
	bool is_working; /* a helper, at the end */
	struct sluice_timer timer;
	/* reencrypt_map.c */
	struct flight *first_held, *last_held;
	/* reencrypt.c */
	struct job *job; /* the command that has begun it, while PREPARING */
	struct sluice_work work;
	struct luks luks, luks_next; /* of the helper */
	struct luks_info header;
	int result;
};

/* ---------------------------------------------------------------- reencrypt_map.c, data path */

void flight_begin(struct encryption *e, struct flight *fl, struct sluice_io *io);
void flight_end(struct encryption *e, struct flight *fl);
/* I/O that touches the zone waits, or fails while the zone cannot be written. */
bool reencrypt_holds(const struct encryption *e, const struct sluice_io *io);
enum sluice_verdict reencrypt_hold(struct encryption *e, struct flight *fl, struct sluice_io *io);
/* The same for one that has its token already. */
void reencrypt_hold_on(struct encryption *e, struct flight *fl);
bool reencrypt_zone_is_free(const struct reencrypt *re);
void reencrypt_release_held(struct reencrypt *re);
void reencrypt_fail_held(struct reencrypt *re, enum sluice_status status);

struct xts *reencrypt_key_below(const struct reencrypt *re);
struct xts *reencrypt_key_above(const struct reencrypt *re);
/* As xts.h, with whatever is right there. */
bool map_is_clear(const struct encryption *e, uint64_t offset_bytes, uint64_t len_bytes);
int map_encrypt(const struct encryption *e, uint64_t offset_bytes, const void *from, void *to,
		uint64_t len_bytes);
int map_decrypt(const struct encryption *e, uint64_t offset_bytes, void *buf, uint64_t len_bytes);

/* ---------------------------------------------------------------- reencrypt_walk.c */

/* The next zone, the end, or a record that says what has changed; whatever can be done now. */
void walk_go(struct reencrypt *re);
void walk_flight_ended(struct reencrypt *re);
/* The journal of the process before goes down. */
void walk_recover(struct reencrypt *re);
void walk_drain(struct reencrypt *re, bool begin);
void walk_leave(struct reencrypt *re); /* it is about to be dropped */
/* What reencrypt_look.c has found. */
void walk_zone_of_data(struct reencrypt *re);
void walk_zone_of_hole(struct reencrypt *re, uint64_t offset_bytes, uint64_t len_bytes);
/* The step, or the next zone, after that time. */
void walk_timer_in(struct reencrypt *re, uint64_t ns);

/* ---------------------------------------------------------------- reencrypt_own.c */

/* One at a time; tried again while the pool is empty. -EOPNOTSUPP: a layer below cannot. */
int walk_submit(struct reencrypt *re, uint8_t op, uint64_t offset_bytes, uint64_t len_bytes,
		void *buf, void (*fn)(struct sluice_own_io *own));

/* ---------------------------------------------------------------- reencrypt_look.c */

/* Nothing has to be asked at the watermark. */
bool look_is_known_data(const struct reencrypt *re);
/* Ends in one of walk_zone_of_*(). */
void look_begin(struct reencrypt *re);
void look_again(struct reencrypt *re);

/* ---------------------------------------------------------------- reencrypt.c */

#define UNIT_BYTES 4096u /* of what is left out because it is a hole */

#define REENCRYPT_STORE_CLEAR "clear"     /* '1': the volume was decrypted, or never encrypted */
#define REENCRYPT_STORE_KEY   "reencrypt" /* not '0': there is a sidecar, of this kind */
#define REENCRYPT_NEXT_KEY    "deknext"

int reencrypt_new(struct encryption *e, struct reencrypt **out, struct sluice_error *err);
void reencrypt_free(struct reencrypt *re);
int reencrypt_put_flag(struct encryption *e, const char *key, bool is);
int reencrypt_put_kind(struct encryption *e, enum reencrypt_kind kind);
/* Room for a zone, which may be in clear: in no core file. NULL: no memory. */
void *zone_new(void);
void zone_free(void *zone); /* and wipes */

/* Of attach(): is a walk under way, or is the volume served in clear? */
int reencrypt_attach(struct encryption *e, struct sluice_error *err);
void reencrypt_detach(struct encryption *e);
/* Forgets the walk as it is: another side goes on with it. False: something of it is under way, ask
 * again. The volume is closed. */
bool reencrypt_drop(struct encryption *e);
/* The header has been looked at, or the key came: what could not be done may be done now. */
void reencrypt_look_around(struct encryption *e);
/* DONE is to be recorded. */
void reencrypt_end(struct reencrypt *re);

/* ---------------------------------------------------------------- reencrypt_begin.c */

const char *reencrypt_kind_word(enum reencrypt_kind kind);
/* Of jobs, see command.c. */
int reencrypt_check_encrypt(struct job *j, const json_t *args, struct sluice_error *err);
int reencrypt_check_decrypt(struct job *j, const json_t *args, struct sluice_error *err);
int reencrypt_check_rekey(struct job *j, const json_t *args, struct sluice_error *err);
void reencrypt_prepare(struct job *j);
void reencrypt_begun(struct job *j);
void reencrypt_failed(struct job *j);
int reencrypt_run_rekey(struct job *j);
int reencrypt_run_decrypt(struct job *j);
/* The header of a deep rekey that is not in its place yet. */
int reencrypt_next_paths(const struct encryption *e, struct luks *out);
bool reencrypt_has_next(const struct encryption *e);
/* It is paused, and says so on the disk. */
bool reencrypt_rests(const struct encryption *e);
void reencrypt_forget_next(struct encryption *e);
/* After unlock: the second key. 0 or -errno. */
int reencrypt_take_next(struct encryption *e, struct kept *next);
/* "reencrypt_pause", "reencrypt_resume", "reencrypt_cancel", "reencrypt_status". */
int reencrypt_command(struct encryption *e, const char *name, struct sluice_error *err);
json_t *reencrypt_status(const struct encryption *e);

#endif
