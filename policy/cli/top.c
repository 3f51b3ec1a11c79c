/* SPDX-License-Identifier: MIT */
/*
 * top.c - sluice top: what the volumes do, a table that is drawn again each second. On a terminal
 * keys sort and end it; elsewhere it is printed once.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "json.h"
#include "print.h"
#include "run.h"
#include "value.h"

enum top_order { BY_IOPS, BY_BYTES, BY_LATENCY, BY_NAME };

/* What fits 120 columns; a wider terminal, and a script, get the medians too. */
#define NARROW_COLUMNS 132

#define RATES                                                                                      \
	{"VOLUME", "name"}, {"READ/S", "read_iops"}, {"WRITE/S", "write_iops"},                    \
	    {"R MB/S", "read_mb"},                                                                 \
	{                                                                                          \
		"W MB/S", "write_mb"                                                               \
	}
#define STATES                                                                                     \
	{"HITS", "hits"}, {"DIRTY", "dirty"}, {"THROTTLE", "throttle"}, {"LAG", "lag"},            \
	    {"ERR/S", "errors"},                                                                   \
	{                                                                                          \
		"MOST TIME IN", "slowest"                                                          \
	}

static const struct column wide_columns[] = {RATES,
					     {"R P50", "read_p50_us"},
					     {"R P99", "read_p99_us"},
					     {"W P50", "write_p50_us"},
					     {"W P99", "write_p99_us"},
					     STATES,
					     {NULL}};
static const struct column narrow_columns[] = {
    RATES, {"R P99", "read_p99_us"}, {"W P99", "write_p99_us"}, STATES, {NULL}};

static double number(const json_t *row, const char *member)
{
	return json_number_value(json_object_get(row, member));
}

/* ---------------------------------------------------------------- rows */

static void add_whole(json_t *to, const json_t *row, const char *from, const char *member)
{
	json_object_set_new(to, member, json_integer((json_int_t)(number(row, from) + 0.5)));
}

static void add_mb(json_t *to, const json_t *row, const char *from, const char *member)
{
	json_object_set_new(to, member, json_sprintf("%.1f", number(row, from) / 1e6));
}

/* The part of the chain that takes the largest share of the latency. */
static json_t *slowest(const json_t *row)
{
	const json_t *layer, *best = NULL;
	size_t i;

	json_array_foreach(json_object_get(row, "layers"), i, layer)
	{
		if (!best || number(layer, "latency_share_pct") > number(best, "latency_share_pct"))
			best = layer;
	}
	if (!best || number(best, "latency_share_pct") <= 0)
		return json_string("-");
	return json_sprintf("%s %.0f%%", json_string_value(json_object_get(best, "layer")),
			    number(best, "latency_share_pct"));
}

/* "-" is for what does not apply: no cache, nothing dirty, nobody held, no replica. */
static json_t *hits(const json_t *row)
{
	const json_t *pct = json_object_get(row, "read_hit_pct");

	return json_is_number(pct) ? json_sprintf("%.0f%%", json_number_value(pct))
				   : json_string("-");
}

static json_t *dirty(const json_t *row)
{
	double bytes = number(row, "dirty_bytes");
	char text[32];

	value_size(bytes, text, sizeof(text));
	return json_string(bytes > 0 ? text : "-");
}

/* By what a volume is held; of all: how many are. */
static json_t *throttle(const json_t *row)
{
	const char *by = json_string_value(json_object_get(row, "throttle"));
	double volumes = number(row, "throttled_volumes");

	return volumes > 0 ? json_sprintf("%.0f", volumes) : json_string(by ? by : "-");
}

static json_t *lag(const json_t *row)
{
	double ms = number(row, "lag_ms");

	if (ms <= 0)
		return json_string("-");
	return ms < 1000 ? json_sprintf("%.0fms", ms)
			 : json_sprintf(ms < 10000 ? "%.1fs" : "%.0fs", ms / 1000);
}

static json_t *row_make(const json_t *figures, const char *name)
{
	static const char *const latencies[] = {"read_p50_us", "read_p99_us", "write_p50_us",
						"write_p99_us"};
	json_t *row = json_object();

	json_object_set_new(row, "name", json_string(name));
	add_whole(row, figures, "read_iops", "read_iops");
	add_whole(row, figures, "write_iops", "write_iops");
	add_mb(row, figures, "read_bytes_per_s", "read_mb");
	add_mb(row, figures, "write_bytes_per_s", "write_mb");
	for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++)
		json_object_set(row, latencies[i], json_object_get(figures, latencies[i]));
	json_object_set_new(row, "hits", hits(figures));
	json_object_set_new(row, "dirty", dirty(figures));
	json_object_set_new(row, "throttle", throttle(figures));
	json_object_set_new(row, "lag", lag(figures));
	add_whole(row, figures, "errors_per_s", "errors");
	json_object_set_new(row, "slowest", slowest(figures));
	return row;
}

