/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "routes_print.h"
#include "release.h"
#include "wire/ctl.h"

#define STATE_DIR    "/var/lib/sluice/policyd"
#define TRANSFER_DIR "/var/lib/sluice/transfer"
#define SAMPLES_DIR  "/usr/share/sluice/policies"
#define TGT_SOCKET   "/var/run/tgtd/socket.0"

static const char usage[] =
    "usage: sluice-policyd [option...]\n"
    "  --run-dir DIR         sockets and lock (default " CTL_RUN_DIR ")\n"
    "  --state-dir DIR       database, backups, key of the sealed secrets (default " STATE_DIR ")\n"
    "  --transfer-dir DIR    where files are imported from and exported to (default " TRANSFER_DIR
    ")\n"
    "  --samples-dir DIR     bundled policies (default " SAMPLES_DIR ")\n"
    "  --filterd-socket PATH sluice-filterd's control socket (default: filterd.sock in the run dir)\n"
    "  --ring-socket PATH    what tgtd's LUNs are told (default: ring.sock in the run dir)\n"
    "  --egress-socket PATH  sluice-egressd's socket (default: egress.sock in the run dir)\n"
    "  --tgt-socket PATH     tgtd's management socket (default " TGT_SOCKET ")\n"
    "  --iqn-base IQN        beginning of our targets' names (default: iqn.2026-01.org.sluice:HOST)\n"
    "  --web-user NAME       user of sluice-webd, owner of its socket (default: root)\n"
    "  --web-group NAME      group of that socket (default: the user's)\n"
    "  --restore FILE        put a backup in the database's place, and end\n"
    "  --check-db            check the database, and end\n"
    "  --routes              list what the REST interface serves, and end\n"
    "  --no-confine          keep capabilities and system calls; for debuggers\n"
    "  --version, --help\n";

enum { OPT_CHECK = 256, OPT_NO_CONFINE, OPT_ROUTES, OPT_VERSION, OPT_HELP, OPT_TEXT };

/* The options with a text, in the order of where_of(). */
static const struct option longs[] = {
    {"run-dir", required_argument, NULL, OPT_TEXT},
    {"state-dir", required_argument, NULL, OPT_TEXT + 1},
    {"transfer-dir", required_argument, NULL, OPT_TEXT + 2},
    {"samples-dir", required_argument, NULL, OPT_TEXT + 3},
    {"filterd-socket", required_argument, NULL, OPT_TEXT + 4},
    {"ring-socket", required_argument, NULL, OPT_TEXT + 5},
    {"egress-socket", required_argument, NULL, OPT_TEXT + 6},
    {"tgt-socket", required_argument, NULL, OPT_TEXT + 7},
    {"iqn-base", required_argument, NULL, OPT_TEXT + 8},
    {"web-user", required_argument, NULL, OPT_TEXT + 9},
    {"web-group", required_argument, NULL, OPT_TEXT + 10},
    {"restore", required_argument, NULL, OPT_TEXT + 11},
    {"check-db", no_argument, NULL, OPT_CHECK},
    {"no-confine", no_argument, NULL, OPT_NO_CONFINE},
    {"routes", no_argument, NULL, OPT_ROUTES},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char **where_of(struct options *o, int index)
{
	const char **const where[] = {
	    &o->run_dir,        &o->state_dir,   &o->transfer_dir,  &o->samples_dir,
	    &o->filterd_socket, &o->ring_socket, &o->egress_socket, &o->tgt_socket,
	    &o->iqn_base,       &o->web_user,    &o->web_group,     &o->restore,
	};

	return where[index];
}

int options_read(int argc, char **argv, struct options *out)
{
	int opt;

	*out = (struct options){
	    .run_dir = CTL_RUN_DIR,
	    .state_dir = STATE_DIR,
	    .transfer_dir = TRANSFER_DIR,
	    .samples_dir = SAMPLES_DIR,
	    .tgt_socket = TGT_SOCKET,
	};
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt >= OPT_TEXT) {
			*where_of(out, opt - OPT_TEXT) = optarg;
		} else if (opt == OPT_CHECK) {
			out->is_check_only = true;
		} else if (opt == OPT_NO_CONFINE) {
			out->has_no_confinement = true;
		} else if (opt == OPT_ROUTES) {
			routes_print(stdout);
			return 1;
		} else if (opt == OPT_VERSION) {
			puts("sluice-policyd " SLUICE_VERSION);
			return 1;
		} else if (opt == OPT_HELP) {
			fputs(usage, stdout);
			return 1;
		} else {
			fputs(usage, stderr);
			return -EINVAL;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "sluice-policyd: '%s' is not an option\n%s", argv[optind], usage);
	return -EINVAL;
}

/* Kept until options_free(). */
static const char *keep(struct options *o, const char *a, const char *between, const char *b)
{
	char *text = NULL;

	if (asprintf(&text, "%s%s%s", a, between, b) < 0)
		text = NULL;
	o->paths[o->path_count++] = text;
	return text;
}

static const char *join(struct options *o, const char *dir, const char *name)
{
	return keep(o, dir, "/", name);
}

static const char *default_iqn_base(struct options *o)
{
	char host[65] = "";
	size_t i;

	gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	for (i = 0; host[i]; i++) {
		host[i] = (char)tolower((unsigned char)host[i]);
		if (!isalnum((unsigned char)host[i]))
			host[i] = '-';
	}
	return keep(o, "iqn.2026-01.org.sluice", ":", host[0] ? host : "appliance");
}

static int find_users(struct options *o, struct err *err)
{
	if (o->web_user) {
		const struct passwd *user = getpwnam(o->web_user);

		if (!user)
			return err_set(err, ENOENT, "web-user", "there is no user %s", o->web_user);
		o->web_uid = user->pw_uid;
		o->web_gid = user->pw_gid;
	}
	if (o->web_group) {
		const struct group *group = getgrnam(o->web_group);

		if (!group)
			return err_set(err, ENOENT, "web-group", "there is no group %s",
				       o->web_group);
		o->web_gid = group->gr_gid;
	}
	return 0;
}

int options_complete(struct options *o, struct err *err)
{
	o->db_path = join(o, o->state_dir, "sluice.db");
	o->history_path = join(o, o->state_dir, "history.db");
	o->backup_dir = join(o, o->state_dir, "backups");
	o->seal_path = join(o, o->state_dir, "seal.key");
	o->keys_dir = join(o, o->state_dir, "keys");
	o->local_path = join(o, o->run_dir, "policyd.sock");
	o->web_path = join(o, o->run_dir, "policyd-web.sock");
	o->lock_path = join(o, o->run_dir, "policyd.lock");
	o->setup_path = join(o, o->run_dir, "setup-token");
	if (!o->filterd_socket)
		o->filterd_socket = join(o, o->run_dir, CTL_SOCKET_NAME);
	if (!o->ring_socket)
		o->ring_socket = join(o, o->run_dir, CTL_RING_NAME);
	if (!o->egress_socket)
		o->egress_socket = join(o, o->run_dir, "egress.sock");
	if (!o->iqn_base)
		o->iqn_base = default_iqn_base(o);
	for (unsigned i = 0; i < o->path_count; i++)
		if (!o->paths[i])
			return err_set(err, ENOMEM, "", "no memory for paths");
	return find_users(o, err);
}

void options_free(struct options *o)
{
	for (unsigned i = 0; i < o->path_count; i++)
		free(o->paths[i]);
}
