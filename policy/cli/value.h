/* SPDX-License-Identifier: MIT */
/*
 * value.h - JSON values as people read them: the unit is in the member's name.
 *
 * Pure but for the local time zone.
 */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define VALUE_BYTES_MAX 512u

/* "10.5G", at most one digit behind the point. */
void value_size(double bytes, char *text, size_t text_bytes);
/* "2026-01-31 12:00:03", local; "-" for 0 */
void value_time(int64_t ms, char *text, size_t text_bytes);
/* "3d 4h", "2m 5s" */
void value_duration(int64_t s, char *text, size_t text_bytes);

/* value as its member's name says: *_bytes *_ms *_us *_s *_pct *_per_s, is_* has_*; lists with
 * commas, null and "" as "-". Control characters become '?': what an initiator calls itself must
 * not drive a terminal. */
void value_text(const char *member, const json_t *value, char *text, size_t text_bytes);

/* How much of a member's name is left without the unit, which value_text() puts behind the value:
 * "size" of size_bytes. */
size_t value_label_bytes(const char *member, const json_t *value);

/* A column of a row: a member, one of a member's members ("target.iqn"), or a computed one:
 * @state (with what is still pending), @hosts, @filters, @task. */
void value_column(const char *member, const json_t *row, char *text, size_t text_bytes);

/* Takes control characters out, in place. */
void value_tame(char *text);

#endif
