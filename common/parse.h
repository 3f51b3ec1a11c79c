/* SPDX-License-Identifier: MIT */
/*
 * parse.h - text from people and from JSON into numbers, sizes and names. Pure.
 *
 * Every refusal names the field and says the value and what would be right.
 */
#ifndef COMMON_PARSE_H
#define COMMON_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define PARSE_NAME_MAX 80u

/* Decimal digits only, nothing around them. Errors: -EINVAL, -ERANGE outside min..max. */
int must_check parse_u64(const char *field, const char *text, uint64_t min, uint64_t max,
			 uint64_t *out, struct err *err);
/* A number with B, K, M, G, T or P (powers of 1024; "KiB" and the like too) or none: bytes. */
int must_check parse_size(const char *field, const char *text, uint64_t min_bytes,
			  uint64_t max_bytes, uint64_t *out_bytes, struct err *err);
/* yes, true, on, 1 / no, false, off, 0 */
int must_check parse_bool(const char *field, const char *text, bool *out, struct err *err);
/* A volume, datastore or filter: 1 to 80 of [A-Za-z0-9._-], the first a letter or digit; so it is
 * safe as a file's name. */
int must_check parse_name(const char *field, const char *text, struct err *err);
/* 36 characters, lower or upper case. */
int must_check parse_uuid(const char *field, const char *text, uint8_t uuid[16], struct err *err);
void parse_uuid_format(const uint8_t uuid[16], char text[37]);

/* "10G", "1536M", "512": the largest unit that divides it, so that parse_size() gives it back. */
void parse_size_format(uint64_t bytes, char *text, uint32_t text_bytes);

#endif
