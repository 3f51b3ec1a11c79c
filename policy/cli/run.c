/* SPDX-License-Identifier: MIT */
/* run.c - the usual way of a command: confirm, ask, wait for the task, print. */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "print.h"

#define KNOWN_LOOKS   5
#define KNOWN_LOOK_MS 500

/* ---------------------------------------------------------------- what to do next */

static int unreachable(struct cli *c, const struct err *err)
{
	fprintf(c->log, "sluice: %s\n", err->text);
	if (c->url && err->code == EPROTO)
		fputs(
		    "  If the appliance made its certificate itself, give --fingerprint with what "
		    "'sluice-webd --fingerprint' prints there, or --cacert FILE.\n",
		    c->log);
	else if (c->url)
		fputs("  Check the address and that sluice-webd runs there: systemctl status "
		      "sluice-webd\n",
		      c->log);
	else if (geteuid() != 0)
		fputs("  This socket is root's. Say sudo sluice ..., or --url https://HOST:8443 "
		      "--token-file FILE.\n",
		      c->log);
	else
		fputs("  Is sluice-policyd running? systemctl status sluice-policyd\n"
		      "  Hosts are served without it. Another socket: --socket PATH\n",
		      c->log);
	return CLI_UNREACHABLE;
}

int run_fail(struct cli *c, const struct command *cmd, const struct err *err)
{
	switch (err->code) {
	case ECONNREFUSED:
	case ETIMEDOUT:
	case ECONNRESET:
	case EPROTO:
	case EFBIG:
		return unreachable(c, err);
	default:
		fprintf(c->log, "sluice: %s\n", err->text);
		if (cmd)
			fprintf(c->log, "  'sluice help %s' shows how it is written.\n",
				cmd->words);
		return CLI_USAGE;
	}
}

/* The option that a member was written as. */
static const char *option_of(const struct command *cmd, const char *field)
{
	size_t len = strcspn(field, "[.");

	for (const struct arg *a = cmd->args; a && a->name && len; a++)
		if (a->name[0] == '-' && a->member && strlen(a->member) == len &&
		    strncmp(a->member, field, len) == 0)
			return a->name;
	return NULL;
}

static void list_hint(struct cli *c, const struct command *cmd)
{
	char words[64], list[] = "list";
	char *argv[2] = {words, list};
	int used;

	snprintf(words, sizeof(words), "%.*s", (int)strcspn(cmd->words, " "), cmd->words);
	if (table_find_command(2, argv, &used) && used == 2)
		fprintf(c->log, "  'sluice %s list' shows what there is.\n", words);
}

static void hint(struct cli *c, const struct call *call, long status)
{
	const struct command *cmd = call->command;

	switch (status) {
	case 401:
		fputs("  Give a token that is valid: --token-file FILE or SLUICE_TOKEN; or ask as "
		      "root on the appliance.\n",
		      c->log);
		break;
	case 403:
		fputs("  'sluice whoami' shows your role; an administrator can make a token with "
		      "another one.\n",
		      c->log);
		break;
	case 404:
		list_hint(c, cmd);
		break;
	case 412:
		fputs("  Somebody changed it meanwhile: look at it again before you change it.\n",
		      c->log);
		break;
	case 400:
	case 422:
		fprintf(c->log, "  'sluice help %s' shows what it takes.\n", cmd->words);
		break;
	case 429:
	case 503:
		fputs("  Try again in a moment; 'sluice status' says what is down.\n", c->log);
		break;
	case 507:
		fputs("  'sluice datastore list' shows where there is room.\n", c->log);
		break;
	case 500:
		fputs("  This is the appliance's fault: journalctl -u sluice-policyd says more.\n",
		      c->log);
		break;
	default:
		break;
	}
}

