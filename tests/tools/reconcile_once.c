/* SPDX-License-Identifier: MIT */
/*
 * reconcile_once.c - the reconciler's thread alone on a database, and the few changes of that
 * database which a test needs; so it can be tested, and killed, without the rest of policyd.
 *
 *   reconcile_once DIR run            the thread until SIGTERM; SIGUSR1 wakes it
 *   reconcile_once DIR insert TABLE JSON        a row ("volumes" gets its UUID and target too)
 *   reconcile_once DIR update TABLE KEY JSON    some members
 *   reconcile_once DIR delete TABLE KEY
 *   reconcile_once DIR show TABLE KEY           the row, as JSON
 *   reconcile_once DIR access VOLUME HOSTS GROUPS   arrays of names
 *   reconcile_once DIR chap HOST USER SECRET    "" "" takes it away
 *   reconcile_once DIR mutual VOLUME USER SECRET
 *   reconcile_once DIR assign VOLUME POLICY     its newest version; "" takes it away
 *   reconcile_once DIR rules POLICY JSON        a new version of it
 *   reconcile_once DIR compliance VOLUME
 *   reconcile_once DIR task KIND TYPE NAME      prints its id
 *   reconcile_once DIR desired
 *
 * DIR has policy.db, backups/ and secret.key. Sockets and the IQN base come from FILTERD_SOCKET,
 * RING_SOCKET, TGT_SOCKET and IQN_BASE.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "durable.h"
#include "json.h"
#include "log.h"
#include "model.h"
#include "parse.h"
#include "reconciler.h"
#include "store_link.h"

struct tool {
	char db[512], backups[512], key[512], history[512];
	struct store *s;
	char **args;
	int count;
};

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static const struct store_table *table_of(const char *name)
{
	for (size_t i = 0; store_tables[i]; i++)
		if (strcmp(store_tables[i]->name, name) == 0)
			return store_tables[i];
	return NULL;
}

static json_t *argument(const struct tool *t, int i)
{
	struct err err = {0};
	json_t *j = json_parse(t->args[i], strlen(t->args[i]), "the argument", &err);

	if (!j)
		fprintf(stderr, "%s: %s\n", t->args[i], err.text);
	return j;
}

static int seal(const struct tool *t, const char *place, const char *secret, char **out,
		struct err *err)
{
	struct sealer *sealer;
	int rc = sealer_open(t->key, true, &sealer, err);

	if (rc)
		return rc;
	*out = sealer_seal(sealer, place, secret, err);
	sealer_free(sealer);
	return *out ? 0 : -err->code;
}

/* ---------------------------------------------------------------- changes */

static int insert_target(struct tool *t, const json_t *row, struct err *err)
{
	char iqn[224];

	model_iqn_make(env("IQN_BASE"), json_string_value(json_object_get(row, "name")),
		       json_string_value(json_object_get(row, "uuid")), iqn);
	return store_target_put(t->s, json_integer_value(json_object_get(row, "id")), iqn, err);
}

static int do_insert(struct tool *t, struct err *err)
{
	bool is_volume = strcmp(t->args[0], "volumes") == 0;
	cleanup_json json_t *j = argument(t, 1), *row = NULL;
	uint8_t random[16];
	char uuid[37];

	if (!j)
		return -EINVAL;
	if (is_volume && getrandom(random, sizeof(random), 0) == sizeof(random)) {
		parse_uuid_format(random, uuid);
		json_object_set_new(j, "uuid", json_string(uuid));
	}
	row = store_insert(t->s, table_of(t->args[0]), j, err);
	if (!row)
		return -err->code;
	return is_volume ? insert_target(t, row, err) : 0;
}

static int do_update(struct tool *t, struct err *err)
{
	const struct store_table *table = table_of(t->args[0]);
	int64_t id = store_id_of(t->s, table, t->args[1], err);
	cleanup_json json_t *j = argument(t, 2), *row = NULL;

	if (!id || !j)
		return id ? -EINVAL : -err->code;
	row = store_update(t->s, table, id, j, 0, err);
	return row ? 0 : -err->code;
}

static int do_delete(struct tool *t, struct err *err)
{
	const struct store_table *table = table_of(t->args[0]);
	int64_t id = store_id_of(t->s, table, t->args[1], err);

	return id ? store_delete(t->s, table, id, 0, err) : -err->code;
}

static int do_access(struct tool *t, struct err *err)
{
	int64_t id = store_id_of(t->s, &table_volumes, t->args[0], err);
	cleanup_json json_t *hosts = argument(t, 1), *groups = argument(t, 2);

	return id ? store_access_set(t->s, id, hosts, groups, err) : -err->code;
}

static int do_chap(struct tool *t, struct err *err)
{
	int64_t id = store_id_of(t->s, &table_hosts, t->args[0], err);
	cleanup_json json_t *j = NULL, *row = NULL;
	char place[128], *box = NULL;
	int rc;

	if (!id)
		return -err->code;
	snprintf(place, sizeof(place), "host:%s:chap", t->args[0]);
	rc = seal(t, place, t->args[2], &box, err);
	if (rc)
		return rc;
	j = json_pack("{s:s, s:s, s:I}", "chap_user", t->args[1], "chap_secret_sealed", box,
		      "chap_changed_ms", (json_int_t)clock_wall_ms());
	free(box);
	row = store_update(t->s, &table_hosts, id, j, 0, err);
	return row ? 0 : -err->code;
}

static int do_mutual(struct tool *t, struct err *err)
{
	int64_t id = store_id_of(t->s, &table_volumes, t->args[0], err);
	char place[128], *box = NULL;
	int rc;

	if (!id)
		return -err->code;
	snprintf(place, sizeof(place), "target:%s:mutual", t->args[0]);
	rc = seal(t, place, t->args[2], &box, err);
	if (rc == 0)
		rc = store_target_mutual(t->s, id, t->args[1], box, err);
	free(box);
	return rc;
}

