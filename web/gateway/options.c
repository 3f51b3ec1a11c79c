/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "parse.h"

const char options_usage[] =
    "usage: sluice-webd [option...]\n"
    "  --listen ADDR:PORT     HTTPS (default 0.0.0.0:8443; [::]:8443 takes IPv6 too)\n"
    "  --http ADDR:PORT       plain HTTP that only says where HTTPS is (default: none)\n"
    "  --static DIR           the console's files (default /usr/share/sluice/web)\n"
    "  --policyd SOCKET       (default /run/sluice/policyd-web.sock)\n"
    "  --state-dir DIR        tls.key and tls.crt (default /var/lib/sluice/web)\n"
    "  --user NAME            become this user after binding the ports\n"
    "  --connections N        at once, in all (default 256)\n"
    "  --per-address N        at once, of one address (default 64)\n"
    "  --rate N               requests per second, of one address (default 200)\n"
    "  --attempts N           to log in per minute, of one address (default 10)\n"
    "  --header-timeout MS    for a connection's first headers (default 10000)\n"
    "  --body-timeout MS      for a body that is no volume's content (default 60000)\n"
    "  --answer-timeout MS    for policyd's answer (default 60000)\n"
    "  --fingerprint          print the certificate's SHA-256 fingerprint\n"
    "  --version, --help\n";

/* Options that are texts, and options that are numbers, by where they go. */
static const struct {
	const char *name;
	size_t offset;
} texts[] = {
    {"listen", offsetof(struct options, listen)},
    {"http", offsetof(struct options, http)},
    {"static", offsetof(struct options, static_dir)},
    {"policyd", offsetof(struct options, gateway.policyd_socket)},
    {"state-dir", offsetof(struct options, state_dir)},
    {"user", offsetof(struct options, user)},
};

static const struct {
	const char *name;
	size_t offset;
	uint32_t min, max;
} numbers[] = {
    {"connections", offsetof(struct options, gateway.connections_max), 4, 4096},
    {"per-address", offsetof(struct options, gateway.connections_per_address_max), 1, 4096},
    {"rate", offsetof(struct options, gateway.requests_per_s), 1, 100000},
    {"attempts", offsetof(struct options, gateway.attempts_per_min), 1, 100000},
    {"header-timeout", offsetof(struct options, gateway.header_timeout_ms), 100, 600000},
    {"body-timeout", offsetof(struct options, gateway.body_timeout_ms), 100, 600000},
    {"answer-timeout", offsetof(struct options, gateway.answer_timeout_ms), 100, 600000},
};

static const struct {
	const char *name;
	enum options_job job;
} jobs[] = {
    {"fingerprint", OPTIONS_FINGERPRINT},
    {"version", OPTIONS_VERSION},
    {"help", OPTIONS_HELP},
};

#define TEXTS   (sizeof(texts) / sizeof(texts[0]))
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))
#define JOBS    (sizeof(jobs) / sizeof(jobs[0]))

static void list_options(struct option list[TEXTS + NUMBERS + JOBS + 1])
{
	struct option *o = list;

	memset(list, 0, (TEXTS + NUMBERS + JOBS + 1) * sizeof(*list));
	for (size_t i = 0; i < TEXTS; i++)
		*o++ = (struct option){.name = texts[i].name, .has_arg = required_argument};
	for (size_t i = 0; i < NUMBERS; i++)
		*o++ = (struct option){.name = numbers[i].name, .has_arg = required_argument};
	for (size_t i = 0; i < JOBS; i++)
		*o++ = (struct option){.name = jobs[i].name};
}

static int take(struct options *out, size_t which, const char *value, struct err *err)
{
	uint64_t number;
	int rc;

	if (which < TEXTS) {
		*(const char **)((char *)out + texts[which].offset) = value;
		return 0;
	}
	which -= TEXTS;
	if (which >= NUMBERS) {
		out->job = jobs[which - NUMBERS].job;
		return 0;
	}
	rc = parse_u64(numbers[which].name, value, numbers[which].min, numbers[which].max, &number,
		       err);
	if (rc == 0)
		*(uint32_t *)((char *)out + numbers[which].offset) = (uint32_t)number;
	return rc;
}

int options_read(int argc, char **argv, struct options *out, struct err *err)
{
	struct option list[TEXTS + NUMBERS + JOBS + 1];
	int index = 0, rc = 0, got;

	list_options(list);
	*out = (struct options){.listen = "0.0.0.0:8443",
				.static_dir = "/usr/share/sluice/web",
				.state_dir = "/var/lib/sluice/web",
				.gateway = {.policyd_socket = "/run/sluice/policyd-web.sock",
					    .connections_max = 256,
					    .connections_per_address_max = 64,
					    .requests_per_s = 200,
					    .attempts_per_min = 10,
					    .header_timeout_ms = 10000,
					    .body_timeout_ms = 60000,
					    .answer_timeout_ms = 60000}};
	while (rc == 0 && (got = getopt_long(argc, argv, "", list, &index)) != -1)
		rc = got == 0 ? take(out, (size_t)index, optarg, err)
			      : err_set(err, EINVAL, "", "an option is not known or has no value");
	if (rc == 0 && optind != argc)
		rc = err_set(err, EINVAL, "", "'%s' is not an option", argv[optind]);
	return rc;
}
