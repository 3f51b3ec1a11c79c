/* SPDX-License-Identifier: MIT */
/*
 * main.c - sluice-logcheck: looks at a record log and changes nothing.
 *
 *   dump     superblocks, checkpoint and every record
 *   verify   is all that was durable there? Exit 0: yes. 1: no. 2: cannot say.
 *   explain  the same for a person: what this is, what opening it would find, what to do
 *
 * A log that a running sluice-filterd has open changes while it is read; what is said then may be
 * out of date in the same moment.
 */
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "image.h"

enum { EXIT_GOOD, EXIT_DAMAGED, EXIT_CANNOT };

static int usage(void)
{
	fprintf(stderr, "usage: sluice-logcheck dump|verify|explain FILE\n");
	return EXIT_CANNOT;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct report r;
	int rc;

	if (argc != 3)
		return usage();
	rc = image_open(&r.m, argv[2], &err);
	if (rc == 0 && r.m.super && strcmp(argv[1], "dump") == 0)
		rc = explain_dump(&r, &err);
	else if (rc == 0 && strcmp(argv[1], "dump") && strcmp(argv[1], "verify") &&
		 strcmp(argv[1], "explain"))
		rc = err_set(&err, 22, "", "'%s' is none of dump, verify, explain", argv[1]);
	else if (rc == 0)
		rc = explain_look(&r, &err);
	if (rc) {
		fprintf(stderr, "sluice-logcheck: %s\n", err.text);
		image_close(&r.m);
		return EXIT_CANNOT;
	}
	if (strcmp(argv[1], "verify") == 0)
		explain_verify(&r);
	else if (strcmp(argv[1], "explain") == 0 || !r.m.super)
		explain_print(&r);
	rc = !r.m.super ? EXIT_CANNOT : r.is_damaged ? EXIT_DAMAGED : EXIT_GOOD;
	image_close(&r.m);
	return rc;
}
