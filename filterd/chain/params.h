/* SPDX-License-Identifier: MIT */
/*
 * params.h - a filter's parameters: text to values by its table, and back. Pure.
 */
#ifndef FILTERD_CHAIN_PARAMS_H
#define FILTERD_CHAIN_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "sluice/filter.h"

/*
 * What is not named gets its default; a string whose default is too short for its own range must be
 * named. U64 in bytes takes "64KiB" and the like. Owns: *out, with its strings, until
 * params_free(). Errors: -EINVAL unknown or repeated name, not a value of its type; -ERANGE;
 * -ENOMEM
 */
int must_check params_parse(const struct sluice_filter_ops *ops, const char *const *names,
			    const char *const *values, uint32_t count, union sluice_value **out,
			    struct err *err);
void params_free(const struct sluice_filter_ops *ops, union sluice_value *values);
/* As params_parse() would take it. */
void params_format(const struct sluice_param *p, union sluice_value value, char *text,
		   size_t size_bytes);

#endif
