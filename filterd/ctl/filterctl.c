/* SPDX-License-Identifier: MIT */
/* filterctl.c - sluice-filterctl: commands for people and tests, over the control socket. */
#include "ctl_client.h"
#include "filterctl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "parse.h"
#include "wire/ctl.h"

static const char usage[] =
    "usage: sluice-filterctl [--socket PATH] [--json] COMMAND\n"
    "  status | filters | events | shutdown\n"
    "  datastore add NAME --type dir|block|mem [--path PATH] [--worker N] [--buffered]\n"
    "         (for tests: --type slow --path servers=4,service_us=2000, RAM behind a queue)\n"
    "  datastore remove NAME\n"
    "  datastore filters NAME\n"
    "  datastore filter-set NAME FILTER [parameter=value]...   the others get their defaults\n"
    "  volume create NAME --datastore D [--size 10G] [--full] [--write-cache durable|volatile]\n"
    "         [--block-bytes 512|4096] [--shared] [--readonly] [--uuid UUID] [--filter SPEC]...\n"
    "         [--has-image] [--snapshot-of VOLUME:SNAPSHOT]\n"
    "  volume open|close|flush|show NAME\n"
    "  volume delete NAME --yes\n"
    "  volume grow NAME --size SIZE\n"
    "  filter attach VOLUME SPEC | filter set VOLUME SPEC | filter detach VOLUME FILTER\n"
    "  filter command VOLUME FILTER COMMAND [name=value]... [--stdin]   a secret comes by standard input\n"
    "  snapshot create VOLUME[:UUID]... --name NAME [--group UUID]   several: all at one point\n"
    "  snapshot list VOLUME | snapshot delete|delete-cancel VOLUME SNAPSHOT\n"
    "  snapshot revert VOLUME SNAPSHOT --yes   what was written since is given up\n"
    "  snapshot clone VOLUME SNAPSHOT NEW-VOLUME [--full]   then: volume create NEW-VOLUME --has-image ...\n"
    "  snapshot repair VOLUME [--apply]   says, or does, what is to be done\n"
    "  stats [VOLUME]\n"
    "SPEC is name[,parameter=value...][,on_failure=bypass|hold]; 'filters' lists names and parameters.\n";

typedef void (*print_fn)(const json_t *answer);

struct command {
	const char *one, *two; /* its words; two may be NULL */
	json_t *(*build)(int argc, char **argv, struct err *err);
	print_fn print; /* NULL: nothing to say but an error */
	const char *request;
};

static json_t *build_bare(int argc, char **argv, struct err *err)
{
	if (argc == 1)
		return json_object();
	err_set(err, EINVAL, "", "'%s' is too much; %s takes nothing more", argv[1], argv[0]);
	return NULL;
}

static json_t *build_name(int argc, char **argv, struct err *err)
{
	if (argc == 2)
		return json_pack("{s:s}", "name", argv[1]);
	err_set(err, EINVAL, "name", argc < 2 ? "a NAME is missing" : "'%s' is too much",
		argc < 2 ? "" : argv[2]);
	return NULL;
}

static json_t *build_maybe_name(int argc, char **argv, struct err *err)
{
	return argc == 1 ? json_object() : build_name(argc, argv, err);
}

static json_t *build_delete(int argc, char **argv, struct err *err)
{
	if (argc == 3 && strcmp(argv[2], "--yes") == 0)
		return json_pack("{s:s}", "name", argv[1]);
	err_set(err, EINVAL, "",
		"this deletes the volume's data; if that is meant, say: volume delete NAME --yes");
	return NULL;
}

static json_t *build_grow(int argc, char **argv, struct err *err)
{
	uint64_t bytes;

	if (argc != 4 || strcmp(argv[2], "--size") != 0) {
		err_set(err, EINVAL, "", "say: volume grow NAME --size SIZE");
		return NULL;
	}
	if (parse_size("--size", argv[3], 1, 1ull << 50, &bytes, err) < 0)
		return NULL;
	return json_pack("{s:s, s:I}", "name", argv[1], "size_bytes", (json_int_t)bytes);
}

static json_t *build_filter_put(int argc, char **argv, struct err *err)
{
	json_t *j;

	if (argc != 3) {
		err_set(err, EINVAL, "", "say: filter %s VOLUME name[,parameter=value...]",
			argv[0]);
		return NULL;
	}
	j = filterctl_build_filter(argv[2], err);
	if (j)
		json_object_set_new(j, "name", json_string(argv[1]));
	return j;
}

static json_t *build_detach(int argc, char **argv, struct err *err)
{
	if (argc == 3)
		return json_pack("{s:s, s:s}", "name", argv[1], "filter", argv[2]);
	err_set(err, EINVAL, "", "say: filter detach VOLUME FILTER");
	return NULL;
}

