/* SPDX-License-Identifier: MIT */
/* test_encryption_luks.c - the header: made, opened, rekeyed, erased; and killed at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "luks.h"
#include "secret.h"

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define KILLS   6     /* LUKS_KILLS sets another number */
#define SPAN_US 60000 /* over which they are spread */

struct scene {
	char folder[64];
	struct luks l;
	uint8_t kek[LUKS_KEK_BYTES], other[LUKS_KEK_BYTES], dek[LUKS_DEK_BYTES];
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	snprintf(s->folder, sizeof(s->folder), "/var/tmp/sluice-luks-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->l.header, sizeof(s->l.header), "%s/header", s->folder);
	snprintf(s->l.backup, sizeof(s->l.backup), "%s/backup", s->folder);
	snprintf(s->l.fresh, sizeof(s->l.fresh), "%s/fresh", s->folder);
	snprintf(s->l.data, sizeof(s->l.data), "%s/data", s->folder);
	for (uint32_t i = 0; i < 16; i++)
		s->l.uuid[i] = (uint8_t)(0x10 + i);
	memset(s->kek, 0x11, sizeof(s->kek));
	memset(s->other, 0x22, sizeof(s->other));
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	unlink(s->l.header);
	unlink(s->l.backup);
	unlink(s->l.fresh);
	unlink(s->l.data);
	assert_int_equal(rmdir(s->folder), 0);
	free(s);
	return 0;
}

static void assert_ok(struct scene *s, int rc)
{
	if (rc)
		fail_msg("%d: %s", rc, s->l.text);
}

static void format(struct scene *s)
{
	assert_ok(s, luks_format(&s->l, s->kek, "kek-1", 4096, s->dek));
}

static void look(struct scene *s, struct luks_info *info, int wanted_restored)
{
	int was_restored = -1;

	assert_ok(s, luks_look(&s->l, info, &was_restored));
	assert_int_equal(was_restored, wanted_restored);
}

static void assert_opens(struct scene *s, const uint8_t *kek)
{
	uint8_t dek[LUKS_DEK_BYTES] = {0};

	assert_ok(s, luks_open(&s->l, kek, dek));
	assert_memory_equal(dek, s->dek, sizeof(dek));
}

static void assert_no_longer_opens(struct scene *s, const uint8_t *kek)
{
	uint8_t dek[LUKS_DEK_BYTES];
	struct luks backup = s->l;

	assert_int_equal(luks_open(&s->l, kek, dek), -EKEYREJECTED);
	memcpy(backup.header, s->l.backup, sizeof(backup.header));
	memcpy(backup.backup, s->l.data, sizeof(backup.backup));
	assert_int_equal(luks_open(&backup, kek, dek), -EKEYREJECTED);
}

static void a_header_opens_with_its_key_alone(void **state)
{
	struct scene *s = *state;
	struct luks_info info;
	int was_restored;

	assert_int_equal(luks_look(&s->l, &info, &was_restored), -ENOENT);
	format(s);
	look(s, &info, 0);
	assert_int_equal(info.sector_bytes, 4096);
	assert_int_equal(info.slots, 1);
	assert_string_equal(info.key_id, "kek-1");
	assert_opens(s, s->kek);
	assert_no_longer_opens(s, s->other);
	assert_int_equal(access(s->l.data, F_OK), -1);
	assert_int_equal(access(s->l.fresh, F_OK), -1);
	assert_int_equal(luks_format(&s->l, s->other, "x", 512, s->dek), -EEXIST);
}

static void a_rekey_changes_the_key_and_not_the_data(void **state)
{
	struct scene *s = *state;
	struct luks_info info;

	format(s);
	for (uint32_t i = 0; i < 10; i++) { /* more often than there are slots */
		uint8_t *from = i % 2 ? s->other : s->kek, *to = i % 2 ? s->kek : s->other;

		assert_ok(s, luks_rekey(&s->l, from, to, i % 2 ? "kek-1" : "kek-2"));
		look(s, &info, 0);
		assert_int_equal(info.slots, 1);
		assert_string_equal(info.key_id, i % 2 ? "kek-1" : "kek-2");
		assert_opens(s, to);
		assert_no_longer_opens(s, from);
	}
	/* Again, as after an answer that was lost. */
	assert_ok(s, luks_rekey(&s->l, s->other, s->kek, "kek-1"));
	assert_opens(s, s->kek);
	memset(s->other, 9, sizeof(s->other));
	assert_ok(s, luks_rekey(&s->l, s->other, s->kek, "kek-1"));
	assert_int_equal(luks_rekey(&s->l, s->other, s->other, "x"), -EKEYREJECTED);
	assert_opens(s, s->kek);
}

static void flip(const char *path, off_t from, off_t to)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	for (off_t at = from; at < to; at += 512)
		assert_int_equal(pwrite(fd, "damage", 6, at), 6);
	close(fd);
}

static void a_damaged_header_is_put_right_from_its_backup(void **state)
{
	struct scene *s = *state;
	struct luks_info info;
	int was_restored;

	format(s);
	flip(s->l.header, 0, 4096);
	look(s, &info, 0); /* its second copy serves */
	assert_opens(s, s->kek);
	flip(s->l.header, 0, 65536);
	look(s, &info, 1);
	assert_opens(s, s->kek);
	unlink(s->l.header);
	look(s, &info, 1);
	assert_opens(s, s->kek);
	flip(s->l.header, 0, 65536);
	flip(s->l.backup, 0, 65536);
	assert_int_equal(luks_look(&s->l, &info, &was_restored), -EBADMSG);
}