static int refused(struct cli *c, const struct call *call, const struct http_reply *reply)
{
	const char *code = NULL, *option;
	struct err err = {0};

	if (http_refusal(reply, &code, &err) == 0)
		return CLI_OK;
	if (c->is_json && reply->json)
		print_json(c->out, reply->json);
	option = option_of(call->command, err.field);
	if (option)
		print_line(c->log, "sluice: %s (%s)", err.text, option);
	else
		print_line(c->log, "sluice: %s", err.text);
	hint(c, call, reply->status);
	return CLI_REFUSED;
}

/* ---------------------------------------------------------------- asking */

int run_connect(struct cli *c)
{
	static struct http_cfg cfg;
	struct err err = {0};

	if (c->http)
		return CLI_OK;
	cfg = (struct http_cfg){.socket_path = c->socket_path,
				.url = c->url,
				.token_file = c->token_file,
				.cacert = c->cacert,
				.fingerprint = c->fingerprint,
				.connect_ms = c->connect_ms};
	return http_open(&cfg, &c->http, &err) < 0 ? run_fail(c, NULL, &err) : CLI_OK;
}

int run_ask(struct cli *c, const struct call *call, const struct http_request *more,
	    struct http_reply *reply)
{
	struct http_request q = more ? *more : (struct http_request){0};
	cleanup_json json_t *query = json_copy(call->query);
	cleanup_free char *target = NULL;
	struct err err = {0};
	int rc = run_connect(c);

	if (rc != CLI_OK)
		return rc;
	if (c->is_dry_run && strcmp(call->command->method, "GET") != 0) {
		if (!query)
			query = json_object();
		json_object_set_new(query, "dry_run", json_string("1"));
	}
	target = args_target(call->path, query);
	q.method = call->command->method;
	q.target = target;
	q.body = call->body;
	q.if_match = c->if_match;
	if (!target)
		err_set(&err, ENOMEM, "", "no memory");
	if (!target || http_ask(c->http, &q, reply, &err) < 0)
		return run_fail(c, NULL, &err);
	rc = refused(c, call, reply);
	if (rc != CLI_OK)
		http_reply_free(reply);
	return rc;
}

json_t *run_get(struct cli *c, const char *path, bool is_quiet, int *exit_code)
{
	static const struct command get = {.words = "", .method = "GET"};
	cleanup_free char *full = NULL;
	struct call call = {.command = &get};
	struct http_reply reply;
	FILE *log = c->log;
	json_t *json = NULL;

	if (asprintf(&full, "/api/v1%s", path) < 0)
		full = NULL;
	call.path = full;
	if (is_quiet)
		c->log = fopen("/dev/null", "we");
	*exit_code = full && c->log ? run_ask(c, &call, NULL, &reply) : CLI_REFUSED;
	if (is_quiet && c->log)
		fclose(c->log);
	c->log = log;
	if (*exit_code != CLI_OK)
		return NULL;
	json = json_incref(reply.json);
	http_reply_free(&reply);
	return json;
}

json_t *run_get_known(struct cli *c, const char *path, int *exit_code)
{
	for (int i = 1;; i++) {
		json_t *json = run_get(c, path, false, exit_code);

		if (!json || i == KNOWN_LOOKS || json_is_null(json_object_get(json, "filter")) ||
		    json_is_true(json_object_get(json, "is_known")))
			return json;
		json_decref(json);
		poll(NULL, 0, KNOWN_LOOK_MS);
	}
}

/* ---------------------------------------------------------------- lists */

static const json_t *rows_of(const json_t *reply)
{
	const json_t *rows = json_object_get(reply, "items");

	return rows ? rows : json_object_get(reply, "points");
}