static const struct command commands[] = {
    {"status", NULL, build_bare, filterctl_print_status, "status"},
    {"filters", NULL, build_bare, filterctl_print_filters, "filters"},
    {"events", NULL, build_bare, filterctl_print_events, "events"},
    {"shutdown", NULL, build_bare, NULL, "shutdown"},
    {"hello", NULL, build_bare, NULL, "hello"},
    {"figures", NULL, build_bare, NULL, "figures"}, /* for --json */
    {"stats", NULL, build_maybe_name, filterctl_print_stats, "stats"},
    {"datastore", "add", filterctl_build_datastore, NULL, "datastore.add"},
    {"datastore", "remove", build_name, NULL, "datastore.remove"},
    {"datastore", "filters", build_name, filterctl_print_groups, "datastore.filters"},
    {"datastore", "filter-set", filterctl_build_group, NULL, "datastore.filter.set"},
    {"volume", "create", filterctl_build_volume, NULL, "volume.create"},
    {"volume", "open", build_name, NULL, "volume.open"},
    {"volume", "close", build_name, NULL, "volume.close"},
    {"volume", "delete", build_delete, NULL, "volume.delete"},
    {"volume", "grow", build_grow, NULL, "volume.grow"},
    {"volume", "flush", build_name, NULL, "volume.flush"},
    {"volume", "show", build_name, filterctl_print_volume, "volume.show"},
    {"snapshot", "create", filterctl_build_snapshot, filterctl_print_held, "snapshot.create"},
    {"snapshot", "list", filterctl_build_snapshot_list, filterctl_print_snapshots, "snapshot.list"},
    {"snapshot", "delete", filterctl_build_snapshot_named, NULL, "snapshot.delete"},
    {"snapshot", "delete-cancel", filterctl_build_snapshot_named, NULL, "snapshot.delete_cancel"},
    {"snapshot", "revert", filterctl_build_revert, NULL, "snapshot.revert"},
    {"snapshot", "clone", filterctl_build_clone, NULL, "snapshot.clone"},
    {"snapshot", "repair", filterctl_build_repair, filterctl_print_steps, "snapshot.repair"},
    {"filter", "attach", build_filter_put, NULL, "filter.attach"},
    {"filter", "set", build_filter_put, NULL, "filter.set"},
    {"filter", "detach", build_detach, NULL, "filter.detach"},
    {"filter", "command", filterctl_build_command, filterctl_print_reply, "filter.command"},
};

static const struct command *find(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->one, argv[0]) == 0 &&
		    (!c->two || (argc > 1 && strcmp(c->two, argv[1]) == 0)))
			return c;
	}
	return NULL;
}

static int fail(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, "sluice-filterctl: %s\n", err->text);
	return 1;
}

/* Waits as long as it takes: a volume's whole space may be being allocated. */
static json_t *ask(const char *socket_path, const json_t *request, int pass_fd, struct err *err)
{
	struct ctl_client c;
	json_t *answer = NULL;

	if (ctl_client_init(&c, socket_path, "sluice-filterd", 0, err) == 0)
		answer = ctl_client_ask(&c, request, pass_fd, err);
	ctl_client_fini(&c);
	if (!answer && (err->code == ENOENT || err->code == ECONNREFUSED) &&
	    strcmp(err->field, "socket") == 0)
		err_set(err, err->code, "socket",
			"sluice-filterd is not running at %s; start it, or say --socket PATH",
			socket_path);
	return answer;
}

static int run(const char *socket_path, bool is_json, int argc, char **argv)
{
	const struct command *c = find(argc, argv);
	int skip = c && c->two ? 1 : 0;
	bool has_stdin;
	cleanup_json json_t *request = NULL;
	cleanup_json json_t *answer = NULL;
	struct err err = {0};

	if (!c) {
		fprintf(stderr, "sluice-filterctl: '%s%s%s' is not a command\n%s", argv[0],
			argc > 1 ? " " : "", argc > 1 ? argv[1] : "", usage);
		return 2;
	}
	has_stdin = c->build == filterctl_build_command && strcmp(argv[argc - 1], "--stdin") == 0;
	if (has_stdin)
		argc--;
	request = c->build(argc - skip, argv + skip, &err);
	if (!request) {
		fail(&err);
		return 2;
	}
	json_object_set_new(request, "request", json_string(c->request));
	answer = ask(socket_path, request, has_stdin ? STDIN_FILENO : -1, &err);
	if (!answer)
		return fail(&err);
	if (is_json) {
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
	} else if (c->print) {
		c->print(answer);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *socket_path = CTL_RUN_DIR "/" CTL_SOCKET_NAME;
	bool is_json = false;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			is_json = true;
		} else if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc) {
			socket_path = argv[++i];
		} else if (strcmp(argv[i], "--help") == 0) {
			fputs(usage, stdout);
			return 0;
		} else {
			fprintf(stderr, "sluice-filterctl: '%s' is not an option here\n%s", argv[i],
				usage);
			return 2;
		}
	}
	if (i == argc) {
		fputs(usage, stderr);
		return 2;
	}
	return run(socket_path, is_json, argc - i, argv + i);
}
