/* SPDX-License-Identifier: MIT */
/* The filters that ship, as the shared objects they are: passthru, trace, delay, inject. */
#include "rig.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain_int.h"
#include "plugin.h"

static struct rig r;

static int load_filters(void **state)
{
	static const char *const files[] = {
	    "passthru", "passthru_cache", "passthru_io_control", "trace",
	    "delay",    "inject",         "inject_data_capture"};
	char self[4096] = "", path[4200];
	struct err err;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? strrchr(self, '/') : NULL;

	assert_non_null(slash);
	*slash = '\0';
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/../filters/%s.so", self, files[i]);
		if (plugin_load(path, &err) < 0)
			fail_msg("%s", err.text);
	}
	return 0;
}

static int open_rig(void **state)
{
	rig_open(&r);
	return 0;
}

static int close_rig(void **state)
{
	r.be.is_manual = false;
	rig_close(&r);
	return 0;
}

static int attach_with(const char *filter, enum on_failure on_failure, uint32_t count,
		       const char *const *names, const char *const *values)
{
	struct chain_filter_cfg cfg = {.ops = plugin_find(filter),
				       .on_failure = on_failure,
				       .names = names,
				       .values = values,
				       .value_count = count};

	assert_non_null(cfg.ops);
	r.result = -EINPROGRESS;
	chain_attach(r.c, &cfg, rig_control_done, &r);
	fake_env_settle(&r.fe);
	return r.result;
}

#define VALUES(...) ((const char *const[]){__VA_ARGS__})
#define attach1(filter, n1, v1)                                                                    \
	assert_int_equal(attach_with(filter, ON_FAILURE_HOLD, 1, VALUES(n1), VALUES(v1)), 0)
#define attach2(filter, n1, v1, n2, v2)                                                            \
	assert_int_equal(attach_with(filter, ON_FAILURE_HOLD, 2, VALUES(n1, n2), VALUES(v1, v2)), 0)

static const char *status_of(uint32_t index)
{
	static char json[2048];

	chain_filter_status(r.c, index, json, sizeof(json));
	return json;
}

static void passthru_passes_and_counts_in_every_class(void **state)
{
	assert_int_equal(attach_with("passthru", ON_FAILURE_HOLD, 0, NULL, NULL), 0);
	assert_int_equal(attach_with("passthru_cache", ON_FAILURE_HOLD, 0, NULL, NULL), 0);
	assert_int_equal(attach_with("passthru_io_control", ON_FAILURE_HOLD, 0, NULL, NULL), 0);
	for (int op = 0; op < SLUICE_OP_COUNT; op++)
		rig_go(&r, (enum sluice_op)op);
	rig_expect(&r, "=!=!=!=!=!=!");
	for (uint32_t i = 0; i < 3; i++)
		assert_string_equal(status_of(i), "{\"down\":6,\"up\":6}");
}

static void trace_keeps_the_last_ios(void **state)
{
	const char *json;

	attach1("trace", "entries", "2");
	for (int i = 0; i < 5; i++) {
		struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, 4096u * (unsigned)i, 512);

		rig_submit(&r, io);
		chain_io_put(r.c, io);
	}
	r.be.status = SLUICE_ERR_IO;
	rig_go(&r, SLUICE_OP_FLUSH);
	json = status_of(0);
	assert_non_null(strstr(json, "\"write\":{\"ios\":5,\"errors\":0}"));
	assert_non_null(strstr(json, "\"flush\":{\"ios\":1,\"errors\":1}"));
	assert_non_null(strstr(json, "\"last\":[{\"id\":6,\"op\":\"flush\""));
	assert_non_null(
	    strstr(json, "{\"id\":5,\"op\":\"write\",\"offset_bytes\":16384,\"len_bytes\":512"));
	assert_null(strstr(json, "\"id\":4,"));
	assert_string_equal(json + strlen(json) - 3, "}]}");
}

static void trace_shows_what_there_is_room_for(void **state)
{
	char json[700];
	size_t n;

	attach1("trace", "entries", "64");
	for (int i = 0; i < 50; i++)
		rig_go(&r, SLUICE_OP_READ);
	n = chain_filter_status(r.c, 0, json, sizeof(json));
	assert_int_equal(n, strlen(json));
	assert_string_equal(json + n - 3, "}]}");
	assert_int_equal(chain_filter_status(r.c, 0, json, 16), 2);
	r.log[0] = '\0';
}

