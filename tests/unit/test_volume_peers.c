/* SPDX-License-Identifier: MIT */
/* I/O between volumes of different workers: two virtual workers, turned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "peers.h"
#include "volume_rig.h"

static struct fake_env asker, owner;
static struct peers peers;
static struct peers_port port;
static struct peers_entry entry;
static struct chain *chain;
static struct serve *serve;
static uint32_t ended, removed;
static enum sluice_status last_status;
static uint8_t buf[4096];

static void report(void *ctx, const char *filter, const char *kind, const char *text) {}

static const struct chain_host chain_host = {.report = report};

static int set_up(void **state)
{
	struct chain_cfg cc = {.env = &owner.env,
			       .volume = "b",
			       .block_bytes = 512,
			       .max_ios = 32,
			       .host = &chain_host};
	struct serve_cfg sc = {
	    .env = &owner.env, .volume = "b", .block_bytes = 512, .max_ios = 32, .uuid = {4, 5, 6}};

	rig_backend_reset();
	fake_env_init(&asker, 1);
	fake_env_init(&owner, 2);
	cc.backend = &rig_backend.base;
	assert_int_equal(chain_create(&cc, &chain, NULL), 0);
	sc.chain = chain;
	assert_int_equal(serve_create(&sc, &serve, NULL), 0);
	peers_init(&peers);
	peers_port_init(&port, &peers, &asker.env);
	entry = (struct peers_entry){.env = &owner.env,
				     .lun = serve_lun(serve),
				     .size_bytes = RIG_SIZE_BYTES,
				     .block_bytes = 512};
	scsi_naa_from_uuid(sc.uuid, entry.naa);
	peers_add(&peers, &entry);
	ended = removed = 0;
	return 0;
}

static void on_removed(void *ctx)
{
	removed++;
}

static int tear_down(void **state)
{
	if (!entry.is_removed)
		peers_remove(&entry, on_removed, NULL);
	fake_env_settle(&owner);
	assert_int_equal(removed, 1);
	serve_destroy(serve);
	fake_env_settle(&owner);
	chain_destroy(chain);
	peers_fini(&peers);
	fake_env_fini(&asker);
	fake_env_fini(&owner);
	return 0;
}

static void on_ended(void *ctx, enum sluice_status status)
{
	ended++;
	last_status = status;
}

static void ask(uint8_t op, uint64_t offset_bytes)
{
	port.serve.io(port.serve.ctx, op, entry.naa, offset_bytes, sizeof(buf), buf, on_ended,
		      NULL);
}

static void turn_both(void)
{
	fake_env_settle(&owner);
	fake_env_settle(&asker);
}

static void volume_is_found_by_its_naa_with_its_size(void **state)
{
	uint8_t other[16] = {0};
	uint64_t size = 0;
	uint32_t block = 0;

	assert_true(port.serve.find(port.serve.ctx, entry.naa, &size, &block));
	assert_int_equal(size, RIG_SIZE_BYTES);
	assert_int_equal(block, 512);
	peers_set_size(&entry, 4096);
	assert_true(port.serve.find(port.serve.ctx, entry.naa, &size, &block));
	assert_int_equal(size, 4096);
	assert_false(port.serve.find(port.serve.ctx, other, &size, &block));
}

static void io_runs_on_the_owner_and_ends_on_the_asker(void **state)
{
	memset(rig_backend.data + 8192, 0x3c, 4096);
	ask(SLUICE_OP_READ, 8192);
	assert_int_equal(rig_backend.submits, 0);
	fake_env_settle(&owner);
	assert_int_equal(rig_backend.submits, 1);
	assert_int_equal(ended, 0);
	fake_env_settle(&asker);
	assert_int_equal(ended, 1);
	assert_int_equal(last_status, SLUICE_OK);
	assert_int_equal(buf[4095], 0x3c);
	memset(buf, 0x99, sizeof(buf));
	ask(SLUICE_OP_WRITE, 0);
	turn_both();
	assert_int_equal(ended, 2);
	assert_int_equal(rig_backend.data[4095], 0x99);
}

static void removal_waits_for_io_on_the_way_and_refuses_new(void **state)
{
	rig_backend.is_holding = true;
	ask(SLUICE_OP_READ, 0);
	fake_env_settle(&owner);
	peers_remove(&entry, on_removed, NULL);
	ask(SLUICE_OP_READ, 0);
	assert_int_equal(ended, 1);
	assert_int_equal(last_status, SLUICE_ERR_NOT_READY);
	turn_both();
	assert_int_equal(removed, 0);
	rig_backend_end();
	turn_both();
	assert_int_equal(removed, 1);
	assert_int_equal(ended, 2);
	assert_int_equal(last_status, SLUICE_OK);
}

static void one_io_too_many_is_told_to_come_again(void **state)
{
	for (uint32_t i = 0; i < PEERS_PORT_OPS; i++)
		ask(SLUICE_OP_READ, i * 4096);
	assert_int_equal(ended, 0);
	ask(SLUICE_OP_READ, 0);
	assert_int_equal(ended, 1);
	assert_int_equal(last_status, SLUICE_ERR_BUSY);
	turn_both();
	assert_int_equal(ended, PEERS_PORT_OPS + 1);
	ask(SLUICE_OP_READ, 0);
	turn_both();
	assert_int_equal(last_status, SLUICE_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(volume_is_found_by_its_naa_with_its_size),
	    T(io_runs_on_the_owner_and_ends_on_the_asker),
	    T(removal_waits_for_io_on_the_way_and_refuses_new),
	    T(one_io_too_many_is_told_to_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
