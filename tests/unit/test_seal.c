/* SPDX-License-Identifier: MIT */
/* Secrets at rest: what is sealed comes back only with this key, in this place, unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler.h"

static char folder[64], path[96];

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-seal-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/secret.key", folder);
	return 0;
}

static int tear_down(void **state)
{
	unlink(path);
	rmdir(folder);
	return 0;
}

static struct sealer *opened(bool may_make)
{
	struct sealer *s = NULL;
	struct err err = {0};

	assert_int_equal(sealer_open(path, may_make, &s, &err), 0);
	return s;
}

static void a_secret_survives_a_restart(void **state)
{
	struct sealer *s = opened(true);
	struct err err = {0};
	struct stat st;
	char *box, *again, *clear;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);
	box = sealer_seal(s, "host:web1:chap", "firstSecret0001", &err);
	again = sealer_seal(s, "host:web1:chap", "firstSecret0001", &err);
	assert_non_null(box);
	assert_string_not_equal(box, again);
	assert_null(strstr(box, "firstSecret"));
	sealer_free(s);

	s = opened(false);
	clear = sealer_open_box(s, "host:web1:chap", box, &err);
	assert_string_equal(clear, "firstSecret0001");
	free(clear);
	free(box);
	free(again);
	sealer_free(s);
}

static void rejected(const struct sealer *s, const char *name, const char *box)
{
	struct err err = {0};

	assert_null(sealer_open_box(s, name, box, &err));
	assert_int_equal(err.code, EKEYREJECTED);
	assert_null(strstr(err.text, "firstSecret"));
}

static void another_place_or_key_opens_nothing(void **state)
{
	struct sealer *s = opened(true);
	struct err err = {0};
	char *box = sealer_seal(s, "host:web1:chap", "firstSecret0001", &err);

	rejected(s, "host:web2:chap", box);
	sealer_free(s);
	unlink(path);
	s = opened(true);
	rejected(s, "host:web1:chap", box);
	free(box);
	sealer_free(s);
}

static void every_changed_or_cut_box_is_rejected(void **state)
{
	struct sealer *s = opened(true);
	struct err err = {0};
	/* 45 bytes: no padding, so every bit counts. */
	char *box = sealer_seal(s, "n", "firstSecret00016", &err);
	size_t len = strlen(box);

	for (size_t i = 0; i < len; i++) {
		char *changed = strdup(box), *cut = strndup(box, i), *clear;

		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		clear = sealer_open_box(s, "n", changed, &err);
		assert_null(clear);
		rejected(s, "n", cut);
		free(changed);
		free(cut);
	}
	rejected(s, "n", "not base64 at all !!");
	rejected(s, "n", "====");
	free(box);
	sealer_free(s);
}

static void empty_and_long_texts_pass(void **state)
{
	struct sealer *s = opened(true);
	size_t most = 16u << 20;
	char *big = malloc(most + 2), *box, *clear;
	struct err err = {0};

	box = sealer_seal(s, "n", "", &err);
	clear = sealer_open_box(s, "n", box, &err);
	assert_string_equal(clear, "");
	free(box);
	free(clear);
	memset(big, 'x', most + 1);
	big[most] = 0;
	box = sealer_seal(s, "n", big, &err);
	clear = sealer_open_box(s, "n", box, &err);
	assert_string_equal(clear, big);
	free(box);
	free(clear);
	big[most] = 'x';
	big[most + 1] = 0;
	assert_null(sealer_seal(s, "n", big, &err));
	assert_int_equal(err.code, ERANGE);
	free(big);
	sealer_free(s);
}

static void prints_tell_texts_apart_and_need_the_key(void **state)
{
	struct sealer *s = opened(true);
	char one[65], same[65], other[65], other_key[65];
	struct err err = {0};

	assert_int_equal(sealer_print(s, "secret", 6, one, &err), 0);
	assert_int_equal(sealer_print(s, "secret", 6, same, &err), 0);
	assert_int_equal(sealer_print(s, "secreT", 6, other, &err), 0);
	sealer_free(s);
	assert_string_equal(one, same);
	assert_string_not_equal(one, other);
	assert_int_equal(unlink(path), 0);
	s = opened(true);
	assert_int_equal(sealer_print(s, "secret", 6, other_key, &err), 0);
	assert_string_not_equal(one, other_key);
	sealer_free(s);
}

static void a_bad_key_file_is_refused_and_kept(void **state)
{
	struct sealer *s = NULL;
	struct err err = {0};
	int fd;

	assert_int_equal(sealer_open(path, false, &s, &err), -ENOENT);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "short", 5), 5);
	assert_int_equal(sealer_open(path, true, &s, &err), -EUCLEAN);
	assert_int_equal(ftruncate(fd, 33), 0);
	assert_int_equal(sealer_open(path, true, &s, &err), -EUCLEAN);
	assert_int_equal(ftruncate(fd, 32), 0);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(sealer_open(path, true, &s, &err), -EPERM);
	close(fd);
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_secret_survives_a_restart, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_place_or_key_opens_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(every_changed_or_cut_box_is_rejected, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(empty_and_long_texts_pass, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(prints_tell_texts_apart_and_need_the_key, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_bad_key_file_is_refused_and_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
