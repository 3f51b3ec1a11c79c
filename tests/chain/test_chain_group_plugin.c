/* SPDX-License-Identifier: MIT */
/* A filter with a group, as a shared object: it finds the host's services, and leaves nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "groups.h"
#include "plugin.h"
#include "rig.h"

static struct rig r;
static struct groups *groups;
static struct chain *second;
static const struct sluice_filter_ops *probe;

static void load(void)
{
	char self[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/plugins/group_probe.so", self);
	assert_int_equal(plugin_load(path, &r.err), 0);
	probe = plugin_find("group_probe");
}

static struct chain *make_chain(const char *volume)
{
	struct chain_cfg cfg = {.env = &r.fe.env,
				.groups = groups,
				.backend = &r.be.b,
				.volume = volume,
				.block_bytes = 512,
				.max_ios = 8,
				.host = &r.host};
	struct chain_filter_cfg filter = {.ops = probe, .on_failure = ON_FAILURE_BYPASS};
	struct chain *c;

	assert_int_equal(chain_create(&cfg, &c, &r.err), 0);
	chain_attach(c, &filter, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	return c;
}

static void end_chain(struct chain *c)
{
	chain_drain(c, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(r.result, 0);
	chain_detach_all(c);
	chain_destroy(c);
}

static int set(const char *name, const char *value)
{
	int rc = groups_prepare(groups, probe, &name, &value, 1, &r.err);

	if (rc == 0)
		groups_commit(groups, probe);
	return rc;
}

static void status_says(const char *what)
{
	char json[256];

	groups_status(groups, probe, json, sizeof(json));
	if (!strstr(json, what))
		fail_msg("'%s' does not say %s", json, what);
}

static void ended(struct sluice_io *io)
{
	rig_log(&r, "!");
	chain_io_put(chain_io_owner(io), io);
}

static void go(struct chain *c)
{
	struct sluice_io *io = chain_io_get(c);

	io->op = SLUICE_OP_READ;
	io->len_bytes = 4096;
	chain_submit(c, io, ended, c);
}

static void its_volumes_share_it(void **state)
{
	struct groups_cfg cfg = {.datastore = "ds1"};
	struct chain *first;

	rig_open(&r);
	load();
	cfg.env = &r.fe.env;
	assert_int_equal(groups_create(&cfg, &groups, &r.err), 0);
	assert_int_equal(set("level_pct", "20"), 0);
	first = make_chain("vol2");
	second = make_chain("vol3");
	status_says("\"level_pct\": 20, \"volumes\": 2");
	assert_int_equal(set("level_pct", "13"), -EINVAL);
	assert_non_null(strstr(r.err.text, "13 brings bad luck"));
	assert_int_equal(set("holds_io", "true"), 0);
	go(first);
	go(second);
	rig_expect(&r, "");
	fake_env_advance(&r.fe, 6 * MS);
	rig_expect(&r, "=!=!");
	go(first);
	go(second);
	end_chain(first); /* its drain lets all go */
	rig_expect(&r, "=!=!");
	status_says("\"volumes\": 1");
	end_chain(second);
	assert_false(groups_is_active(groups, probe));
	groups_free(groups);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(its_volumes_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
