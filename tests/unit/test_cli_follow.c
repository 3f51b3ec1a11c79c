/* SPDX-License-Identifier: MIT */
/* Server-Sent Events come out whole, however the stream is cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "follow.h"

static char seen[1024];
static unsigned wanted;

static bool note(void *ctx, const char *topic, const char *data)
{
	size_t at = strlen(seen);

	snprintf(seen + at, sizeof(seen) - at, "[%s|%s]", topic, data);
	return wanted == 0 || --wanted > 0;
}

static struct follow *make(void)
{
	struct follow *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->fn = note;
	seen[0] = '\0';
	wanted = 0;
	return f;
}

static void done(struct follow *f)
{
	follow_end(f);
	free(f);
}

static void test_any_cut_gives_the_same_events(void **state)
{
	static const char stream[] = ": a comment\n\nevent: events\ndata: {\"a\":1}\nid: 7\n\n"
				     "data: one\r\ndata:two\r\n\r\nevent: tasks\n\nretry: 5\n";
	static const char events[] = "[events|{\"a\":1}][message|one\ntwo]";

	for (size_t piece = 1; piece < sizeof(stream); piece++) {
		struct follow *f = make();

		for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
			size_t left = sizeof(stream) - 1 - at;

			assert_true(follow_feed(f, stream + at, left < piece ? left : piece));
		}
		assert_string_equal(seen, events);
		done(f);
	}
}

static void test_a_line_that_is_too_long_is_left_out(void **state)
{
	struct follow *f = make();

	assert_true(follow_feed(f, "data: ", 6));
	for (unsigned i = 0; i < FOLLOW_LINE_MAX; i++)
		assert_true(follow_feed(f, "xx", 2));
	assert_true(follow_feed(f, "\ndata: next\n\n", 13));
	assert_string_equal(seen, "[message|next]");
	done(f);
}

static void test_enough_ends_it(void **state)
{
	struct follow *f = make();

	wanted = 1;
	assert_false(follow_feed(f, "data: 1\n\ndata: 2\n\n", 18));
	assert_string_equal(seen, "[message|1]");
	done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_any_cut_gives_the_same_events),
	    cmocka_unit_test(test_a_line_that_is_too_long_is_left_out),
	    cmocka_unit_test(test_enough_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