static void delay_makes_each_op_wait_its_time(void **state)
{
	attach2("delay", "read_us", "2000", "write_us", "5000");
	rig_go(&r, SLUICE_OP_READ);
	rig_go(&r, SLUICE_OP_WRITE);
	rig_go(&r, SLUICE_OP_FLUSH);
	rig_expect(&r, "=!"); /* the flush */
	fake_env_advance(&r.fe, 1999000);
	rig_expect(&r, "");
	fake_env_advance(&r.fe, 1000);
	rig_expect(&r, "=!");
	assert_string_equal(status_of(0), "{\"delayed\":2,\"held\":1}");
	fake_env_advance(&r.fe, 3 * MS);
	rig_expect(&r, "=!");
}

static void delay_jitters_within_its_bounds(void **state)
{
	uint32_t early = 0;

	attach2("delay", "read_us", "1000", "jitter_pct", "50");
	for (int i = 0; i < 50; i++) {
		rig_go(&r, SLUICE_OP_READ);
		r.log[0] = '\0';
		fake_env_advance(&r.fe, 499 * MS / 1000);
		rig_expect(&r, "");
		fake_env_advance(&r.fe, MS / 2);
		early += r.log[0] != '\0';
		fake_env_advance(&r.fe, MS / 1000 * 502);
		assert_int_equal(r.ended, i + 1);
	}
	assert_in_range(early, 10, 40);
}

static void delay_lets_everything_go_for_a_drain(void **state)
{
	attach1("delay", "write_us", "10000000");
	for (int i = 0; i < 10; i++)
		rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "");
	assert_int_equal(rig_drain(&r), 0);
	assert_int_equal(r.ended, 10);
	chain_release(r.c);
}

static void delay_lets_an_aborted_io_go(void **state)
{
	struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, 0, 512);

	attach1("delay", "write_us", "10000000");
	rig_submit(&r, io);
	chain_abort(r.c, io);
	assert_int_equal(r.last_status, SLUICE_ERR_ABORTED);
	chain_io_put(r.c, io);
}

static void delay_changes_under_io(void **state)
{
	struct chain_filter_cfg cfg = {.ops = plugin_find("delay"),
				       .names = VALUES("read_us"),
				       .values = VALUES("0"),
				       .value_count = 1};

	attach1("delay", "read_us", "1000000");
	rig_go(&r, SLUICE_OP_READ);
	chain_reconfigure(r.c, &cfg, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	rig_expect(&r, "=!");
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "=!");
}

/* ---------------------------------------------------------------- inject */

static void inject_does_nothing_by_default(void **state)
{
	assert_int_equal(attach_with("inject", ON_FAILURE_HOLD, 0, NULL, NULL), 0);
	assert_int_equal(attach_with("inject_data_capture", ON_FAILURE_HOLD, 0, NULL, NULL), 0);
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(r.last_status, SLUICE_OK);
}

static void inject_fails_the_nth_of_an_op_in_a_range_once(void **state)
{
	static const char *const names[] = {"action",       "op",           "status",
					    "offset_bytes", "length_bytes", "nth"};
	static const char *const values[] = {"fail", "write", "no_space", "1M", "4K", "2"};
	uint64_t at[] = {0, 1 << 20, (1 << 20) + 4096, (1 << 20) + 2048, 1 << 20};

	assert_int_equal(attach_with("inject", ON_FAILURE_HOLD, 6, names, values), 0);
	for (int i = 0; i < 5; i++) {
		struct sluice_io *io = rig_io(&r, SLUICE_OP_WRITE, at[i], 4096);

		rig_submit(&r, io);
		assert_int_equal(io->status, i == 3 ? SLUICE_ERR_NO_SPACE : SLUICE_OK);
		chain_io_put(r.c, io);
	}
	assert_string_equal(status_of(0), "{\"matched\":3,\"acted\":1,\"held\":0}");
}

static void inject_stops_after_once(void **state)
{
	attach2("inject", "action", "fail", "once", "true");
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(r.last_status, SLUICE_ERR_IO);
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(r.last_status, SLUICE_OK);
}

static void inject_acts_on_a_percentage(void **state)
{
	uint32_t failed = 0;

	attach2("inject", "action", "fail", "probability_pct", "20");
	for (int i = 0; i < 1000; i++) {
		rig_go(&r, SLUICE_OP_READ);
		failed += r.last_status != SLUICE_OK;
		r.log[0] = '\0';
	}
	assert_in_range(failed, 130, 270);
}

