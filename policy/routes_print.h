/* SPDX-License-Identifier: MIT */
/* routes_print.h - the list of routes as text. */
#ifndef POLICY_ROUTES_PRINT_H
#define POLICY_ROUTES_PRINT_H

#include <stdio.h>

/* One line each: method, path, least role, "reads" for a POST that changes nothing or "-", the
 * query names it takes with commas or "-". */
void routes_print(FILE *to);

#endif
