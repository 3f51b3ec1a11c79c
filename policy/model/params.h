/* SPDX-License-Identifier: MIT */
/*
 * params.h - one filter's parameters against the table that the filter itself brought along.
 */
#ifndef MODEL_PARAMS_H
#define MODEL_PARAMS_H

#include <jansson.h>

#include "err.h"

/*
 * given: {name: text, whole number or boolean}, NULL: none. filter: its row of the table filters;
 * table_name: "parameters", what a volume's is told, or "group_parameters", what a datastore's is.
 * On success *out has every parameter of the filter as canonical text: numbers and sizes in
 * decimal digits, booleans "true" or "false".
 *
 * where: "rules[2].parameters"; a field at fault is named below it.
 * Errors: -EINVAL unknown, of another type, missing without a default; -ERANGE; -ENOMEM
 */
int must_check params_check(const char *where, const json_t *filter, const char *table_name,
			    const json_t *given, json_t **out, struct err *err);

#endif
