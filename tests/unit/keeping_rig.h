/* SPDX-License-Identifier: MIT */
/*
 * keeping_rig.h - a volume on a virtual clock whose filter "cache" keeps dirty data, and another
 * one above it; who was called is one string.
 */
#ifndef TESTS_KEEPING_RIG_H
#define TESTS_KEEPING_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "volume.h"
#include "volume_rig.h"

#define MS 1000000ull

struct answer {
	uint32_t count;
	int result;
	struct err err;
	json_t *reply;
};

extern struct fake_env fe;
extern struct volume *volume;
extern struct sluice_filter *cache; /* the handle */
extern char calls[512];
extern char last_event[64];
/* What the filter answers and does; plain after the set-up. */
extern int settle_result, attach_result, delete_result;
extern bool works_in_attach, owns_in_attach;
extern int point_results[4];       /* of snapshots, reverts and clones, by phase */
extern bool has_layers;            /* of the next volume: the test has backend_layers */
extern bool is_sealed, is_missing; /* the record of "cache"; its plug-in */

#define expect(text)                                                                               \
	do {                                                                                       \
		assert_string_equal(calls, text);                                                  \
		calls[0] = '\0';                                                                   \
	} while (0)

/* A volume_done_fn and a volume_command_fn; ctx is a struct answer. */
void keeping_done(void *ctx, int result, const struct err *err);
void keeping_commanded(void *ctx, int result, json_t *reply, const struct err *err);

int keeping_set_up(void **state);
int keeping_tear_down(void **state);
void keeping_open(void);
void keeping_close(void);
/* A text of volume_status(), or "(nothing)". */
const char *keeping_status(const char *key);

#define TEST(name) cmocka_unit_test_setup_teardown(name, keeping_set_up, keeping_tear_down)

#endif
