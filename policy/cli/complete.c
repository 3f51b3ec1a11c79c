/* SPDX-License-Identifier: MIT */
/*
 * complete.c - what may stand at the cursor, one on a line: words and options out of the table,
 * names from the appliance, "@file" where a local file belongs. Silent when nobody answers.
 *
 * The shell's half is completion.bash; complete_script is the same text, for "completion bash".
 */
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "json.h"
#include "run.h"

#define CONNECT_MS 500u

const char complete_script[] =
    "# SPDX-License-Identifier: MIT\n"
    "# shellcheck shell=bash\n"
    "# bash completion for sluice: the program itself knows its words, options and the appliance's "
    "names.\n"
    "# To use it:  source <(sluice completion bash)\n"
    "_sluice() {\n"
    "\tlocal line words=(\"${COMP_WORDS[@]:1:COMP_CWORD}\")\n"
    "\tCOMPREPLY=()\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tCOMPREPLY+=(\"$line\")\n"
    "\tdone < <(sluice complete -- \"${words[@]}\" 2>/dev/null)\n"
    "\tif [ \"${#COMPREPLY[@]}\" = 1 ] && [ \"${COMPREPLY[0]}\" = \"@file\" ]; then\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
    "\tfi\n"
    "}\n"
    "complete -F _sluice sluice\n";

static const struct {
	const char *name;
	bool has_value;
} globals[] = {
    {"--socket", true},      {"--url", true},      {"--token-file", true}, {"--cacert", true},
    {"--fingerprint", true}, {"--if-match", true}, {"--wait-limit", true}, {"--json", false},
    {"--no-wait", false},    {"--dry-run", false}, {"--yes", false},       {"--help", false},
};
#define GLOBAL_COUNT (sizeof(globals) / sizeof(globals[0]))

struct completion {
	struct cli *c;
	char *const *words; /* whole ones, without the options that every command has */
	int count;
	const char *part; /* of the word at the cursor */
	const char *last; /* printed before: the same word comes once */
	char shown[40];
};

static void offer(struct completion *k, const char *word)
{
	if (strncmp(word, k->part, strlen(k->part)) == 0)
		fprintf(k->c->out, "%s\n", word);
}

/* ---------------------------------------------------------------- words of commands */

/* The next word of a command that begins with the words so far; neighbours in the table share
 * theirs, so comparing with the last one is enough but for a few. */
static bool offer_word(void *ctx, const struct command *cmd)
{
	struct completion *k = ctx;
	const char *w = cmd->words;
	char word[40];

	for (int i = 0; i < k->count; i++) {
		size_t len = strcspn(w, " ");

		if (strlen(k->words[i]) != len || strncmp(w, k->words[i], len) != 0)
			return true;
		w += len + (w[len] == ' ');
	}
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(w, " "), w);
	if (word[0] && strcmp(word, k->shown) != 0)
		offer(k, word);
	snprintf(k->shown, sizeof(k->shown), "%s", word);
	return true;
}

/* ---------------------------------------------------------------- values */

static void offer_choices(struct completion *k, const char *values)
{
	while (*values) {
		size_t len = strcspn(values, "|");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)len, values);
		offer(k, word);
		values += len + (values[len] == '|');
	}
}

static void offer_key(struct completion *k, const json_t *row)
{
	static const char *const keys[] = {"name", "id", "key"};

	for (size_t n = 0; n < sizeof(keys) / sizeof(keys[0]); n++) {
		const json_t *value = json_object_get(row, keys[n]);
		char number[24];

		if (!value)
			continue;
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		offer(k, json_is_string(value) ? json_string_value(value) : number);
		return;
	}
}

/* The names of a list, as the appliance has them now. */
static void offer_names(struct completion *k, const char *path)
{
	char whole[96];
	const json_t *row;
	json_t *reply;
	size_t i;
	int exit_code;

	snprintf(whole, sizeof(whole), "%s?limit=1000", path);
	reply = run_get(k->c, whole, true, &exit_code);
	if (exit_code == CLI_REFUSED) /* a list without pages */
		reply = run_get(k->c, path, true, &exit_code);
	json_array_foreach(json_object_get(reply, "items"), i, row)
	{
		offer_key(k, row);
	}
	json_decref(reply);
}

