/* SPDX-License-Identifier: MIT */
/*
 * err.h - an error for a person: a number, a sentence, and the field at fault.
 *
 * Control path only; on the data path a status travels on the I/O. A NULL err is allowed
 * everywhere: the number is still returned.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#define must_check __attribute__((warn_unused_result))

struct err {
	int code;       /* positive errno */
	char field[64]; /* name of the parameter at fault, or "" */
	char text[384]; /* what happened, the value and the limit, what to do; no final newline */
};

/* Returns -code, so that "return err_set(...)" reads well. */
int err_set(struct err *err, int code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "prefix: " before the text of an error that came from below. Returns -err->code. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