static void inject_corrupts_one_byte_of_a_read(void **state)
{
	static uint8_t data[4096];
	struct sluice_io *io = rig_io(&r, SLUICE_OP_READ, 0, 4096);
	uint32_t changed = 0;

	attach1("inject_data_capture", "action", "corrupt");
	io->buf = data;
	rig_submit(&r, io);
	assert_int_equal(io->status, SLUICE_OK);
	for (size_t i = 0; i < sizeof(data); i++)
		changed += data[i] != 0;
	assert_int_equal(changed, 1);
	io->op = SLUICE_OP_WRITE;
	memset(data, 0, sizeof(data));
	rig_submit(&r, io);
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], 0); /* a write's buffer is nobody's to change */
	chain_io_put(r.c, io);
}

static void inject_hangs_on_both_ways_and_a_drain_frees_it(void **state)
{
	static const char *const ways[] = {"down", "up"};

	for (int i = 0; i < 2; i++) {
		attach2("inject", "action", "hang", "way", ways[i]);
		rig_go(&r, SLUICE_OP_READ);
		rig_expect(&r, i ? "=" : "");
		fake_env_advance(&r.fe, 1500 * MS);
		rig_expect_report(&r, "filter_hung", "inject");
		assert_int_equal(rig_detach(&r, "inject"), 0);
		rig_expect(&r, i ? "!" : "=!");
	}
}

static void a_stubborn_inject_blocks_a_drain_until_it_times_out(void **state)
{
	attach2("inject", "action", "hang", "stubborn", "yes");
	rig_go(&r, SLUICE_OP_READ);
	assert_int_equal(rig_detach(&r, "inject"), -EINPROGRESS);
	fake_env_advance(&r.fe, 10000 * MS);
	assert_int_equal(r.result, -ETIMEDOUT);
	assert_non_null(strstr(r.err.text, "filter 'inject' holds 1 I/Os"));
	/* Only an end of the process helps now; the test takes it apart by hand. */
	assert_int_equal(chain_in_flight(r.c), 1);
}

static int leave_it(void **state)
{
	return 0;
}

static void a_stubborn_inject_is_bypassed_when_the_policy_says_so(void **state)
{
	assert_int_equal(attach_with("inject", ON_FAILURE_BYPASS, 2, VALUES("action", "stubborn"),
				     VALUES("hang", "true")),
			 0);
	rig_go(&r, SLUICE_OP_READ);
	rig_go(&r, SLUICE_OP_WRITE);
	fake_env_advance(&r.fe, 1500 * MS);
	assert_int_equal(r.ended, 2);
	rig_expect_report(&r, "filter_bypassed", "inject");
	assert_int_equal(rig_detach(&r, "inject"), 0);
}

static void inject_delays(void **state)
{
	attach2("inject", "action", "delay", "delay_us", "3000");
	rig_go(&r, SLUICE_OP_READ);
	fake_env_advance(&r.fe, 2999000);
	rig_expect(&r, "");
	fake_env_advance(&r.fe, 1000);
	rig_expect(&r, "=!");
}

/* The parent of a crashed process reads who it was. */
static void a_crash_leaves_the_filters_name(void **state)
{
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rlimit no_core = {0, 0};
	int status;
	pid_t pid;

	assert_ptr_not_equal(shared, MAP_FAILED);
	attach1("inject", "action", "crash");
	r.c->blame = shared;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		rig_go(&r, SLUICE_OP_READ);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_string_equal(shared, "inject");
	r.c->blame = r.blame;
	munmap(shared, 4096);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(passthru_passes_and_counts_in_every_class),
	    T(trace_keeps_the_last_ios),
	    T(trace_shows_what_there_is_room_for),
	    T(delay_makes_each_op_wait_its_time),
	    T(delay_jitters_within_its_bounds),
	    T(delay_lets_everything_go_for_a_drain),
	    T(delay_lets_an_aborted_io_go),
	    T(delay_changes_under_io),
	    T(inject_does_nothing_by_default),
	    T(inject_fails_the_nth_of_an_op_in_a_range_once),
	    T(inject_stops_after_once),
	    T(inject_acts_on_a_percentage),
	    T(inject_corrupts_one_byte_of_a_read),
	    T(inject_hangs_on_both_ways_and_a_drain_frees_it),
	    T(a_stubborn_inject_is_bypassed_when_the_policy_says_so),
	    T(inject_delays),
	    T(a_crash_leaves_the_filters_name),
	    cmocka_unit_test_setup_teardown(a_stubborn_inject_blocks_a_drain_until_it_times_out,
					    open_rig, leave_it),
	};

	return cmocka_run_group_tests(tests, load_filters, NULL);
}
