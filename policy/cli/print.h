/* SPDX-License-Identifier: MIT */
/* print.h - rows and objects as text. Aligned in columns, without colours. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "cli.h"

/* items: array of objects. Numbers stand to the right. */
void print_table(FILE *to, const struct column *columns, const json_t *items);
/* "member: value", members of members indented; lists of objects one after the other. True: it
 * shows a secret. */
bool print_object(FILE *to, const json_t *object);
/* Secrets that a reply shows once, each on a line; false: there is none. */
bool print_secrets(FILE *to, const json_t *object);
/* The steps of a dry run. */
void print_plan(FILE *to, const json_t *reply);
/* One line, in which control characters have become '?'; the newline is added. */
void print_line(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A member that is a text, "-" where it is not. Borrowed. */
const char *print_word(const json_t *object, const char *member);
void print_json(FILE *to, const json_t *json);

#endif
