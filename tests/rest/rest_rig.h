/* SPDX-License-Identifier: MIT */
/*
 * rest_rig.h - requests to the real routes, router and database, without sockets and daemons: as
 * local root, with an invented running state.
 *
 * Thread: the test's.
 */
#ifndef TESTS_REST_RIG_H
#define TESTS_REST_RIG_H

#include <jansson.h>

#include "app.h"
#include "store_link.h"

struct rig {
	char dir[64], db_path[100], transfer_dir[100];
	struct app app;
	struct apply_cfg cfg;
	/* what the daemons would say; borrowed, NULL: nothing */
	json_t *running, *sessions, *figures, *health;
	json_t *volume;   /* filterd's of any name */
	json_t *chain;    /* what its filters say: {filter: status} */
	bool is_stranger; /* the requests are nobody's */
	/* headers of the next request */
	const char *if_match, *host;
	/* of the last answer */
	int status;
	json_t *body; /* the rig's */
	char etag[32], text[4096];
	int body_fd;
};

extern struct rig rig;

int rig_open(void **state); /* cmocka's set-up and tear-down of a test */
int rig_close(void **state);

/* body as JSON text, NULL: none. Sets status, body and etag; fails the test when the answer is
 * neither JSON nor empty. Returns the status. */
int ask(const char *method, const char *path, const char *body);
/* The status must be this one; what came instead is shown. */
void expect(int status, const char *method, const char *path, const char *body);
/* A problem with this field, whose sentence holds word. */
void refused(int status, const char *field, const char *word, const char *method, const char *path,
	     const char *body);

const char *said(const char *member); /* text of the last body */
json_int_t said_number(const char *member);

/* A datastore "fast" with so much space, in state online. */
void rig_datastore(json_int_t used_bytes, json_int_t available_bytes);
void rig_note(const struct store_table *t, const char *name, json_t *changes); /* takes changes */

#endif
