/* SPDX-License-Identifier: MIT */
/* main.c - sluice: the options that every command has, then the command. */
#include <curl/curl.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "http.h"
#include "parse.h"
#include "release.h"

#define SOCKET_PATH "/run/sluice/policyd.sock"

enum option_kind { OPTION_TEXT, OPTION_FLAG, OPTION_SECONDS };
struct option {
	const char *name;
	enum option_kind kind;
	void *to;
};

static int seconds(const struct option *o, const char *text, struct err *err)
{
	const struct arg arg = {.name = o->name, .type = ARG_SECONDS};
	json_t *value = NULL;
	int rc = args_value(NULL, &arg, text, &value, err);

	if (rc == 0)
		*(uint64_t *)o->to = (uint64_t)json_integer_value(value);
	json_decref(value);
	return rc;
}

/* Takes argv[*i] if it is o, with its value. 1: taken, 0: it is not, -errno. */
static int take(const struct option *o, int argc, char **argv, int *i, struct err *err)
{
	size_t len = strlen(o->name);
	const char *value;

	if (strncmp(argv[*i], o->name, len) != 0 || (argv[*i][len] && argv[*i][len] != '='))
		return 0;
	if (o->kind == OPTION_FLAG) {
		if (argv[*i][len])
			return err_set(err, EINVAL, o->name, "%s takes no value", o->name);
		*(bool *)o->to = true;
		return 1;
	}
	value = argv[*i][len] ? argv[*i] + len + 1 : *i + 1 < argc ? argv[++*i] : NULL;
	if (!value)
		return err_set(err, EINVAL, o->name, "%s needs a value", o->name);
	if (o->kind == OPTION_SECONDS)
		return seconds(o, value, err) < 0 ? -err->code : 1;
	*(const char **)o->to = value;
	return 1;
}

/* Takes the options that every command has out of argv; what is left stays in order. */
static int options_take(struct cli *c, bool *is_help, bool *is_version, int *argc, char **argv,
			struct err *err)
{
	const struct option options[] = {
	    {"--socket", OPTION_TEXT, &c->socket_path},
	    {"--url", OPTION_TEXT, &c->url},
	    {"--token-file", OPTION_TEXT, &c->token_file},
	    {"--cacert", OPTION_TEXT, &c->cacert},
	    {"--fingerprint", OPTION_TEXT, &c->fingerprint},
	    {"--if-match", OPTION_TEXT, &c->if_match},
	    {"--wait-limit", OPTION_SECONDS, &c->wait_limit_s},
	    {"--json", OPTION_FLAG, &c->is_json},
	    {"--no-wait", OPTION_FLAG, &c->is_no_wait},
	    {"--dry-run", OPTION_FLAG, &c->is_dry_run},
	    {"--yes", OPTION_FLAG, &c->is_yes},
	    {"--help", OPTION_FLAG, is_help},
	    {"--version", OPTION_FLAG, is_version},
	};
	int left = 0;

	for (int i = 0; i < *argc; i++) {
		int taken = 0;

		if (strcmp(argv[i], "--") == 0) { /* the rest is the command's */
			while (i < *argc)
				argv[left++] = argv[i++];
			break;
		}
		for (size_t k = 0; !taken && k < sizeof(options) / sizeof(options[0]); k++)
			taken = take(&options[k], *argc, argv, &i, err);
		if (taken < 0)
			return taken;
		if (!taken)
			argv[left++] = argv[i];
	}
	*argc = left;
	return 0;
}

static int command_run(struct cli *c, bool is_help, int argc, char **argv)
{
	const struct command *cmd;
	int used;

	if (argc == 0) {
		help_usage(is_help ? c->out : c->log);
		return is_help ? CLI_OK : CLI_USAGE;
	}
	if (strcmp(argv[0], "help") == 0)
		return help_run(c, argc - 1, argv + 1);
	if (strcmp(argv[0], "completion") == 0 && argc == 2 && strcmp(argv[1], "bash") == 0) {
		fputs(complete_script, c->out);
		return CLI_OK;
	}
	cmd = table_find_command(argc, argv, &used);
	if (!cmd) {
		help_unknown(c->log, argc, argv);
		return CLI_USAGE;
	}
	if (is_help) {
		help_command(c->out, cmd);
		return CLI_OK;
	}
	return cli_run(c, cmd, argc - used, argv + used);
}

int main(int argc, char **argv)
{
	struct cli c = {.socket_path = SOCKET_PATH, .out = stdout, .log = stderr};
	bool is_help = false, is_version = false;
	struct err err = {0};
	int rc;

	argc--;
	argv++;
	setlocale(LC_TIME, "");
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (argc > 0 && strcmp(argv[0], "complete") == 0)
		rc = complete_run(&c, argc - 1, argv + 1);
	else if (options_take(&c, &is_help, &is_version, &argc, argv, &err) < 0)
		rc = run_fail(&c, NULL, &err);
	else if (is_version)
		rc = puts("sluice " SLUICE_VERSION) >= 0 ? CLI_OK : CLI_REFUSED;
	else
		rc = command_run(&c, is_help, argc, argv);
	http_close(c.http);
	curl_global_cleanup();
	if (fflush(stdout) != 0 && rc == CLI_OK) {
		fprintf(stderr, "sluice: cannot write the output: %s\n", strerror(errno));
		rc = CLI_REFUSED;
	}
	return rc;
}