/* {"items", "next_cursor": null, "total"} */
static int all_pages(struct cli *c, const struct call *call, json_t **out)
{
	struct call page = *call;
	struct http_reply reply;
	int rc = CLI_OK;

	*out = NULL;
	page.query = call->query ? json_copy(call->query) : json_object();
	while (rc == CLI_OK) {
		const char *cursor;

		rc = run_ask(c, &page, NULL, &reply);
		if (rc != CLI_OK)
			break;
		if (!*out)
			*out = json_incref(reply.json);
		else
			json_array_extend(json_object_get(*out, "items"),
					  json_object_get(reply.json, "items"));
		cursor = json_string_value(json_object_get(reply.json, "next_cursor"));
		if (cursor && !json_object_get(call->query, "limit")) {
			json_object_set_new(page.query, "cursor", json_string(cursor));
			json_object_set_new(*out, "next_cursor", json_null());
			http_reply_free(&reply);
			continue;
		}
		http_reply_free(&reply);
		break;
	}
	json_decref(page.query);
	if (rc != CLI_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

static int show_list(struct cli *c, const struct call *call)
{
	json_t *all;
	int rc = all_pages(c, call, &all);

	if (rc != CLI_OK)
		return rc;
	if (c->is_json)
		print_json(c->out, all);
	else if (json_array_size(rows_of(all)) == 0)
		fputs("There is none.\n", c->out);
	else
		print_table(c->out, call->command->columns, rows_of(all));
	json_decref(all);
	return CLI_OK;
}

/* ---------------------------------------------------------------- yes or no */

bool run_confirm(struct cli *c, const struct call *call)
{
	const char *word = call->name[0] ? call->name : "yes";
	char line[160];

	if (c->is_yes || c->is_dry_run)
		return true;
	if (!isatty(STDIN_FILENO)) {
		fprintf(c->log, "sluice: '%s %s' cannot be undone; if that is meant, add --yes\n",
			call->command->words, call->name);
		return false;
	}
	fprintf(c->log, "%s\nThis cannot be undone. Type %s to go on: ", call->command->help, word);
	fflush(c->log);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (strcmp(line, word) == 0)
		return true;
	fputs("sluice: nothing was changed\n", c->log);
	return false;
}

/* ---------------------------------------------------------------- the usual way */

static bool is_change(const struct command *cmd)
{
	return strcmp(cmd->method, "GET") != 0;
}

static int show(struct cli *c, const struct call *call, const struct http_reply *reply)
{
	int64_t task_id = json_integer_value(json_object_get(reply->json, "task_id"));
	bool has_secret = false;

	if (call->command->flags & COMMAND_PLAIN) {
		fwrite(reply->text, 1, reply->len, c->out);
		return CLI_OK;
	}
	if (c->is_json && reply->json)
		print_json(c->out, reply->json);
	else if (c->is_dry_run && is_change(call->command))
		print_plan(c->out, reply->json);
	else if (task_id)
		has_secret = print_secrets(c->out, reply->json);
	else if (reply->json)
		has_secret = print_object(c->out, reply->json);
	else
		fputs("Done.\n", c->out);
	if (has_secret)
		fputs("Keep it now: it is not shown again.\n", c->log);
	fflush(c->out);
	if (!task_id || c->is_dry_run)
		return CLI_OK;
	if (!c->is_no_wait)
		return wait_task(c, task_id);
	if (!c->is_json)
		fprintf(c->out, "Accepted; 'sluice task show %lld' tells how it goes.\n",
			(long long)task_id);
	return CLI_OK;
}

int run_usual(struct cli *c, const struct call *call)
{
	struct http_reply reply;
	int rc;

	if ((call->command->flags & COMMAND_DESTROYS) && !run_confirm(c, call))
		return CLI_USAGE;
	if (call->command->flags & COMMAND_LIST)
		return show_list(c, call);
	rc = run_ask(c, call, NULL, &reply);
	if (rc != CLI_OK)
		return rc;
	rc = show(c, call, &reply);
	http_reply_free(&reply);
	return rc;
}

int cli_run(struct cli *c, const struct command *cmd, int argc, char *const *argv)
{
	struct err err = {0};
	struct call call;
	int rc;

	if (args_parse(c, cmd, argc, argv, &call, &err) < 0)
		return run_fail(c, cmd, &err);
	rc = cmd->run ? cmd->run(c, &call) : run_usual(c, &call);
	args_free(&call);
	return rc;
}