static double weight(const json_t *row, enum top_order order)
{
	double read, write;

	switch (order) {
	case BY_BYTES:
		return number(row, "read_bytes_per_s") + number(row, "write_bytes_per_s");
	case BY_LATENCY:
		read = number(row, "read_p99_us");
		write = number(row, "write_p99_us");
		return read > write ? read : write;
	default:
		return number(row, "read_iops") + number(row, "write_iops");
	}
}

struct ranked {
	const json_t *row;
	const char *name;
	double weight;
};

static int compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* Sorted, at most max of them (0: all), the total last. */
static json_t *rows_make(const json_t *reply, enum top_order order, size_t max)
{
	const json_t *volumes = json_object_get(reply, "volumes"), *v;
	size_t count = json_array_size(volumes), i;
	struct ranked *all = calloc(count + 1, sizeof(*all));
	json_t *rows = json_array();

	if (!all)
		return rows;
	json_array_foreach(volumes, i, v)
	{
		const char *name = json_string_value(json_object_get(v, "name"));

		all[i] =
		    (struct ranked){v, name ? name : "", order == BY_NAME ? 0 : weight(v, order)};
	}
	qsort(all, count, sizeof(*all), compare);
	for (i = 0; i < count && (!max || i < max); i++)
		json_array_append_new(rows, row_make(all[i].row, all[i].name));
	json_array_append_new(rows, row_make(json_object_get(reply, "total"), "TOTAL"));
	free(all);
	return rows;
}

/* ---------------------------------------------------------------- the terminal */

static volatile sig_atomic_t is_over;

static void on_signal(int number_)
{
	is_over = 1;
}

static void terminal_raw(struct termios *before)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct termios raw;

	tcgetattr(STDIN_FILENO, before);
	raw = *before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static size_t lines_free(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_row < 6)
		return 20;
	return size.ws_row - 4u;
}

static bool is_narrow(FILE *out)
{
	struct winsize size;

	return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
	       size.ws_col < NARROW_COLUMNS;
}

static void draw(struct cli *c, const json_t *reply, enum top_order order, bool is_live)
{
	static const char *const words[] = {"IOPS", "bytes", "latency", "name"};
	json_t *rows = rows_make(reply, order, is_live ? lines_free(c->out) : 0);
	char at[32];

	if (is_live) {
		value_time(json_integer_value(json_object_get(reply, "at_ms")), at, sizeof(at));
		fprintf(c->out, "\033[H\033[2J%s  by %s  (q ends; i b l n sort)\n\n", at,
			words[order]);
	}
	print_table(c->out, is_narrow(c->out) ? narrow_columns : wide_columns, rows);
	fflush(c->out);
	json_decref(rows);
}

/* False: it is to end. */
static bool key_wait(int interval_ms, enum top_order *order)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	char key;

	if (poll(&p, 1, interval_ms) <= 0)
		return !is_over;
	if (read(STDIN_FILENO, &key, 1) != 1)
		return false;
	switch (key) {
	case 'q':
		return false;
	case 'i':
		*order = BY_IOPS;
		break;
	case 'b':
		*order = BY_BYTES;
		break;
	case 'l':
		*order = BY_LATENCY;
		break;
	case 'n':
		*order = BY_NAME;
		break;
	default:
		break;
	}
	return !is_over;
}

static int live(struct cli *c, const struct call *call, enum top_order order, int interval_ms)
{
	struct termios before;
	struct http_reply reply;
	int rc;

	terminal_raw(&before);
	do {
		rc = run_ask(c, call, NULL, &reply);
		if (rc != CLI_OK)
			break;
		draw(c, reply.json, order, true);
		http_reply_free(&reply);
	} while (key_wait(interval_ms, &order));
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return rc;
}

int top_run(struct cli *c, const struct call *call)
{
	static const char *const words[] = {"iops", "bytes", "latency", "name"};
	const char *by = json_string_value(json_object_get(call->own, "by"));
	json_int_t interval_s = json_integer_value(json_object_get(call->own, "interval_s"));
	enum top_order order = BY_IOPS;
	struct http_reply reply;
	int rc;

	for (unsigned i = 0; by && i < 4; i++)
		if (strcmp(by, words[i]) == 0)
			order = (enum top_order)i;
	if (interval_s < 1 || interval_s > 3600)
		interval_s = 1;
	if (!json_is_true(json_object_get(call->own, "once")) && !c->is_json &&
	    isatty(fileno(c->out)) && isatty(STDIN_FILENO))
		return live(c, call, order, (int)interval_s * 1000);
	rc = run_ask(c, call, NULL, &reply);
	if (rc != CLI_OK)
		return rc;
	if (c->is_json)
		print_json(c->out, reply.json);
	else
		draw(c, reply.json, order, false);
	http_reply_free(&reply);
	return CLI_OK;
}
