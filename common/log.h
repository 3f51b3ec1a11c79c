/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event to stderr, with a syslog priority that journald understands.
 *
 * Thread: any. Never called on the data path in the steady state.
 * Under systemd the prefix is "<3>"; on a terminal it is the time and a word.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* name is the program's name and stays with the caller. */
void log_open(const char *name, enum log_level most);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * True at most `burst` times per second for one call site; what was kept back is counted and told
 * by the next line that passes. Use it where a peer's behaviour decides how often a line is
 * written.
 */
struct log_limit {
	uint64_t window_start_ns;
	uint32_t passed;
	uint32_t held_back;
};
bool log_limit_pass(struct log_limit *limit, uint32_t burst);

#endif
