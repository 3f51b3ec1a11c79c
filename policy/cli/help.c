/* SPDX-License-Identifier: MIT */
/* help.c - help out of the table, and what a mistyped command may have meant. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_MAX 3u

static const char usage_text[] =
    "usage: sluice [OPTION]... COMMAND [ARGUMENT]...\n"
    "\n"
    "  --socket PATH        sluice-policyd's socket; /run/sluice/policyd.sock\n"
    "  --url URL            an appliance elsewhere, https://HOST:8443, with\n"
    "  --token-file FILE    the file that holds a token; or SLUICE_TOKEN in the environment\n"
    "  --cacert FILE        the authority that signed its certificate, or\n"
    "  --fingerprint HEX    the SHA-256 of the certificate itself\n"
    "  --json               print what the appliance sends\n"
    "  --no-wait            do not wait until a change is carried out\n"
    "  --wait-limit TIME    wait so long at most: 30s, 5m\n"
    "  --dry-run            say what would be done, change nothing\n"
    "  --if-match REVISION  only if it is still at this revision\n"
    "  --yes                do not ask before what cannot be undone\n"
    "  --version, --help\n"
    "\n"
    "'sluice help COMMAND' says more, 'sluice completion bash' completes in the shell.\n"
    "Exit codes: 0 done; 1 refused or failed; 2 not written right; 3 nobody answered.\n";

/* ---------------------------------------------------------------- lists of commands */

struct listing {
	FILE *to;
	const char *prefix; /* NULL: all */
	unsigned count;
};

static bool begins_with_words(const char *words, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(words, prefix, len) == 0 && (words[len] == ' ' || words[len] == '\0');
}

static bool list_one(void *ctx, const struct command *cmd)
{
	struct listing *l = ctx;

	if (l->prefix && !begins_with_words(cmd->words, l->prefix))
		return true;
	fprintf(l->to, "  %-26s %s\n", cmd->words, cmd->help);
	l->count++;
	return true;
}

void help_usage(FILE *to)
{
	struct listing l = {.to = to};

	fputs(usage_text, to);
	fputs("\nCommands:\n", to);
	table_each(list_one, &l);
}

/* ---------------------------------------------------------------- one command */

const char *help_value_word(const struct arg *a)
{
	switch (a->type) {
	case ARG_NUMBER:
	case ARG_REAL:
		return "N";
	case ARG_SIZE:
		return "SIZE";
	case ARG_SECONDS:
	case ARG_TIME:
		return "TIME";
	case ARG_YES_NO:
		return "yes|no";
	case ARG_CHOICE:
		return a->values;
	case ARG_LIST:
		return "A,B";
	case ARG_RULES:
		return "RULE";
	case ARG_SECRET:
	case ARG_PEM:
	case ARG_JSON:
		return "FILE";
	default:
		return "TEXT";
	}
}

static bool takes_value(const struct arg *a)
{
	return a->type != ARG_FLAG && a->type != ARG_OFF;
}

static void print_usage_line(FILE *to, const struct command *cmd)
{
	fprintf(to, "usage: sluice %s", cmd->words);
	for (const struct arg *a = cmd->args; a && a->name; a++) {
		bool is_option = a->name[0] == '-';
		bool is_needed = (a->flags & ARG_REQUIRED) && !(a->flags & ARG_PROMPT);

		if (!a->name[0])
			continue;
		fprintf(to, is_needed ? " %s" : " [%s", a->name);
		if (is_option && takes_value(a))
			fprintf(to, " %s", help_value_word(a));
		if (!is_needed)
			fputc(']', to);
	}
	fputc('\n', to);
}

void help_command(FILE *to, const struct command *cmd)
{
	print_usage_line(to, cmd);
	fprintf(to, "\n%s\n\n", cmd->help);
	for (const struct arg *a = cmd->args; a && a->name; a++)
		if (a->name[0])
			fprintf(to, "  %-24s %s\n", a->name, a->help);
	if (cmd->flags & COMMAND_DESTROYS)
		fputs("  Asks before it does so; --yes answers.\n", to);
	if (cmd->more)
		fprintf(to, "%s%s\n", cmd->args ? "\n" : "", cmd->more);
	fprintf(to, "\nREST: %s %s\n", cmd->method, cmd->path);
}

