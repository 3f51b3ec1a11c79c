/* SPDX-License-Identifier: MIT */
/* router.h - which route a method and a path name. Pure. */
#ifndef POLICY_ROUTER_H
#define POLICY_ROUTER_H

#include "rest.h"
#include "url.h"

struct router_match {
	const struct route *route;
	const char *parameters[4]; /* point into url */
	char allow[48];            /* methods that the path takes: "GET, PATCH" */
};

/* Where several routes fit, the one with more literal segments wins ("check" before "{name}").
 * Errors: -ENOENT no such path; -ENOSYS the path is there, the method is not: see allow. */
int must_check router_find(const struct route *const *tables, const char *method,
			   const struct url *url, struct router_match *out);

#endif
