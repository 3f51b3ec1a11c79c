/* SPDX-License-Identifier: MIT */
/*
 * rest.h - how a REST resource is written: a table of routes, and a function for each.
 *
 *   http/server.c     libmicrohttpd on two Unix sockets: the local one (root's, trusted by peer
 *                     credentials) and webd's (never trusted: token or session in every request)
 *   http/router.c     path to route; rights; one transaction around each change; audit; ETag,
 *                     Idempotency-Key, dry run
 *   http/problem.c    struct err to problem+json (RFC 9457)
 *   http/auth*.c      tokens, sessions, passwords, lockout
 *   http/sse.c        Server-Sent Events
 *   rest/ *.c         the resources, one file each
 *
 * A route's function runs on main and must not block but on the database. For POST, PUT, PATCH and
 * DELETE the router has opened a transaction; 0 commits it together with the audit row, an error
 * undoes all. With ?dry_run=1 the same happens, the planner's steps are added to the reply as
 * "plan", and all is undone. After a commit the reconciler is woken.
 *
 * Thread: main.
 */
#ifndef POLICY_REST_H
#define POLICY_REST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "store.h"

struct app;

enum rest_role { REST_PUBLIC, REST_VIEWER, REST_OPERATOR, REST_ADMIN };
enum route_flags {
	ROUTE_READS =
	    1, /* a POST that changes nothing: no transaction, no audit row (diff, check) */
	ROUTE_STREAM_IN = 2, /* the body is not JSON and not limited: it goes into reply.body_fd */
	ROUTE_BIG_BODY = 4,  /* up to 16 MiB instead of 1 MiB: config */
	ROUTE_SLOW = 8,      /* login, password changes: carried on by the password threads */
	ROUTE_NO_RECONCILE = 16, /* users, tokens: no need to look at filterd and tgtd */
	ROUTE_TOP = 32, /* the path is not below /api/v1: "/healthz", "/readyz", "/metrics" */
};

struct actor {
	char name[100]; /* "root (local)", "user:anna", "token:ci" */
	enum rest_role role;
	int64_t user_id; /* 0: none */
	int64_t session_id, token_id;
	char address[64]; /* as webd saw it; "" local */
};

struct request {
	struct app *app;
	struct store *store;
	const struct route *route;
	const char *method, *path;
	const char *segments[4]; /* what {name} and the like stood for, in order, decoded */
	json_t *body;            /* an object; NULL: none was sent */
	struct actor actor;
	int64_t if_match; /* 0: none was sent */
	bool is_dry_run;
	bool is_part; /* of a configuration document, which has one task for all: rest_task() makes
			 none */
	void *http;   /* server's */
	struct slow *slow; /* ROUTE_SLOW: what the password threads do; see slow.h */
};
/* ?name=value, decoded; NULL: not given. Unknown names are refused by the router: see route.query.
 */
const char *request_query(const struct request *q, const char *name);
const char *request_header(const struct request *q, const char *name);

struct reply {
	int status;       /* 0: 200; 201 with a location; 202 with task_id; 204 without a body */
	json_t *body;     /* the reply owns it */
	int64_t revision; /* ETag; 0: none */
	int64_t task_id;  /* 202, Location: /api/v1/tasks/N, and "task_id" in the body */
	char location[256];
	/* for the audit row and events; the router takes path segment 0 and the route's object
	 * otherwise */
	char object_name[100];
	/* instead of body: */
	char *text; /* content_type says what; owned */
	const char *content_type;
	int body_fd; /* STREAM_IN: where the body goes; -1: none. STREAM_OUT: where the reply comes
			from. */
	uint64_t body_bytes; /* of a stream out; UINT64_MAX: not known */
	void (*ended)(void *ctx, bool is_whole,
		      struct reply *r); /* STREAM_IN: all is sent; fills the final reply.
					   Stream out: all is sent or not; r is not looked at */
	void *ended_ctx;
	bool is_sse; /* topics in text */
	/* with an error: */
	const char *problem;    /* its stable code where errno's is too coarse; NULL: errno's */
	unsigned retry_after_s; /* Retry-After; 0: what belongs to the status */
};

typedef int (*route_fn)(struct request *q, struct reply *r, struct err *err);

struct route {
	const char *method;  /* "GET" */
	const char *path;    /* below /api/v1: "/volumes/{name}/access" */
	enum rest_role role; /* least */
	uint32_t flags;
	route_fn fn;
	const char *object; /* "volume"; for audit and tasks */
	const char *const
	    *query; /* names that it takes besides dry_run, ends with NULL; NULL: none.
		       "*" among them: the function checks the others itself, as rest_list() does */
};

/* Errors' numbers become statuses: EINVAL ERANGE ENAMETOOLONG 422, EBADMSG 400, ENOENT 404, EEXIST
 * EBUSY ENOTEMPTY 409, ESTALE 412, EACCES 403, EPERM 401, EFBIG 413, ENOSPC 507, EAGAIN
 * ECONNREFUSED 503 with Retry-After, ENOTSUP 501, EDQUOT 429, others 500. "code" is stable:
 * problem.c. */

/* Every resource's table; ends with method NULL. rest_tables[] in rest/tables.c lists them, ends
 * with NULL. */
extern const struct route *const rest_tables[];

/* ---------------------------------------------------------------- helpers for resources */

/* The list of a table by ?limit&cursor&sort&q and filterable columns; each row made public, and
 * shown to each (may be NULL), which may add members. */
int must_check rest_list(struct request *q, struct reply *r, const struct store_table *t,
			 void (*each)(struct request *q, json_t *row), struct err *err);
/* The same of the rows alone whose column has this value. */
int must_check rest_list_of(struct request *q, struct reply *r, const struct store_table *t,
			    const char *column, const char *value,
			    void (*each)(struct request *q, json_t *row), struct err *err);
/* Names that rest_list() takes, for route.query, made from the table's flags at start. */
extern const char *const rest_list_query[];
/* One row, public, with its ETag. Owns: takes row. */
void rest_row(struct request *q, struct reply *r, const struct store_table *t, json_t *row,
	      void (*each)(struct request *q, json_t *row));
/* If-Match against the row's revision: -ESTALE. A change without If-Match is allowed. */
int must_check rest_match(const struct request *q, const json_t *row, struct err *err);
/* An event row, and whoever listens is told after the commit. */
int must_check rest_event(struct request *q, const char *severity, const char *kind,
			  const char *object_type, const char *object_name, struct err *err,
			  const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* A task of this request's actor. Its id goes into r->task_id. */
int must_check rest_task(struct request *q, struct reply *r, const char *kind,
			 const char *object_type, const char *object_name, bool is_cancellable,
			 const json_t *parameters, struct err *err);

#endif
