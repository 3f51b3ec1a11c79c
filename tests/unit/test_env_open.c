/* SPDX-License-Identifier: MIT */
/* test_env_open.c - opening and creating files: every refusal has its number and a sentence. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend_rig.h"
#include "env_linux.h"

static struct env *env;
static char *folder;
static char *path;

static int setup(void **state)
{
	folder = rig_folder_make();
	path = rig_path(folder, "image");
	return env_linux_create(NULL, &env, NULL);
}

static int teardown(void **state)
{
	env_linux_destroy(env);
	free(path);
	rig_folder_remove(folder);
	return 0;
}

static int open_file(uint32_t flags, uint64_t size_bytes, struct env_file **f, struct err *err)
{
	struct env_open how = {.path = path, .flags = flags, .size_bytes = size_bytes};

	return env_file_open(env, &how, f, err);
}

static void create_file(uint64_t size_bytes)
{
	struct env_file *f;
	struct err err = {0};

	assert_int_equal(open_file(ENV_OPEN_CREATE, size_bytes, &f, &err), 0);
	env_file_close(env, f);
}

static void missing_file_is_named(void **state)
{
	struct env_file *f;
	struct err err = {0};

	assert_int_equal(open_file(0, 0, &f, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_string_equal(err.field, "path");
}

static void create_makes_a_sparse_file_and_never_takes_an_existing_one(void **state)
{
	struct env_file *f;
	struct err err = {0};
	struct stat st;

	create_file(1 << 20);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
	assert_true(st.st_blocks < 64);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(open_file(ENV_OPEN_CREATE, 1 << 20, &f, &err), -EEXIST);
	assert_non_null(strstr(err.text, "exists already"));
}

static void full_file_has_its_space_reserved(void **state)
{
	struct env_file *f;
	struct stat st;

	assert_int_equal(open_file(ENV_OPEN_CREATE | ENV_OPEN_FULL, 1 << 20, &f, NULL), 0);
	env_file_close(env, f);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_blocks * 512 >= 1 << 20);
}

static void file_that_cannot_be_made_leaves_nothing_behind(void **state)
{
	struct rlimit before, small;
	struct env_file *f;
	struct err err = {0};

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1 << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(open_file(ENV_OPEN_CREATE, 2 << 20, &f, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(open_file(ENV_OPEN_CREATE, UINT64_MAX, &f, &err), -EFBIG);
	assert_int_equal(access(path, F_OK), -1);
}

static void folder_and_other_kinds_are_refused(void **state)
{
	struct env_file *f;
	struct err err = {0};
	struct env_open how = {.path = folder, .flags = ENV_OPEN_READONLY};

	assert_int_equal(env_file_open(env, &how, &f, &err), -EINVAL);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_file(0, 0, &f, &err), -EINVAL);
	assert_int_equal(open_file(ENV_OPEN_READONLY, 0, &f, &err), -EINVAL);
	assert_non_null(strstr(err.text, "neither a file nor a block device"));
}

/* A process of its own holds the lock until it is told to go, or dies. */
static pid_t locker_start(int *to)
{
	int there[2], back[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(there), 0);
	assert_int_equal(pipe(back), 0);
	pid = fork();
	if (pid == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(path, O_RDWR);

		close(there[1]);
		if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) || write(back[1], "x", 1) != 1)
			_exit(1);
		while (read(there[0], &byte, 1) > 0) {
		}
		_exit(0);
	}
	close(there[0]);
	assert_int_equal(read(back[0], &byte, 1), 1);
	close(back[0]);
	close(back[1]);
	*to = there[1];
	return pid;
}

static void file_locked_by_another_process_is_refused_until_that_ends(void **state)
{
	struct env_file *f;
	struct err err = {0};
	int to;
	pid_t pid;

	create_file(4096);
	pid = locker_start(&to);
	assert_int_equal(open_file(ENV_OPEN_LOCK, 0, &f, &err), -EAGAIN);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(open_file(ENV_OPEN_LOCK | ENV_OPEN_READONLY, 0, &f, &err), -EAGAIN);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(to);
	assert_int_equal(open_file(ENV_OPEN_LOCK, 0, &f, &err), 0);
	env_file_close(env, f);
}

static void file_is_locked_against_oneself_too_and_free_after_close(void **state)
{
	struct env_file *f, *g;

	create_file(4096);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(open_file(ENV_OPEN_LOCK | ENV_OPEN_DIRECT, 0, &f, NULL), 0);
		assert_int_equal(open_file(ENV_OPEN_LOCK, 0, &g, NULL), -EAGAIN);
		env_file_close(env, f);
	}
	assert_int_equal(open_file(ENV_OPEN_LOCK | ENV_OPEN_READONLY, 0, &f, NULL), 0);
	assert_int_equal(open_file(ENV_OPEN_LOCK | ENV_OPEN_READONLY, 0, &g, NULL), 0);
	env_file_close(env, f);
	env_file_close(env, g);
}

static void buffered_file_takes_any_alignment(void **state)
{
	struct env_file *f;

	create_file(1000);
	assert_int_equal(open_file(0, 0, &f, NULL), 0);
	assert_int_equal(f->align_bytes, 1);
	assert_int_equal(f->size_bytes, 1000);
	env_file_close(env, f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(missing_file_is_named, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		create_makes_a_sparse_file_and_never_takes_an_existing_one, setup, teardown),
	    cmocka_unit_test_setup_teardown(full_file_has_its_space_reserved, setup, teardown),
	    cmocka_unit_test_setup_teardown(file_that_cannot_be_made_leaves_nothing_behind, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(folder_and_other_kinds_are_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		file_locked_by_another_process_is_refused_until_that_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(file_is_locked_against_oneself_too_and_free_after_close,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(buffered_file_takes_any_alignment, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
