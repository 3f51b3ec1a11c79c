/* SPDX-License-Identifier: MIT */
/*
 * fake_tgtd.h - tgtd's management socket as 1.0.85 has it, on a thread, with targets, logical
 * units, accounts and access lists in memory; and with the faults that a test asks for.
 *
 * Like the real one it ends when a target's list of accounts is printed with a hole in it: then
 * fake_tgtd_has_died().
 *
 * Thread: the test's; the fake has its own.
 */
#ifndef TESTS_FAKE_TGTD_H
#define TESTS_FAKE_TGTD_H

#include <stdbool.h>
#include <stdint.h>

struct fake_tgtd;

enum fake_fault {
	FAKE_FINE,
	FAKE_SILENT,     /* takes the request and never answers */
	FAKE_CLOSES,     /* ends the connection instead of answering */
	FAKE_CUT_HEAD,   /* 4 bytes of an answer */
	FAKE_CUT_BODY,   /* announces more than it sends */
	FAKE_BAD_LENGTH, /* announces less than a head */
};

/* path: the socket's. */
struct fake_tgtd *fake_tgtd_start(const char *path);
void fake_tgtd_stop(struct fake_tgtd *f); /* frees */

void fake_tgtd_fault(struct fake_tgtd *f, enum fake_fault fault);
/* Requests of this mode and op are refused with tgtd's error code; 0: none any more. */
void fake_tgtd_refuse(struct fake_tgtd *f, uint32_t mode, uint32_t op, uint32_t code);
bool fake_tgtd_has_died(struct fake_tgtd *f);
uint32_t fake_tgtd_requests(struct fake_tgtd *f); /* that changed something */
/* What it prints of its targets. Caller frees. */
char *fake_tgtd_show(struct fake_tgtd *f);
/* The last request's arguments. Caller frees. */
char *fake_tgtd_last_args(struct fake_tgtd *f);
/* A session that an initiator opened. */
void fake_tgtd_add_session(struct fake_tgtd *f, const char *iqn, uint32_t sid,
			   const char *initiator);

#endif
