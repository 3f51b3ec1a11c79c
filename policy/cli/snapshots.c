/* SPDX-License-Identifier: MIT */
/* snapshots.c - a volume's snapshots as a tree. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "http.h"
#include "json.h"
#include "print.h"
#include "run.h"
#include "value.h"

#define TEXT_BYTES  64u
#define DEPTH_SHOWN 16u /* more would not fit in a line; they stand below one another then */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static void member_text(const json_t *row, const char *key, char out[TEXT_BYTES])
{
	value_text(key, json_object_get(row, key), out, TEXT_BYTES);
}

static void print_names(struct cli *c, const char *what, const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		fprintf(c->out, "%s %s", i ? "," : what, json_string_value(name));
	}
}

static void print_node(struct cli *c, const json_t *node, unsigned depth)
{
	char own[TEXT_BYTES], taken[TEXT_BYTES];
	unsigned indent = (depth < DEPTH_SHOWN ? depth : DEPTH_SHOWN) * 2;

	member_text(node, "own_bytes", own);
	member_text(node, "created_ms", taken);
	fprintf(c->out, "%*s%s  %s  %s", (int)indent, "", text_of(node, "name"), taken, own);
	if (strcmp(text_of(node, "state"), "ready") != 0)
		fprintf(c->out, "  %s", text_of(node, "state"));
	print_names(c, "  clones:", json_object_get(node, "clones"));
	print_names(c, "  shown as:", json_object_get(node, "exposures"));
	fputc('\n', c->out);
}

/* The volume as it is written now stands below the snapshot that it rests on. */
static void print_level(struct cli *c, const json_t *items, const json_t *tree, const char *parent,
			unsigned depth)
{
	const json_t *head = json_object_get(tree, "head"), *node;
	char own[TEXT_BYTES];
	size_t i;

	json_array_foreach(items, i, node)
	{
		print_node(c, node, depth);
		print_level(c, json_object_get(node, "children"), tree, text_of(node, "uuid"),
			    depth + 1);
	}
	if (!json_is_object(head) || strcmp(text_of(head, "parent"), parent) != 0)
		return;
	member_text(head, "own_bytes", own);
	fprintf(c->out, "%*s* %s as it is now  %s\n",
		(int)((depth < DEPTH_SHOWN ? depth : DEPTH_SHOWN) * 2), "", text_of(tree, "volume"),
		own);
}

int snapshot_tree_run(struct cli *c, const struct call *call)
{
	struct http_reply reply = {0};
	int rc = run_ask(c, call, NULL, &reply);

	if (rc != CLI_OK)
		return rc;
	if (c->is_json) {
		print_json(c->out, reply.json);
	} else {
		print_level(c, json_object_get(reply.json, "items"), reply.json, "", 0);
		if (json_is_true(json_object_get(reply.json, "is_degraded")))
			print_line(c->out, "not whole: %s", text_of(reply.json, "problem"));
	}
	http_reply_free(&reply);
	return CLI_OK;
}
