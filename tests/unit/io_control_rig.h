/* SPDX-License-Identifier: MIT */
/*
 * io_control_rig.h - volumes of one slow datastore under the io_control plug-in, on a virtual
 * clock.
 *
 *     rig_open(&r, 4, 2000, 3);                 4 servers of 2 ms: 2,000 a second; 3 volumes
 *     rig_attach(&r, 0, "limit_iops=100");      io_control in the chain of volume 0
 *     rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=5000");
 *     rig_load(&r, 0, 32, SLUICE_OP_READ, 4096);   a client that keeps 32 I/Os under way
 *     rig_run_ms(&r, 1000);
 *     r.v[0].ended, rig_status(&r, 0), rig_group_status(&r)
 *     rig_close(&r);
 */
#ifndef TESTS_IO_CONTROL_RIG_H
#define TESTS_IO_CONTROL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "backend.h"
#include "chain.h"
#include "fake_env.h"
#include "groups.h"

#define RIG_VOLUMES 1000
#define RIG_DEPTH   64
#define RIG_SIZE    (1ull << 20)
#define MS          1000000ull

struct rig;

struct rig_volume {
	struct rig *rig;
	struct chain *c;
	struct backend *backend;
	struct chain_host host;
	uint8_t record[64]; /* the one that its filter keeps */
	size_t record_bytes;
	/* the client */
	uint32_t depth, under_way;
	enum sluice_op op;
	uint64_t len_bytes;
	uint64_t ended, failed, latency_ns, latency_max_ns;
};

struct rig {
	struct fake_env fe;
	struct groups *groups;
	const struct sluice_filter_ops *ops; /* io_control's */
	uint32_t count;
	struct rig_volume v[RIG_VOLUMES];
	struct err err;
	int result;
	char kinds[256]; /* of all reports, in order */
	char text[512];  /* of the last */
	json_t *status;
};

void rig_open(struct rig *r, uint32_t servers, uint32_t service_us, uint32_t volumes);
void rig_close(struct rig *r); /* ends the loads, drains, detaches; nothing may be left */

/* 0 or -errno; r->err. params: "a=1,b=2" or "". */
int rig_try_attach(struct rig *r, uint32_t v, const char *params);
void rig_attach(struct rig *r, uint32_t v, const char *params);
void rig_attach_other(struct rig *r, uint32_t v, const struct sluice_filter_ops *ops);
int rig_set(struct rig *r, uint32_t v, const char *params);
int rig_detach(struct rig *r, uint32_t v);
void rig_group(struct rig *r, const char *params);

/* From now on; depth 0: no more. */
void rig_load(struct rig *r, uint32_t v, uint32_t depth, enum sluice_op op, uint64_t len_bytes);
void rig_run_ms(struct rig *r, uint64_t ms);
void rig_forget(struct rig *r); /* what the clients have counted */
/* One I/O apart from the client; NULL once it has ended. */
struct sluice_io *rig_one(struct rig *r, uint32_t v, enum sluice_op op, uint64_t len_bytes);
extern struct sluice_io *rig_one_last; /* the last to end */

/* Valid until the next of the two. A dot goes one object down: "tags.share_us". */
int64_t rig_status(struct rig *r, uint32_t v, const char *member);
int64_t rig_group_status(struct rig *r, const char *member);
const char *rig_status_text(struct rig *r, uint32_t v, const char *member);
const char *rig_group_status_text(struct rig *r, const char *member);

#define T(name) cmocka_unit_test(name)

#endif