static void another_volumes_header_is_refused(void **state)
{
	struct scene *s = *state;
	struct luks_info info;
	uint8_t dek[LUKS_DEK_BYTES];
	int was_restored;

	format(s);
	s->l.uuid[3]++;
	assert_int_equal(luks_look(&s->l, &info, &was_restored), -EXDEV);
	assert_int_equal(luks_open(&s->l, s->kek, dek), -EXDEV);
	assert_int_equal(luks_rekey(&s->l, s->kek, s->other, "x"), -EXDEV);
	assert_non_null(strstr(s->l.text, "belongs to volume 10111213-1415-"));
}

/* Somebody has put it there with stock tools: the backup must not take its place. */
static void a_header_of_another_cipher_is_left_alone(void **state)
{
	struct scene *s = *state;
	struct crypt_device *cd;
	struct crypt_params_luks2 params = {.data_device = s->l.data, .sector_size = 512};
	char uuid[] = "10111213-1415-1617-1819-1a1b1c1d1e1f";
	struct luks_info info;
	int was_restored = -1;

	format(s);
	flip(s->l.header, 0, 65536);
	flip(s->l.data, 0, 0);
	assert_int_equal(truncate(s->l.data, 16 << 20), 0);
	assert_int_equal(crypt_init(&cd, s->l.header), 0);
	assert_int_equal(crypt_metadata_locking(cd, 0), 0);
	assert_int_equal(
	    crypt_format(cd, CRYPT_LUKS2, "aes", "cbc-essiv:sha256", uuid, NULL, 32, &params), 0);
	crypt_free(cd);
	assert_int_equal(luks_look(&s->l, &info, &was_restored), -ENOTSUP);
	assert_int_equal(was_restored, 0);
	assert_int_equal(luks_open(&s->l, s->kek, s->dek), -ENOTSUP);
	assert_int_equal(luks_look(&s->l, &info, &was_restored), -ENOTSUP);
}

static void an_erased_header_is_gone(void **state)
{
	struct scene *s = *state;
	struct luks_info info;
	uint8_t dek[LUKS_DEK_BYTES];
	int was_restored, fd;
	char before[4096], after[4096];
	struct stat st;

	format(s);
	fd = open(s->l.header, O_RDONLY); /* what lies on the disk after it has no name */
	assert_int_equal(pread(fd, before, sizeof(before), 32768), sizeof(before));
	assert_ok(s, luks_erase(&s->l));
	assert_int_equal(pread(fd, after, sizeof(after), 32768), sizeof(after));
	assert_memory_not_equal(before, after, sizeof(before));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	close(fd);
	assert_int_equal(luks_look(&s->l, &info, &was_restored), -ENOENT);
	assert_int_not_equal(luks_open(&s->l, s->kek, dek), 0);
	assert_ok(s, luks_erase(&s->l));
	format(s);
}

/* Kills a process that does `what` after so many us. False: it had ended before. */
static bool killed_after(struct scene *s, int (*what)(struct scene *s), uint32_t us)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(what(s) ? 1 : 0);
	usleep(us);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

static uint32_t kills_wanted(void)
{
	const char *text = getenv("LUKS_KILLS");
	uint32_t kills = text ? (uint32_t)strtoul(text, NULL, 10) : KILLS;

	return kills ? kills : 1;
}

static int do_rekey(struct scene *s)
{
	return luks_rekey(&s->l, s->kek, s->other, "kek-2");
}

static int do_format(struct scene *s)
{
	return luks_format(&s->l, s->kek, "kek-1", 512, s->dek);
}

static void a_killed_rekey_leaves_a_key_that_opens(void **state)
{
	struct scene *s = *state;
	uint32_t kills = 0;

	for (uint32_t us = 0; kills < kills_wanted(); us += SPAN_US / kills_wanted()) {
		struct luks_info info;
		int was_restored;
		uint8_t dek[LUKS_DEK_BYTES];

		assert_ok(s, luks_erase(&s->l));
		format(s);
		kills++;
		if (!killed_after(s, do_rekey, us))
			break;
		assert_ok(s, luks_look(&s->l, &info, &was_restored));
		if (luks_open(&s->l, s->kek, dek) != 0)
			assert_ok(s, luks_open(&s->l, s->other, dek));
		assert_memory_equal(dek, s->dek, sizeof(dek));
		assert_ok(s, do_rekey(s));
		assert_opens(s, s->other);
		assert_no_longer_opens(s, s->kek);
	}
	print_message("%u kills\n", kills);
}

static void a_killed_format_leaves_a_whole_header_or_none(void **state)
{
	struct scene *s = *state;
	uint32_t kills = 0;

	for (uint32_t us = 0; kills < kills_wanted(); us += SPAN_US / kills_wanted()) {
		struct luks_info info;
		int was_restored, rc;

		assert_ok(s, luks_erase(&s->l));
		kills++;
		if (!killed_after(s, do_format, us))
			break;
		rc = luks_look(&s->l, &info, &was_restored);
		if (rc == -ENOENT)
			format(s);
		else
			assert_ok(s, luks_open(&s->l, s->kek, s->dek));
		assert_opens(s, s->kek);
	}
	print_message("%u kills\n", kills);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_header_opens_with_its_key_alone),
	    T(a_rekey_changes_the_key_and_not_the_data),
	    T(a_damaged_header_is_put_right_from_its_backup),
	    T(another_volumes_header_is_refused),
	    T(a_header_of_another_cipher_is_left_alone),
	    T(an_erased_header_is_gone),
	    T(a_killed_rekey_leaves_a_key_that_opens),
	    T(a_killed_format_leaves_a_whole_header_or_none),
	};

	secret_set_up();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
