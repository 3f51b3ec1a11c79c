/* SPDX-License-Identifier: MIT */
/* run.h - the steps of which commands are made: asking, refusing, waiting. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli.h"
#include "http.h"

/* Connects on first use. CLI_OK or the exit code; what went wrong has been said. */
int run_connect(struct cli *c);
/* One request of call; a refusal has been said. CLI_OK: *reply is the caller's to free. */
int run_ask(struct cli *c, const struct call *call, const struct http_request *more,
	    struct http_reply *reply);
/* GET /api/v1<path>; NULL: refused or unreachable, *exit_code says which and is_quiet how loudly.
 * New reference. */
json_t *run_get(struct cli *c, const char *path, bool is_quiet, int *exit_code);
/* As run_get(), of what a filter says: policyd asks it once somebody wants to know, so the first
 * answer may be that nothing is known yet ("is_known": false), and this waits for the next. */
json_t *run_get_known(struct cli *c, const char *path, int *exit_code);

#endif
