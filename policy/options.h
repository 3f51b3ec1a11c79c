/* SPDX-License-Identifier: MIT */
/* options.h - what sluice-policyd's command line says. */
#ifndef POLICY_OPTIONS_H
#define POLICY_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct options {
	const char *run_dir, *state_dir;
	const char *filterd_socket, *ring_socket, *egress_socket; /* NULL: in run_dir */
	const char *tgt_socket;
	const char *iqn_base; /* NULL: made of the host's name */
	const char *samples_dir, *transfer_dir;
	const char *web_user, *web_group; /* NULL: root's alone */
	const char *restore;              /* a backup that takes the database's place */
	bool is_check_only;
	bool has_no_confinement;
	/* what is made of them; owned */
	char *paths[16];
	unsigned path_count;
	const char *db_path, *history_path, *backup_dir, *seal_path, *keys_dir, *local_path,
	    *web_path;
	const char *lock_path, *setup_path;
	uid_t web_uid;
	gid_t web_gid;
};

/* 0: go on; 1: all is said (--help, --version); -EINVAL: told on stderr. */
int must_check options_read(int argc, char **argv, struct options *out);
/* Paths, users and the IQN base from what was given. */
int must_check options_complete(struct options *o, struct err *err);
void options_free(struct options *o);

#endif
