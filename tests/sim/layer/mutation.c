/* SPDX-License-Identifier: MIT */
/* mutation.c - the deliberate fault of a unit test's program that was built to have one: its number
 * is in LAYER_MUTATION. sim_layer has an option for it instead. */
#include <stdlib.h>

#include "mutation.h"

int mutation_now;

__attribute__((constructor)) static void choose(void)
{
	const char *number = getenv("LAYER_MUTATION");

	mutation_now = number ? (int)strtol(number, NULL, 10) : 0;
}