/* "POST /volumes<TAB>volume create<TAB>body:name body:size_bytes ...", for tests. */
static bool print_route(void *ctx, const struct command *cmd)
{
	static const char *const places[] = {"body", "path", "query", "command"};

	fprintf(ctx, "%s %s\t%s\t", cmd->method, cmd->path, cmd->words);
	for (const struct arg *a = cmd->args; a && a->name; a++)
		if (!(a->flags & ARG_WHOLE_BODY))
			fprintf(ctx, "%s:%s ", places[a->place], a->member);
	fputc('\n', ctx);
	return true;
}

static void join(char *text, size_t text_bytes, int argc, char *const *argv)
{
	size_t at = 0;

	text[0] = '\0';
	for (int i = 0; i < argc && at < text_bytes; i++)
		at += (size_t)snprintf(text + at, text_bytes - at, "%s%s", i ? " " : "", argv[i]);
}

int help_run(struct cli *c, int argc, char *const *argv)
{
	struct listing l = {.to = c->out};
	const struct command *cmd;
	char words[128];
	int used;

	if (argc == 0) {
		help_usage(c->out);
		return CLI_OK;
	}
	if (strcmp(argv[0], "--routes") == 0) { /* which route a command asks; for tests */
		table_each(print_route, c->out);
		return CLI_OK;
	}
	cmd = table_find_command(argc, argv, &used);
	if (cmd && used == argc) {
		help_command(c->out, cmd);
		return CLI_OK;
	}
	join(words, sizeof(words), argc, argv);
	l.prefix = words;
	table_each(list_one, &l);
	if (l.count)
		return CLI_OK;
	help_unknown(c->log, argc, argv);
	return CLI_USAGE;
}

/* ---------------------------------------------------------------- mistakes */

#define WORD_MAX 40u

/* Letters to change, add or take out (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

struct nearest {
	const char *text;
	size_t same_bytes; /* a first word that is right, and the next one's first letter */
	unsigned best;
	const struct command *found[NEAR_MAX];
	unsigned count;
};

static bool compare(void *ctx, const struct command *cmd)
{
	struct nearest *n = ctx;
	unsigned d = distance(n->text, cmd->words);

	if (strncmp(n->text, cmd->words, n->same_bytes) != 0)
		return true;
	if (d * 3 > strlen(cmd->words) || d > 3 || d > n->best)
		return true;
	if (d < n->best)
		n->count = 0;
	n->best = d;
	if (n->count < NEAR_MAX)
		n->found[n->count++] = cmd;
	return true;
}

static bool is_first_word(void *ctx, const struct command *cmd)
{
	const char **word = ctx;

	if (!begins_with_words(cmd->words, *word))
		return true;
	*word = NULL;
	return false;
}

/* "volume": there are commands that begin so. */
static bool is_group(const char *word)
{
	table_each(is_first_word, &word);
	return !word;
}

/* As many of the words as could be a command's. */
static void guess(struct nearest *n, int argc, char *const *argv)
{
	for (int words = argc < 3 ? argc : 3; words > 0 && n->count == 0; words--) {
		static char text[WORD_MAX * 3];

		join(text, sizeof(text), words, argv);
		n->text = text;
		n->same_bytes = words > 1 && is_group(argv[0]) ? strlen(argv[0]) + 2 : 0;
		n->best = 4;
		table_each(compare, n);
	}
}

void help_unknown(FILE *to, int argc, char *const *argv)
{
	struct nearest n = {0};
	struct listing l = {.to = to, .prefix = argv[0]};

	if (argv[0][0] == '-') {
		fprintf(to, "sluice: there is no option '%s'\n  'sluice help' lists all options.\n",
			argv[0]);
		return;
	}
	guess(&n, argc, argv);
	if (n.count) {
		fprintf(to, "sluice: there is no command '%s%s%s'; was it", argv[0],
			argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
		for (unsigned i = 0; i < n.count; i++)
			fprintf(to, "%s '%s'", i ? " or" : "", n.found[i]->words);
		fputs("?\n", to);
		return;
	}
	if (argc == 1 && is_group(argv[0]))
		fprintf(to, "sluice: '%s' is the first word of several commands\n", argv[0]);
	else
		fprintf(to, "sluice: there is no command '%s%s%s'\n", argv[0], argc > 1 ? " " : "",
			argc > 1 ? argv[1] : "");
	table_each(list_one, &l);
	if (!l.count)
		fputs("  'sluice help' lists all commands.\n", to);
}
