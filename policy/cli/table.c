/* SPDX-License-Identifier: MIT */
/* table.c - the commands' tables put together, and how a command is found in them. Pure. */
#include "tables.h"

#include <string.h>

#include "cli.h"

const struct command *const command_tables[] = {
    table_status_commands, table_volume_commands,     table_snapshot_commands,
    table_cache_commands,  table_encryption_commands, table_datastore_commands,
    table_host_commands,   table_policy_commands,     table_replication_commands,
    table_key_commands,    table_record_commands,     table_alert_commands,
    table_user_commands,   table_system_commands,     NULL,
};

void table_each(bool (*fn)(void *ctx, const struct command *cmd), void *ctx)
{
	for (const struct command *const *t = command_tables; *t; t++)
		for (const struct command *cmd = *t; cmd->words; cmd++)
			if (!fn(ctx, cmd))
				return;
}

/* How many of argv's first words are all of the command's words; 0: they are not. */
static int words_match(const char *words, int argc, char *const *argv)
{
	int n = 0;

	while (*words) {
		size_t len = strcspn(words, " ");

		if (n == argc || strlen(argv[n]) != len || strncmp(argv[n], words, len) != 0)
			return 0;
		n++;
		words += len;
		words += strspn(words, " ");
	}
	return n;
}

struct finding {
	int argc;
	char *const *argv;
	int best;
	const struct command *cmd;
};

static bool look_at(void *ctx, const struct command *cmd)
{
	struct finding *f = ctx;
	int n = words_match(cmd->words, f->argc, f->argv);

	if (n > f->best) {
		f->best = n;
		f->cmd = cmd;
	}
	return true;
}

const struct command *table_find_command(int argc, char *const *argv, int *used)
{
	struct finding f = {.argc = argc, .argv = argv};

	table_each(look_at, &f);
	*used = f.best;
	return f.cmd;
}
