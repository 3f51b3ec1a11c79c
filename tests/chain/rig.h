/* SPDX-License-Identifier: MIT */
/*
 * rig.h - a chain with a scripted backend and scripted filters, and a log of who was called in what
 * order.
 *
 * The log is one string: "A>" is A's submit(), "A<" its done(), "=" the backend's submit, "!" the
 * end of an I/O at the top; words for the rest ("A.drain+", "A.prepare", "A.abort", "A.settle+").
 *
 *     struct rig r;
 *     rig_open(&r);
 *     struct t_filter *a = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
 *     rig_attach(&r, a);
 *     struct sluice_io *io = rig_io(&r, SLUICE_OP_READ, 0, 4096);
 *     rig_submit(&r, io);
 *     rig_expect(&r, "A>=A<!");
 *     rig_close(&r);
 */
#ifndef TESTS_CHAIN_RIG_H
#define TESTS_CHAIN_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend.h"
#include "chain.h"
#include "fake_env.h"

#define RIG_FILTERS 12
#define RIG_IOS     64
#define RIG_SIZE    (1ull << 30)
#define MS          1000000ull

struct rig;

/* How a scripted filter breaks the rules. */
enum lie {
	LIE_NONE,
	LIE_NO_TOKEN,        /* DEFER without one */
	LIE_TOKEN_AND_PASS,  /* a token, and PASS */
	LIE_RESUME_AND_PASS, /* a token, resumed at once, and PASS */
	LIE_RESUME_INSIDE,   /* a token, resumed at once, and DEFER: no lie at all */
};

struct t_filter {
	struct sluice_filter_ops ops; /* first */
	struct rig *rig;
	struct sluice_filter *f; /* while attached */
	enum sluice_verdict on_submit, on_done;
	enum sluice_status status; /* for FAIL */
	enum lie lie;
	uint32_t deadline_ms;
	bool resumes_on_drain, resumes_on_abort;
	int attach_result, prepare_result, reconfigure_result;
	int settle_result; /* of BEGIN; after rig_settles() */
	int held_result;   /* of a point */
	int leave_result;  /* of SLUICE_EVENT_DETACH */
	bool holds_drain;
	struct sluice_token *tokens[RIG_IOS]; /* those taken, in order; the test finishes them */
	uint32_t token_count, refused_count;
	const union sluice_value *values;
	void (*on_submit_hook)(struct t_filter *t, struct sluice_io *io);
};

struct t_backend {
	struct backend b; /* first */
	struct rig *rig;
	struct backend_ops ops;
	bool is_manual; /* I/Os wait for rig_end() */
	struct sluice_io *pending[RIG_IOS];
	uint32_t pending_count;
	enum sluice_status status;
	int grow_result;
};

struct rig {
	struct fake_env fe;
	struct t_backend be;
	struct chain_host host;
	struct chain *c;
	struct t_filter *filters[RIG_FILTERS];
	uint32_t filter_count;
	char log[4096];
	uint32_t ended; /* I/Os */
	enum sluice_status last_status;
	uint32_t done_count; /* control results */
	int result;
	struct err err;
	uint32_t reports;
	char report_filter[64], report_kind[64], report_text[512];
	char blame[64];
};

void rig_open(struct rig *r);
void rig_open_with(struct rig *r, uint32_t max_ios, uint32_t backend_op_mask);
void rig_close(struct rig *r); /* drains, detaches all, destroys */

/* From its attachment on t is one that keeps dirty data. */
void rig_settles(struct t_filter *t);
struct t_filter *rig_filter(struct rig *r, const char *name, enum sluice_class cls);
void rig_attach(struct rig *r, struct t_filter *t);
/* 0 or -errno; r->err. */
int rig_try_attach(struct rig *r, struct t_filter *t, enum on_failure on_failure);
int rig_detach(struct rig *r, const char *name);
int rig_drain(struct rig *r); /* settles; -EINPROGRESS while it is on */
void rig_control_done(void *ctx, int result, const struct err *err);

struct sluice_io *rig_io(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			 uint64_t len_bytes);
void rig_submit(struct rig *r, struct sluice_io *io);
/* Gets, submits: for when the I/O itself does not matter. It is put when it ends. */
void rig_go(struct rig *r, enum sluice_op op);
/* The oldest I/O at the backend ends. */
void rig_end(struct rig *r, enum sluice_status status);
struct sluice_token *rig_token(struct t_filter *t); /* the oldest not yet handed out */

void rig_log(struct rig *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Compares the log and empties it. */
#define rig_expect(r, text)                                                                        \
	do {                                                                                       \
		assert_string_equal((r)->log, text);                                               \
		(r)->log[0] = '\0';                                                                \
	} while (0)
#define rig_expect_report(r, kind, filter)                                                         \
	do {                                                                                       \
		fake_env_settle(&(r)->fe);                                                         \
		assert_string_equal((r)->report_kind, kind);                                       \
		assert_string_equal((r)->report_filter, filter);                                   \
		(r)->report_kind[0] = '\0';                                                        \
	} while (0)
#define rig_expect_quiet(r)                                                                        \
	do {                                                                                       \
		fake_env_settle(&(r)->fe);                                                         \
		assert_string_equal((r)->report_kind, "");                                         \
	} while (0)

#endif
