/* SPDX-License-Identifier: MIT */
/*
 * cli.h - the program sluice: a table of commands, and what turns one line of words into one
 * request and its reply into text.
 *
 *   main.c           options, then one command
 *   table.c          finding a command; table_*.c hold the commands themselves, by resource
 *   args.c           words into path, query and body; args_value.c one value by its type;
 *                    args_secret.c files and prompts
 *   http.c           libcurl: a Unix socket, or HTTPS with a token; pin.c a pinned certificate
 *   run.c            the usual way of a command: confirm, ask, wait, print
 *   wait.c           following a task
 *   print.c          rows and objects for people; value.c one value by its unit
 *   help.c           help and mistakes, out of the table
 *   complete.c       bash completion, out of the table and the appliance's names
 *   status.c top.c follow.c files.c cache.c snapshots.c   commands that do more than ask once
 *
 * What a route takes is checked by the appliance; here stands only what it takes to write it down.
 *
 * Thread: one. Exit codes: see enum cli_exit.
 */
#ifndef CLI_H
#define CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_REFUSED = 1, /* the appliance said no, or the task failed; status: not all is well */
	CLI_USAGE = 2,   /* the command is not right */
	CLI_UNREACHABLE = 3, /* nobody answered */
};

/* ---------------------------------------------------------------- the table */

enum arg_type {
	ARG_TEXT,
	ARG_NUMBER,
	ARG_REAL,    /* a number, or "never": null */
	ARG_SIZE,    /* 10G */
	ARG_SECONDS, /* 90, 15m, 12h, 30d */
	ARG_TIME,    /* "2026-01-31 12:00", local; or -2h: so long ago; becomes Unix ms */
	ARG_YES_NO,
	ARG_FLAG,       /* takes no value: true */
	ARG_OFF,        /* takes no value: false */
	ARG_CHOICE,     /* one of values, "a|b" */
	ARG_LIST,       /* may be repeated, commas separate; "" alone: an empty list */
	ARG_RULES,      /* may be repeated: filter[,parameter=value...][,on_failure=bypass|hold] */
	ARG_PARAMETERS, /* the last by its place, may be repeated: parameter=value; an object */
	ARG_SECRET,     /* the name of a file that holds it; "-": standard input, or a prompt */
	ARG_PEM,        /* the name of a file: the text in it, line by line as it is */
	ARG_JSON,       /* the name of a file that holds it; "-": standard input */
	ARG_VALUE,      /* JSON if it is such, text if not */
	ARG_FIXED,      /* not written by people: member is always what values says, as JSON */
};

enum arg_place { TO_BODY, TO_PATH, TO_QUERY, TO_COMMAND };
enum arg_flags {
	ARG_REQUIRED = 1,
	ARG_WHOLE_BODY = 2, /* ARG_JSON: it is the body, not a member of it */
	ARG_PROMPT = 4,     /* ARG_SECRET: asked for when it is not given */
	ARG_TWICE = 8,      /* and once more, to be sure */
	ARG_EMPTY = 16,     /* ARG_LIST, ARG_PARAMETERS: an empty one when it is not given */
};

struct arg {
	const char *name; /* "NAME": by its place; "--size": an option */
	enum arg_type type;
	enum arg_place place;
	const char *member; /* JSON member, query name or path parameter */
	uint32_t flags;
	const char
	    *values; /* CHOICE: "a|b"; FIXED: JSON; else the list whose names fit: "/hosts" */
	const char *help;
};

struct column {
	const char *title;
	const char *member; /* "target.iqn"; its unit is in its name; "@x": see value.h */
};

enum command_flags {
	COMMAND_DESTROYS = 1, /* asks for the typed name, or --yes */
	COMMAND_LIST = 2,     /* {"items", "next_cursor", "total"} */
	COMMAND_PLAIN = 4,    /* prints the reply as it comes */
	COMMAND_CONFIRMS = 8, /* the name once more, as ?confirm= */
};

struct cli;
struct call;

struct command {
	const char *words;  /* "volume create" */
	const char *method; /* "POST" */
	const char *path; /* "/volumes/{name}"; below /api/v1 unless it is /healthz and the like */
	const char *help; /* one sentence */
	const struct arg *args;       /* ends with name NULL; may be NULL */
	const struct column *columns; /* of a list; ends with title NULL; NULL: an object */
	uint32_t flags;
	int (*run)(struct cli *c, const struct call *call); /* NULL: run_usual() */
	const char *more; /* for help: what else is worth knowing; may be NULL */
};