static void offer_value(struct completion *k, const struct arg *a)
{
	if (a->type == ARG_YES_NO)
		offer_choices(k, "yes|no");
	else if (a->type == ARG_SECRET || a->type == ARG_PEM || a->type == ARG_JSON ||
		 a->place == TO_COMMAND)
		fputs(a->type == ARG_LIST || a->type == ARG_SECONDS ? "" : "@file\n", k->c->out);
	else if (a->type == ARG_CHOICE)
		offer_choices(k, a->values);
	else if (a->values && a->values[0] == '/')
		offer_names(k, a->values);
}

/* ---------------------------------------------------------------- one command */

static bool has_value(const struct arg *a)
{
	return a->type != ARG_FLAG && a->type != ARG_OFF;
}

static const struct arg *option_of(const struct command *cmd, const char *word)
{
	for (const struct arg *a = cmd->args; a && a->name; a++)
		if (a->name[0] == '-' && strcmp(a->name, word) == 0)
			return a;
	return NULL;
}

/* The argument that stands at the cursor by its place. */
static const struct arg *place_of(const struct command *cmd, int used, const struct completion *k)
{
	int place = 0;

	for (int i = used; i < k->count; i++) {
		const struct arg *o = option_of(cmd, k->words[i]);

		if (!o && k->words[i][0] != '-')
			place++;
		else if (o && has_value(o))
			i++;
	}
	for (const struct arg *a = cmd->args; a && a->name; a++)
		if (a->name[0] && a->name[0] != '-' && place-- == 0)
			return a;
	return NULL;
}

static void offer_for(struct completion *k, const struct command *cmd, int used)
{
	const struct arg *o = k->count > used ? option_of(cmd, k->words[k->count - 1]) : NULL;
	const struct arg *place;

	if (o && has_value(o)) {
		offer_value(k, o);
		return;
	}
	place = place_of(cmd, used, k);
	if (place && k->part[0] != '-')
		offer_value(k, place);
	if (place && k->part[0] != '-')
		return;
	for (const struct arg *a = cmd->args; a && a->name; a++)
		if (a->name[0] == '-')
			offer(k, a->name);
	for (size_t i = 0; i < GLOBAL_COUNT; i++)
		if (k->part[0] == '-')
			offer(k, globals[i].name);
}

/* ---------------------------------------------------------------- the line */

/* The options that every command has are heeded and taken out. True: the cursor is at the value of
 * one. */
static bool globals_take(struct cli *c, int *count, char **words)
{
	int left = 0;

	for (int i = 0; i < *count; i++) {
		size_t g = 0;

		while (g < GLOBAL_COUNT && strcmp(globals[g].name, words[i]) != 0)
			g++;
		if (g == GLOBAL_COUNT) {
			words[left++] = words[i];
			continue;
		}
		if (!globals[g].has_value)
			continue;
		if (++i == *count)
			return true;
		if (strcmp(globals[g].name, "--socket") == 0)
			c->socket_path = words[i];
		else if (strcmp(globals[g].name, "--url") == 0)
			c->url = words[i];
		else if (strcmp(globals[g].name, "--token-file") == 0)
			c->token_file = words[i];
		else if (strcmp(globals[g].name, "--cacert") == 0)
			c->cacert = words[i];
		else if (strcmp(globals[g].name, "--fingerprint") == 0)
			c->fingerprint = words[i];
	}
	*count = left;
	return false;
}

int complete_run(struct cli *c, int count, char *const *words)
{
	struct completion k = {.c = c};
	const struct command *cmd;
	char **left;
	int used;

	if (count > 0 && strcmp(words[0], "--") == 0) {
		words++;
		count--;
	}
	if (count == 0)
		return CLI_OK;
	c->connect_ms = CONNECT_MS;
	k.part = words[count - 1];
	k.count = count - 1;
	left = calloc((size_t)count, sizeof(*left));
	if (!left)
		return CLI_REFUSED;
	for (int i = 0; i < k.count; i++)
		left[i] = words[i];
	if (globals_take(c, &k.count, left)) {
		fputs("@file\n", c->out);
	} else {
		k.words = left;
		cmd = table_find_command(k.count, left, &used);
		table_each(offer_word, &k);
		if (k.count == 0)
			offer(&k, "help");
		if (cmd)
			offer_for(&k, cmd, used);
		if (k.count == 0 && k.part[0] == '-')
			for (size_t i = 0; i < GLOBAL_COUNT; i++)
				offer(&k, globals[i].name);
	}
	free(left);
	return CLI_OK;
}
