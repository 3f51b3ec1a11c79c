/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

static const char *program = "sluice";
static enum log_level threshold = LOG_LEVEL_INFO;
static bool is_journal;

void log_open(const char *name, enum log_level most)
{
	program = name;
	threshold = most;
	is_journal = getenv("JOURNAL_STREAM") != NULL;
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARN:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "?";
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	int n = 0;
	va_list ap;

	if (level > threshold)
		return;
	if (is_journal) {
		n = snprintf(line, sizeof(line), "<%d>", (int)level);
	} else {
		uint64_t ms = clock_wall_ms();
		time_t s = (time_t)(ms / 1000);
		struct tm tm;

		localtime_r(&s, &tm);
		n = (int)strftime(line, sizeof(line), "%H:%M:%S", &tm);
		n += snprintf(line + n, sizeof(line) - (size_t)n,
			      ".%03u %s[%d] %s: ", (unsigned)(ms % 1000), program, (int)getpid(),
			      level_word(level));
	}
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody left to tell */
}

bool log_limit_pass(struct log_limit *limit, uint32_t burst)
{
	uint64_t now_ns = clock_now_ns();

	if (now_ns - limit->window_start_ns >= CLOCK_NS_PER_S) {
		limit->window_start_ns = now_ns;
		limit->passed = 0;
		if (limit->held_back)
			log_warn("%u lines like the next one were held back", limit->held_back);
		limit->held_back = 0;
	}
	if (limit->passed >= burst) {
		limit->held_back++;
		return false;
	}
	limit->passed++;
	return true;
}
