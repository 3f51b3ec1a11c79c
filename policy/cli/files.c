/* SPDX-License-Identifier: MIT */
/* files.c - commands whose data is a file: a volume's content, the configuration; and those whose
 * reply is text of its own kind. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "print.h"
#include "run.h"
#include "value.h"

static const char *own_text(const struct call *call, const char *member)
{
	return json_string_value(json_object_get(call->own, member));
}

/* ---------------------------------------------------------------- volume read, volume write */

struct sink {
	int fd;
	int error;
};

static bool write_all(void *ctx, const char *data, size_t len)
{
	struct sink *s = ctx;

	while (len) {
		ssize_t n = write(s->fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			s->error = errno;
			return false;
		}
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static int cannot(struct cli *c, const char *what, const char *file, int error)
{
	fprintf(c->log, "sluice: cannot %s %s: %s\n", what, file, strerror(error));
	return CLI_REFUSED;
}

int files_read_run(struct cli *c, const struct call *call)
{
	const char *file = own_text(call, "output");
	struct sink sink = {.fd = STDOUT_FILENO};
	struct http_request q = {.chunk = write_all, .ctx = &sink, .is_endless = true};
	cleanup_fd int own_fd = -1;
	struct http_reply reply;
	int rc;

	if (!file && isatty(STDOUT_FILENO)) {
		fputs("sluice: a volume's content does not belong on a terminal; give --output "
		      "FILE\n",
		      c->log);
		return CLI_USAGE;
	}
	if (file) {
		own_fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (own_fd < 0)
			return cannot(c, "make", file, errno);
		sink.fd = own_fd;
	}
	rc = run_ask(c, call, &q, &reply);
	if (rc == CLI_OK)
		http_reply_free(&reply);
	if (rc == CLI_OK && !sink.error && own_fd >= 0 && fsync(own_fd) < 0)
		sink.error = errno;
	if (sink.error)
		rc = cannot(c, "write", file ? file : "standard output", sink.error);
	if (rc != CLI_OK && file)
		unlink(file);
	return rc;
}

int files_write_run(struct cli *c, const struct call *call)
{
	const char *file = own_text(call, "input");
	struct http_request q = {.is_stream = true, .body_fd = STDIN_FILENO, .is_endless = true};
	cleanup_fd int own_fd = -1;
	struct http_reply reply;
	int64_t task_id;
	int rc;

	if (!file && !c->is_yes) {
		fputs("sluice: with the content on standard input nobody can be asked; this "
		      "overwrites the volume: add --yes\n",
		      c->log);
		return CLI_USAGE;
	}
	if (!run_confirm(c, call))
		return CLI_USAGE;
	if (file) {
		own_fd = open(file, O_RDONLY | O_CLOEXEC);
		if (own_fd < 0)
			return cannot(c, "read", file, errno);
		q.body_fd = own_fd;
	}
	rc = run_ask(c, call, &q, &reply);
	if (rc != CLI_OK)
		return rc;
	if (c->is_json)
		print_json(c->out, reply.json);
	task_id = json_integer_value(json_object_get(reply.json, "task_id"));
	http_reply_free(&reply);
	if (!task_id || c->is_no_wait)
		return CLI_OK;
	return wait_task(c, task_id);
}

/* ---------------------------------------------------------------- the configuration */

int files_config_export_run(struct cli *c, const struct call *call)
{
	const char *file = own_text(call, "output");
	struct http_reply reply;
	FILE *to = c->out;
	int rc = run_ask(c, call, NULL, &reply);

	if (rc != CLI_OK)
		return rc;
	if (file) {
		int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		to = fd < 0 ? NULL : fdopen(fd, "w");
		if (!to) {
			http_reply_free(&reply);
			return cannot(c, "write", file, errno);
		}
	}
	print_json(to, reply.json);
	http_reply_free(&reply);
	if (file && fclose(to) != 0)
		return cannot(c, "write", file, errno);
	return CLI_OK;
}

static void print_change(FILE *to, const json_t *change)
{
	static const char *const words[][2] = {{"create", "+"}, {"change", "~"}, {"delete", "-"}};
	const char *action = json_string_value(json_object_get(change, "action")), *mark = "?";
	const char *member;
	json_t *value;

	for (size_t i = 0; action && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(action, words[i][0]) == 0)
			mark = words[i][1];
	print_line(to, "%s %s %s", mark, print_word(change, "object_type"),
		   print_word(change, "object_name"));
	json_object_foreach(json_object_get(change, "members"), member, value)
	{
		char was[VALUE_BYTES_MAX], is[VALUE_BYTES_MAX];

		value_text(member, json_object_get(value, "from"), was, sizeof(was));
		value_text(member, json_object_get(value, "to"), is, sizeof(is));
		if (mark[0] == '~')
			print_line(to, "    %s: %s -> %s", member, was, is);
		else
			print_line(to, "    %s: %s", member, is);
	}
}

static void print_changes(struct cli *c, const json_t *reply)
{
	const json_t *changes = json_object_get(reply, "changes"), *change;
	const char *host;
	json_t *secret;
	size_t i;

	if (json_array_size(changes) == 0)
		fputs("Nothing differs.\n", c->out);
	json_array_foreach(changes, i, change)
	{
		print_change(c->out, change);
	}
	json_object_foreach(json_object_get(reply, "chap_secrets"), host, secret)
	{
		print_line(c->out, "CHAP secret of host %s, shown once: %s", host,
			   json_is_string(secret) ? json_string_value(secret) : "-");
	}
}

/* config diff and config apply */
int changes_run(struct cli *c, const struct call *call)
{
	bool applies = strstr(call->path, "/apply") != NULL;
	struct http_reply reply;
	int64_t task_id;
	int rc;

	if (applies && json_is_true(json_object_get(call->body, "prune")) && !run_confirm(c, call))
		return CLI_USAGE;
	rc = run_ask(c, call, NULL, &reply);
	if (rc != CLI_OK)
		return rc;
	if (c->is_json)
		print_json(c->out, reply.json);
	else if (c->is_dry_run && applies)
		print_plan(c->out, reply.json);
	else
		print_changes(c, reply.json);
	task_id = json_integer_value(json_object_get(reply.json, "task_id"));
	http_reply_free(&reply);
	return task_id && !c->is_no_wait && !c->is_dry_run ? wait_task(c, task_id) : CLI_OK;
}

/* ---------------------------------------------------------------- texts of their own kind */

int connect_run(struct cli *c, const struct call *call)
{
	struct http_reply reply;
	const json_t *help, *line;
	size_t i, k;
	int rc = run_ask(c, call, NULL, &reply);

	if (rc != CLI_OK)
		return rc;
	if (c->is_json) {
		print_json(c->out, reply.json);
		http_reply_free(&reply);
		return CLI_OK;
	}
	print_line(c->out, "target: %s, LUN %lld", print_word(reply.json, "iqn"),
		   (long long)json_integer_value(json_object_get(reply.json, "lun")));
	json_array_foreach(json_object_get(reply.json, "help"), i, help)
	{
		fputc('\n', c->out);
		print_line(c->out, "%s", print_word(help, "title"));
		json_array_foreach(json_object_get(help, "lines"), k, line)
		{
			print_line(c->out, "  %s",
				   json_is_string(line) ? json_string_value(line) : "-");
		}
	}
	http_reply_free(&reply);
	return CLI_OK;
}

static void print_rule(FILE *to, const char *mark, const json_t *rule)
{
	char parameters[VALUE_BYTES_MAX];

	value_text("", json_object_get(rule, "parameters"), parameters, sizeof(parameters));
	print_line(to, "%s%s: %s  %s  on_failure=%s", mark, print_word(rule, "class"),
		   print_word(rule, "filter"), parameters, print_word(rule, "on_failure"));
}

static void print_rules(FILE *to, const char *mark, const json_t *rules)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		print_rule(to, mark, rule);
	}
}

/* policy diff and policy check */
int rules_run(struct cli *c, const struct call *call)
{
	struct http_reply reply;
	const json_t *rule;
	size_t i;
	int rc;

	if (strcmp(call->command->method, "POST") == 0 && !call->body) {
		fputs("sluice: give --rule or --rules-file\n", c->log);
		return CLI_USAGE;
	}
	rc = run_ask(c, call, NULL, &reply);
	if (rc != CLI_OK)
		return rc;
	if (c->is_json) {
		print_json(c->out, reply.json);
	} else if (json_object_get(reply.json, "rules")) {
		fputs("These rules are right:\n", c->out);
		print_rules(c->out, "  ", json_object_get(reply.json, "rules"));
	} else if (json_is_true(json_object_get(reply.json, "is_same"))) {
		fputs("Nothing differs.\n", c->out);
	} else {
		print_rules(c->out, "- ", json_object_get(reply.json, "removed"));
		print_rules(c->out, "+ ", json_object_get(reply.json, "added"));
		json_array_foreach(json_object_get(reply.json, "changed"), i, rule)
		{
			print_line(c->out, "~ %s:", print_word(rule, "filter"));
			print_object(c->out, rule);
		}
	}
	http_reply_free(&reply);
	return CLI_OK;
}