static int do_assign(struct tool *t, struct err *err)
{
	int64_t id = store_id_of(t->s, &table_volumes, t->args[0], err), policy = 0;
	cleanup_json json_t *row = NULL;

	if (!id)
		return -err->code;
	if (t->args[1][0]) {
		row = store_get(t->s, &table_policies, t->args[1], err);
		if (!row)
			return -err->code;
		policy = json_integer_value(json_object_get(row, "id"));
	}
	return store_assign(t->s, id, policy, json_integer_value(json_object_get(row, "version")),
			    err);
}

static int do_rules(struct tool *t, struct err *err)
{
	int64_t id = store_id_of(t->s, &table_policies, t->args[0], err), version;
	cleanup_json json_t *rules = argument(t, 1);

	if (!id || !rules)
		return id ? -EINVAL : -err->code;
	version = store_policy_add_version(t->s, id, rules, "test", "", err);
	return version < 0 ? (int)version : 0;
}

static int do_task(struct tool *t, struct err *err)
{
	int64_t id =
	    store_task_add(t->s, t->args[0], t->args[1], t->args[2], false, NULL, "test", err);

	if (id < 0)
		return (int)id;
	printf("%lld\n", (long long)id);
	return 0;
}

/* ---------------------------------------------------------------- questions */

static int print(json_t *j, const struct err *err)
{
	if (!j)
		return -err->code;
	json_dumpf(j, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(j);
	return 0;
}

static int do_show(struct tool *t, struct err *err)
{
	const struct store_table *table = table_of(t->args[0]);

	if (strcmp(table->key, "id") == 0)
		return print(store_get_id(t->s, table, strtoll(t->args[1], NULL, 10), err), err);
	return print(store_get(t->s, table, t->args[1], err), err);
}

static int do_compliance(struct tool *t, struct err *err)
{
	int64_t id = store_id_of(t->s, &table_volumes, t->args[0], err);

	return id ? print(store_compliance(t->s, id, err), err) : -err->code;
}

static int do_desired(struct tool *t, struct err *err)
{
	return print(store_desired(t->s, err), err);
}

/* ---------------------------------------------------------------- the thread */

static int do_run(struct tool *t, struct err *err)
{
	struct apply_cfg cfg = {.db_path = t->db,
				.backup_dir = t->backups,
				.history_path = NULL,
				.filterd_socket = env("FILTERD_SOCKET"),
				.ring_socket = env("RING_SOCKET"),
				.tgt_socket = env("TGT_SOCKET"),
				.iqn_base = env("IQN_BASE"),
				.transfer_dir = ""};
	struct reconciler *r = NULL;
	sigset_t set;
	int rc, sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	rc = sealer_open(t->key, true, &cfg.sealer, err);
	if (rc)
		return rc;
	rc = reconciler_start(&cfg, &r, err);
	puts(rc ? "failed" : "running");
	fflush(stdout);
	while (rc == 0 && sigwait(&set, &sig) == 0 && sig != SIGTERM)
		reconciler_wake(r);
	if (rc == 0) {
		cleanup_json json_t *health = reconciler_health(r);

		json_dumpf(health, stdout, JSON_INDENT(1));
		reconciler_stop(r);
	}
	sealer_free(cfg.sealer);
	return rc;
}

static const struct {
	const char *name;
	int args;
	bool changes;
	int (*fn)(struct tool *t, struct err *err);
} commands[] = {
    {"run", 0, false, do_run},         {"insert", 2, true, do_insert},
    {"update", 3, true, do_update},    {"delete", 2, true, do_delete},
    {"show", 2, false, do_show},       {"access", 3, true, do_access},
    {"chap", 3, true, do_chap},        {"mutual", 3, true, do_mutual},
    {"assign", 2, true, do_assign},    {"rules", 2, true, do_rules},
    {"task", 3, true, do_task},        {"compliance", 1, false, do_compliance},
    {"desired", 0, false, do_desired},
};

static int run_command(struct tool *t, const char *name, struct err *err)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int rc;

		if (strcmp(commands[i].name, name) != 0 || commands[i].args != t->count)
			continue;
		rc = commands[i].changes ? store_begin(t->s, err) : 0;
		if (rc == 0)
			rc = commands[i].fn(t, err);
		if (!commands[i].changes)
			return rc;
		if (rc == 0)
			rc = store_commit(t->s, err);
		else
			store_rollback(t->s);
		return rc;
	}
	return err_set(err, EINVAL, "", "there is no command %s with %d arguments", name, t->count);
}

int main(int argc, char **argv)
{
	struct tool t = {0};
	struct err err = {0};
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: reconcile_once DIR COMMAND [ARGUMENT...]\n");
		return 2;
	}
	log_open("reconcile_once", *env("SLUICE_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	snprintf(t.db, sizeof(t.db), "%s/policy.db", argv[1]);
	snprintf(t.backups, sizeof(t.backups), "%s/backups", argv[1]);
	snprintf(t.key, sizeof(t.key), "%s/secret.key", argv[1]);
	t.args = argv + 3;
	t.count = argc - 3;
	rc = store_open(t.db, t.backups, strcmp(argv[2], "run") == 0 || access(t.db, F_OK) < 0,
			&t.s, &err);
	if (rc == 0)
		rc = run_command(&t, argv[2], &err);
	if (t.s)
		store_close(t.s);
	if (rc)
		fprintf(stderr, "reconcile_once: %s\n", err.text);
	return rc ? 1 : 0;
}
