// SPDX-License-Identifier: MIT
#include "mutation.h"

#include <stdlib.h>

int mutation_now;

/* For a program that takes no options. */
__attribute__((constructor)) static void from_environment(void)
{
	const char *number = getenv("MUTATION");

	if (number)
		mutation_now = (int)strtol(number, NULL, 10);
}
