/* SPDX-License-Identifier: MIT */
/*
 * encryption_rig.h - one volume on memory under the encryption plug-in, on a virtual clock.
 *
 *     rig_open(&r, 512, "");              attached; the filter has looked for its header
 *     rig_format(&r);                     with the key 'a'; rig_command() for the rest
 *     rig_write(&r, offset, len, seed);   status of the I/O; rig_check() reads and compares
 *     rig_restart(&r);                    a new chain on the same image, header and keyring
 *     rig_close(&r);
 */
#ifndef TESTS_ENCRYPTION_RIG_H
#define TESTS_ENCRYPTION_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "backend.h"
#include "chain.h"
#include "fake_env.h"

#define RIG_SIZE    (256ull << 20)
#define RIG_BUF     (40ull << 20)
#define RIG_SECRETS 4
#define MS          1000000ull
#define T(name)     cmocka_unit_test(name)

struct rig {
	struct fake_env fe;
	struct backend *backend;
	struct chain *c;
	struct chain_host host;
	char folder[64];
	uint32_t block_bytes;
	char params[128];
	uint32_t position; /* of the encryption; 0: its class's */
	struct {
		char name[64];
		uint8_t secret[256];
		size_t bytes;
	} secrets[RIG_SECRETS];
	struct {
		char key[33], value; /* the filter's records have one byte */
	} records[4];
	int key_put_result; /* not 0: the keyring refuses */
	int result;
	struct err err;
	char reply[4096], kinds[512], text[512];
	enum sluice_status ready;
	uint32_t ended; /* I/Os */
	uint8_t last_status;
	uint8_t *buf, *check;
};

void rig_open(struct rig *r, uint32_t block_bytes, const char *params);
int rig_try_attach(struct rig *r, const char *params);
int rig_set(struct rig *r, const char *params);
int rig_detach(struct rig *r);
/* Any filter, anywhere; position 0: its class's. */
void rig_attach_other(struct rig *r, const struct sluice_filter_ops *ops);
/* inject below the encryption, with these parameters; NULL: away. */
void rig_inject(struct rig *r, const char *params);
void rig_inject_above(struct rig *r, const char *params);
void rig_restart(struct rig *r);
void rig_close(struct rig *r);
void rig_remove(struct rig *r, const char *suffix); /* a sidecar */

/* How an event or a command with its own arguments ended: their ctx and fn. */
struct rig_ending {
	int result;
	char text[384];
};
void rig_ended(void *ctx, int result, const struct err *err);
/* All that is due, time included, until the answer is there. */
int rig_settle(struct rig *r);
/* keks: so many keys of 32 equal letters, "ab". 0 or -errno; r->reply, r->err. */
int rig_command(struct rig *r, const char *name, const char *args, const char *keks);
void rig_format(struct rig *r);
const char *rig_state(struct rig *r);
int64_t rig_figure(struct rig *r, const char *member);

struct sluice_io *rig_start(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			    uint64_t len_bytes, void *buf);
enum sluice_status rig_io(struct rig *r, enum sluice_op op, uint64_t offset_bytes,
			  uint64_t len_bytes, void *buf);
void rig_fill(uint8_t *buf, uint64_t len_bytes, uint32_t seed);
enum sluice_status rig_write(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes,
			     uint32_t seed);
void rig_check(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes, uint32_t seed);
void rig_check_zeros(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes);
/* What lies on the backend itself. */
void rig_raw(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes, void *buf);

#endif
