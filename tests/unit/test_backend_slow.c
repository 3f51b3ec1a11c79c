/* SPDX-License-Identifier: MIT */
/* The slow datastore is a queue: its latency rises with what is on it, from whatever volume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "backend.h"
#include "fake_env.h"

#define MS 1000000ull

static struct fake_env fe;
static uint8_t data[1 << 20];
static uint64_t bottoms[64][16];
static struct sluice_io ios[64];
static uint32_t ended;

static void io_ended(struct sluice_io *io)
{
	assert_int_equal(io->status, SLUICE_OK);
	ended++;
}

static void send(struct backend *b, uint32_t i, enum sluice_op op, uint64_t len_bytes)
{
	assert_true(b->io_ctx_bytes <= sizeof(bottoms[i]));
	ios[i] = (struct sluice_io){.op = (uint8_t)op,
				    .len_bytes = len_bytes,
				    .buf = data,
				    .end = io_ended,
				    .bottom = bottoms[i]};
	b->ops->submit(b, &ios[i]);
}

static struct backend *open_volume(const char *path)
{
	struct backend_cfg cfg = {.path = path, .size_bytes = 1 << 20, .block_bytes = 512};
	struct backend *b;
	struct err err;

	assert_int_equal(backend_slow.open(&fe.env, &cfg, &b, &err), 0);
	return b;
}

static int set_up(void **state)
{
	fake_env_init(&fe, 1);
	ended = 0;
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(fe.timer_count, 0);
	fake_env_fini(&fe);
	return 0;
}

static void latency_rises_with_the_queue(void **state)
{
	struct backend *b = open_volume("servers=2,service_us=1000");

	for (uint32_t i = 0; i < 6; i++)
		send(b, i, SLUICE_OP_READ, 4096);
	assert_int_equal(ended, 0);
	fake_env_advance(&fe, 1 * MS);
	assert_int_equal(ended, 2);
	fake_env_advance(&fe, 2 * MS);
	assert_int_equal(ended, 6);
	b->ops->close(b);
}

static void volumes_of_one_path_share_the_device(void **state)
{
	struct backend *a = open_volume("servers=1,service_us=1000");
	struct backend *b = open_volume("servers=1,service_us=1000");
	struct backend *other = open_volume("servers=1,service_us=1001");

	send(a, 0, SLUICE_OP_WRITE, 4096);
	send(b, 1, SLUICE_OP_READ, 4096);
	send(other, 2, SLUICE_OP_READ, 4096);
	fake_env_advance(&fe, 1 * MS);
	assert_int_equal(ended, 1);
	fake_env_advance(&fe, 1 * MS);
	assert_int_equal(ended, 3);
	a->ops->close(a);
	b->ops->close(b);
	other->ops->close(other);
}

static void each_begun_32_kib_takes_the_service_time(void **state)
{
	struct backend *b = open_volume("servers=1,service_us=1000");

	send(b, 0, SLUICE_OP_READ, 32768 + 512);
	fake_env_advance(&fe, 2 * MS - 1);
	assert_int_equal(ended, 0);
	fake_env_advance(&fe, 1);
	assert_int_equal(ended, 1);
	send(b, 0, SLUICE_OP_UNMAP, 1 << 20); /* moves nothing */
	fake_env_advance(&fe, 1 * MS);
	assert_int_equal(ended, 2);
	send(b, 0, SLUICE_OP_FLUSH, 0);
	assert_int_equal(ended, 3);
	b->ops->close(b);
}

static void what_is_written_is_read(void **state)
{
	struct backend *b = open_volume("");

	memset(data, 'x', 4096);
	send(b, 0, SLUICE_OP_WRITE, 4096);
	fake_env_advance(&fe, 10 * MS);
	memset(data, 0, 4096);
	send(b, 0, SLUICE_OP_READ, 4096);
	fake_env_advance(&fe, 10 * MS);
	assert_int_equal(data[4095], 'x');
	b->ops->close(b);
}

static void a_wrong_path_is_refused_with_what_is_right(void **state)
{
	struct backend_cfg cfg = {.size_bytes = 1 << 20, .block_bytes = 512};
	struct backend *b;
	struct err err;

	cfg.path = "servers=2,speed=9";
	assert_int_equal(backend_slow.open(&fe.env, &cfg, &b, &err), -EINVAL);
	assert_non_null(strstr(err.text, "servers=N,service_us=N; 'speed=9' is neither"));
	cfg.path = "servers=65";
	assert_int_equal(backend_slow.create(&fe.env, &cfg, false, &err), -ERANGE);
	assert_string_equal(err.field, "path");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(latency_rises_with_the_queue),
	    T(volumes_of_one_path_share_the_device),
	    T(each_begun_32_kib_takes_the_service_time),
	    T(what_is_written_is_read),
	    T(a_wrong_path_is_refused_with_what_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
