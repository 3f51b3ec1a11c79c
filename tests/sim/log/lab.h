/* SPDX-License-Identifier: MIT */
/*
 * lab.h - one volume's record log under test: its devices, the process that has it open, what it
 * must hold, and the first rule that was broken.
 *
 *     lab_begin()                  a seed: empty devices
 *     lab_boot()                   a process: journal down, log open; may die on the way
 *     ... actor_*() ...            load
 *     lab_kill(), lab_power_cut()  the process dies
 *     lab_boot(), lab_check()      what is there is a prefix that holds what was acknowledged
 *
 * Thread: one.
 */
#ifndef SIM_LOG_LAB_H
#define SIM_LOG_LAB_H

#include "log_env.h"
#include "oracle.h"
#include "rlog_open.h"
#include "watch.h"

#define LAB_BLOCK_BYTES 128u
#define LAB_SINK_IOS    16u

struct lab_options {
	uint32_t log_blocks, journal_blocks; /* of the files */
	uint32_t record_blocks, reserve_blocks;
	uint32_t checkpoint_blocks; /* appended between two checkpoints; 0: none */
	uint32_t sector_bytes;
	uint32_t sink_ios;
	bool is_journaled, is_in_order, has_slow_reads;
	bool has_durable_writes;
	bool is_sealed;        /* both logs: seal.c */
	uint32_t sink_now_pct; /* of the sink's I/O ends before submit() returns */
};

/* How a phase of a process ended. */
enum lab_end {
	LAB_DONE,
	LAB_CRASHED, /* the crash point was reached: kill it */
	LAB_REFUSED, /* the log did not open: lab->opened says why */
	LAB_FAILED,  /* a rule is broken: lab->failure */
};

struct lab_seal {
	struct sluice_rlog_seal hooks;
	uint32_t which;
};

struct lab_sink_io {
	struct env_io io;
	struct sluice_rlog_sink_io *of;
	struct lab *lab;
};

struct lab {
	struct rng rng;
	struct device devices[DEVICE_COUNT];
	struct log_env env;
	struct lab_options opt;
	struct oracle oracle;
	struct watch watch;
	/* the process */
	struct sluice_rlog *log, *journal;
	struct sluice_rlog_sink sink, journal_sink;
	struct lab_sink_io sink_ios[LAB_SINK_IOS];
	uint32_t sink_busy;
	struct lab_seal seals[2]; /* DEVICE_LOG, DEVICE_JOURNAL */
	struct sluice_rlog_opened opened, journal_opened;
	bool is_open_done, is_done; /* of what is awaited */
	uint64_t crash_at;          /* step of the process; 0: it does not die */
	uint64_t generation;
	uint8_t owner;
	/* A process died, or failed, while it destaged: until the tail has passed this record the
	 * datastore may be ahead of itself. UINT64_MAX: the next process finds out. */
	uint64_t cut_seq;
	bool was_clean; /* the last process closed the log and said so */
	bool has_log;   /* it was made once, completely */
	/* the story */
	uint64_t seed;
	uint64_t recoveries;
	bool is_verbose, has_failed;
	bool is_blind; /* nobody watches the order of I/O: what is found after a crash must tell */
	bool is_rot_expected, has_met_rot; /* an error of a checksum is right */
	char failure[400];
};

void lab_begin(struct lab *l, uint64_t seed, const struct lab_options *opt);
void lab_begin_process(struct lab *l);
enum lab_end lab_boot(struct lab *l);
/* Only as far as the journal is brought down; there is no main log. */
enum lab_end lab_boot_journal(struct lab *l);
/* Steps until *is_done. An env with nothing left to do is a hang, and breaks a rule. */
enum lab_end lab_await(struct lab *l, const bool *is_done);
/* Closes the logs and waits for it. */
enum lab_end lab_close(struct lab *l);
void lab_kill(struct lab *l);
/* Of the writes under way exactly the sectors that mask names land. */
void lab_kill_exactly(struct lab *l, uint64_t mask);
void lab_power_cut(struct lab *l);
/* What the volume would read, through the log; no crash happens meanwhile. */
enum lab_end lab_observe(struct lab *l, struct oracle_state *out);
/* W9 after a boot: the state found becomes the history's end. */
enum lab_end lab_check(struct lab *l, bool is_power_cut);
/* The datastore as it is, without any log. */
void lab_sink_state(const struct lab *l, struct oracle_state *out);

const char *lab_found_name(enum sluice_rlog_found found);
void lab_fail(struct lab *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lab_say(struct lab *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* seal.c */
const struct sluice_rlog_seal *lab_seal_of(struct lab *l, enum log_env_device which);
/* Of a block as it is on the medium of a log. */
uint32_t lab_medium_version(const struct lab *l, const void *data, uint32_t block);

/* sink.c */
void sink_init(struct lab *l);
enum lab_end sink_flush(struct lab *l);

#endif