/* One resource after the other; ends with NULL, each table with words NULL. */
extern const struct command *const command_tables[];

/* The command that the most of the first words name; *used: how many. NULL: none. */
const struct command *table_find_command(int argc, char *const *argv, int *used);
/* Calls fn for each command; stops when it says so by false. */
void table_each(bool (*fn)(void *ctx, const struct command *cmd), void *ctx);

/* ---------------------------------------------------------------- one run */

struct http;

struct cli {
	const char *socket_path, *url, *token_file, *cacert, *fingerprint;
	bool is_json, is_no_wait, is_dry_run, is_yes;
	const char *if_match;    /* revision; NULL: none */
	uint32_t connect_ms;     /* 0: http.c's own limit */
	uint64_t wait_limit_s;   /* 0: as long as it takes */
	struct http *http;       /* NULL: not connected yet */
	FILE *out, *log;         /* stdout and stderr, or a test's */
	bool is_secret_on_stdin; /* it can be read once */
};

/* What args.c makes of the words. */
struct call {
	const struct command *command;
	char *path;     /* with its parameters in place, escaped */
	json_t *query;  /* object of strings */
	json_t *body;   /* object, or NULL */
	json_t *own;    /* TO_COMMAND's members */
	char name[128]; /* the path's first parameter, or the body's "name"; "" */
};

/* Words after the command's own. Errors: -EINVAL, -ERANGE: a usage error with its sentence. */
int must_check args_parse(struct cli *c, const struct command *cmd, int argc, char *const *argv,
			  struct call *out, struct err *err);
void args_free(struct call *call);
/* One text by arg's type; lists and rules are appended to *value if it is there. */
int must_check args_value(struct cli *c, const struct arg *arg, const char *text, json_t **value,
			  struct err *err);
/* A whole file, zero-terminated, "-": standard input; freed by the caller. */
char *args_file(const char *name, const char *file, size_t max_bytes, struct err *err);
/* A secret from a file, standard input or a prompt; cleared and freed by args_forget(). */
char *args_secret(struct cli *c, const struct arg *arg, const char *file, struct err *err);
void args_forget(char *secret);

/* path?query, escaped; caller frees. */
char *args_target(const char *path, const json_t *query);

/* Runs one command; the exit code. */
int cli_run(struct cli *c, const struct command *cmd, int argc, char *const *argv);
int run_usual(struct cli *c, const struct call *call);
/* Prints the sentence and what to do next; the exit code that fits. */
int run_fail(struct cli *c, const struct command *cmd, const struct err *err);
/* True when yes was said one way or the other. what: "delete volume web-1 and its data" */
bool run_confirm(struct cli *c, const struct call *call);

/* Until it has ended; prints what it does. The exit code. */
int wait_task(struct cli *c, int64_t task_id);

/* ---------------------------------------------------------------- special commands */

int status_run(struct cli *c, const struct call *call);
int top_run(struct cli *c, const struct call *call);
int follow_run(struct cli *c, const struct call *call);
int files_read_run(struct cli *c, const struct call *call);  /* volume read */
int files_write_run(struct cli *c, const struct call *call); /* volume write */
int files_config_export_run(struct cli *c, const struct call *call);
int connect_run(struct cli *c, const struct call *call);
int snapshot_tree_run(struct cli *c, const struct call *call);
int cache_show_run(struct cli *c, const struct call *call);
int cache_drop_run(struct cli *c, const struct call *call);
int encryption_show_run(struct cli *c, const struct call *call);
int changes_run(struct cli *c, const struct call *call);
int rules_run(struct cli *c, const struct call *call);
int health_run(struct cli *c, const struct call *call);

/* ---------------------------------------------------------------- without the appliance */

void help_usage(FILE *to);
int help_run(struct cli *c, int argc, char *const *argv);
void help_command(FILE *to, const struct command *cmd);
/* "volume crate": names what comes near. */
void help_unknown(FILE *to, int argc, char *const *argv);
/* The words that an option stands for in help: "SIZE". */
const char *help_value_word(const struct arg *arg);

/* words: what stands before the cursor, the last one being completed. */
int complete_run(struct cli *c, int count, char *const *words);
extern const char complete_script[];

#endif
