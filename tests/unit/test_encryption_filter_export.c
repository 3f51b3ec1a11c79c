/* SPDX-License-Identifier: MIT */
/* test_encryption_filter_export.c - a volume as one file: what is in it, and what ends it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encryption_rig.h"

#define HEADER_BYTES (16ull << 20)
#define FILE_BYTES   (HEADER_BYTES + RIG_SIZE)

static void told(void *ctx, int result, const char *reply_json, const struct err *err)
{
	struct rig *r = ctx;

	r->result = result;
	if (reply_json)
		snprintf(r->reply, sizeof(r->reply), "%s", reply_json);
	if (err)
		r->err = *err;
}

/* One work, and what follows from it without another one. False: nothing was to do. */
static bool step(struct rig *r)
{
	bool was_work = fake_env_run_work(&r->fe);

	fake_env_settle(&r->fe);
	return was_work;
}

/* Until it is answered and not further. */
static int ask(struct rig *r, const char *name, int fd)
{
	r->result = -EINPROGRESS;
	r->err.text[0] = '\0';
	chain_command(r->c, "encryption", name, "{}", fd, told, r);
	while (r->result == -EINPROGRESS)
		if (!step(r))
			fake_env_advance(&r->fe, 1 * MS);
	return r->result;
}

/* Of the export, now. */
static const char *said(struct rig *r, const char *member)
{
	static char text[200];
	json_t *j, *export;

	assert_int_equal(ask(r, "status", -1), 0);
	j = json_loads(r->reply, 0, NULL);
	export = json_object_get(j, "export");
	if (json_is_integer(json_object_get(export, member)))
		snprintf(text, sizeof(text), "%lld",
			 (long long)json_integer_value(json_object_get(export, member)));
	else
		snprintf(text, sizeof(text), "%s",
			 json_string_value(json_object_get(export, member)));
	json_decref(j);
	return text;
}

static void run_to_the_end(struct rig *r)
{
	while (strcmp(said(r, "state"), "running") == 0)
		if (!step(r))
			fake_env_advance(&r->fe, 1 * MS);
}

static void open_formatted(struct rig *r, uint32_t block_bytes)
{
	rig_open(r, block_bytes, "");
	assert_string_equal(said(r, "state"), "none");
	rig_format(r);
	assert_int_equal(rig_write(r, 0, 65536, 1), SLUICE_OK);
	assert_int_equal(rig_write(r, (100ull << 20) + 4096, 4096, 2), SLUICE_OK);
}

static int begun(struct rig *r)
{
	int fd = memfd_create("export", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ask(r, "export", fd), 0);
	for (int i = 0; i < 20; i++)
		step(r);
	assert_string_equal(said(r, "state"), "running");
	return fd;
}

static void ends_as(struct rig *r, int fd, const char *state, const char *words)
{
	bool was_cancelled = strcmp(state, "cancelled") == 0;

	run_to_the_end(r);
	assert_string_equal(said(r, "state"), state);
	if (!strstr(said(r, "text"), words))
		fail_msg("'%s' does not say '%s'", said(r, "text"), words);
	close(fd);
	/* It can be had again; once to its end, which is 272 MiB. */
	fd = begun(r);
	if (!was_cancelled)
		assert_int_equal(ask(r, "export_cancel", -1), 0);
	run_to_the_end(r);
	assert_string_equal(said(r, "state"), was_cancelled ? "done" : "cancelled");
	close(fd);
	rig_close(r);
}

/* ---------------------------------------------------------------- what is in it */

static void raw_written(struct sluice_io *io) {}

static void raw_write(struct rig *r, uint64_t offset_bytes, uint64_t len_bytes, void *buf)
{
	char bottom[4096] = {0};
	struct sluice_io io = {.op = SLUICE_OP_WRITE,
			       .offset_bytes = offset_bytes,
			       .len_bytes = len_bytes,
			       .buf = buf,
			       .end = raw_written,
			       .bottom = bottom};

	r->backend->ops->submit(r->backend, &io);
	assert_int_equal(io.status, SLUICE_OK);
}

static void check_file(struct rig *r, const uint8_t *file)
{
	static const struct {
		uint64_t at_bytes, len_bytes;
	} written[] = {{0, 65536}, {(100ull << 20) + 4096, 4096}};
	const uint8_t *payload = file + HEADER_BYTES;

	assert_memory_equal(file, "LUKS\xba\xbe", 6);
	for (size_t i = 0; i < 2; i++) {
		rig_raw(r, written[i].at_bytes, written[i].len_bytes, r->buf);
		assert_memory_equal(payload + written[i].at_bytes, r->buf, written[i].len_bytes);
	}
	rig_fill(r->buf, 4096, 1);
	assert_null(memmem(file, FILE_BYTES, r->buf, 4096));
	for (uint64_t at = 0; at < RIG_SIZE; at += r->block_bytes)
		if (payload[at] == 0 &&
		    memcmp(payload + at, payload + at + 1, r->block_bytes - 1) == 0)
			fail_msg("a hole at byte %llu", (unsigned long long)at);
}

static void export_has_the_ciphertext_and_no_holes(uint32_t block_bytes)
{
	struct rig r;
	uint8_t *file;
	int fd;

	open_formatted(&r, block_bytes);
	fd = begun(&r);
	run_to_the_end(&r);
	assert_string_equal(said(&r, "state"), "done");
	assert_int_equal(atoll(said(&r, "done_bytes")), FILE_BYTES);
	file = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_true(file != MAP_FAILED);
	check_file(&r, file);
	/* Nothing below was touched; and what stands for a hole is read as zeros. */
	rig_raw(&r, 8 << 20, 1 << 20, r.buf);
	for (size_t i = 0; i < 1 << 20; i++)
		assert_int_equal(r.buf[i], 0);
	memcpy(r.buf, file + HEADER_BYTES + (8 << 20), 1 << 20);
	raw_write(&r, 8 << 20, 1 << 20, r.buf);
	rig_check_zeros(&r, 8 << 20, 1 << 20);
	munmap(file, FILE_BYTES);
	close(fd);
	rig_close(&r);
}

static void sectors_of_512(void **state)
{
	export_has_the_ciphertext_and_no_holes(512);
}

static void sectors_of_4096(void **state)
{
	export_has_the_ciphertext_and_no_holes(4096);
}

/* A pipe whose reader takes a little at a time. */
static void a_stream_has_the_same(void **state)
{
	static uint8_t chunk[1 << 20], wanted[1 << 20];
	uint64_t at_bytes = 0;
	struct rig r;
	int ends[2], fd;

	open_formatted(&r, 4096);
	fd = begun(&r);
	run_to_the_end(&r);
	assert_int_equal(pipe(ends), 0);
	(void)fcntl(ends[1], F_SETPIPE_SZ, sizeof(chunk));
	assert_int_equal(ask(&r, "export", ends[1]), 0);
	close(ends[1]);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	for (;;) {
		ssize_t n = read(ends[0], chunk, sizeof(chunk));

		if (n == 0)
			break;
		if (n > 0) {
			assert_int_equal(pread(fd, wanted, (size_t)n, (off_t)at_bytes), n);
			assert_memory_equal(chunk, wanted, n);
			at_bytes += (uint64_t)n;
		}
		if (!step(&r))
			fake_env_advance(&r.fe, 1 * MS);
	}
	assert_int_equal(at_bytes, FILE_BYTES);
	assert_string_equal(said(&r, "state"), "done");
	close(ends[0]);
	close(fd);
	rig_close(&r);
}

/* ---------------------------------------------------------------- what ends it */

static void whoever_writes_ends_it(void **state)
{
	static const enum sluice_op ops[] = {SLUICE_OP_WRITE, SLUICE_OP_UNMAP,
					     SLUICE_OP_WRITE_ZEROES};

	for (size_t i = 0; i < 3; i++) {
		struct rig r;
		int fd;

		open_formatted(&r, 512);
		fd = begun(&r);
		assert_int_equal(rig_io(&r, SLUICE_OP_READ, 0, 4096, r.buf), SLUICE_OK);
		assert_int_equal(rig_io(&r, SLUICE_OP_FLUSH, 0, 0, NULL), SLUICE_OK);
		step(&r);
		assert_string_equal(said(&r, "state"), "running");
		/* It is carried out, as if nothing were. */
		assert_int_equal(rig_io(&r, ops[i], 200ull << 20, 4096, r.buf), SLUICE_OK);
		ends_as(&r, fd, "failed", "was written while");
	}
}

static void it_is_cancelled(void **state)
{
	struct rig r;
	int fd;

	open_formatted(&r, 512);
	fd = begun(&r);
	assert_int_equal(ask(&r, "export_cancel", -1), 0);
	ends_as(&r, fd, "cancelled", "cancelled at byte");
}

static void a_lock_ends_it(void **state)
{
	struct rig r;
	int fd;

	open_formatted(&r, 512);
	fd = begun(&r);
	assert_int_equal(ask(&r, "lock", -1), 0);
	run_to_the_end(&r);
	assert_string_equal(said(&r, "state"), "failed");
	assert_int_equal(rig_command(&r, "unlock", "{}", "a"), 0);
	ends_as(&r, fd, "failed", "locked in the middle");
}

static void a_reader_that_goes_away_ends_it(void **state)
{
	struct rig r;
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	open_formatted(&r, 512);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(ask(&r, "export", ends[1]), 0);
	close(ends[0]);
	ends_as(&r, ends[1], "failed", "Broken pipe");
}

static void a_datastore_that_fails_ends_it(void **state)
{
	struct rig r;
	int fd;

	open_formatted(&r, 512);
	rig_inject(&r, "action=fail,status=no_space");
	fd = memfd_create("export", MFD_CLOEXEC);
	assert_int_equal(ask(&r, "export", fd), 0);
	run_to_the_end(&r);
	rig_inject(&r, NULL);
	ends_as(&r, fd, "failed", "reading the volume failed at byte 0");
}

static void a_place_that_is_full_ends_it(void **state)
{
	struct rig r;
	int fd;

	open_formatted(&r, 512);
	fd = memfd_create("export", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, (off_t)HEADER_BYTES), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	assert_int_equal(ask(&r, "export", fd), 0);
	ends_as(&r, fd, "failed", "failed at byte 16777216 of the file");
}

static void a_volume_that_stops_ends_it(void **state)
{
	struct rig r;
	int fd;

	open_formatted(&r, 512);
	fd = begun(&r);
	rig_restart(&r);
	assert_string_equal(said(&r, "state"), "none");
	assert_string_equal(rig_state(&r), "unlocked");
	close(fd);
	/* Also while it waits for a reader. */
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(ask(&r, "export", ends[1]), 0);
	for (int i = 0; i < 5; i++) {
		step(&r);
		fake_env_advance(&r.fe, 200 * MS);
	}
	assert_string_equal(said(&r, "state"), "running");
	rig_restart(&r);
	close(ends[0]);
	close(ends[1]);
	rig_close(&r);
}

/* ---------------------------------------------------------------- what is refused */

static void it_needs_an_open_volume_and_a_place(void **state)
{
	struct rig r;
	int fd;

	rig_open(&r, 512, "");
	fd = memfd_create("export", MFD_CLOEXEC);
	assert_int_equal(ask(&r, "export", fd), -ENOKEY);
	rig_format(&r);
	assert_int_equal(ask(&r, "export", -1), -EINVAL);
	close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(ask(&r, "export", fd), -EINVAL);
	close(fd);
	assert_int_equal(rig_command(&r, "lock", "{}", ""), 0);
	fd = memfd_create("export", MFD_CLOEXEC);
	assert_int_equal(ask(&r, "export", fd), -ENOKEY);
	assert_non_null(strstr(r.err.text, "locked"));
	close(fd);
	rig_close(&r);
}

static void what_changes_the_volume_waits_for_its_end(void **state)
{
	static const char *const names[] = {"export",           "erase",           "rekey_shallow",
					    "format",           "unlock",          "rekey_deep",
					    "encrypt_in_place", "decrypt_in_place"};
	struct rig r;
	int fd;

	open_formatted(&r, 512);
	fd = begun(&r);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(ask(&r, names[i], fd), -EBUSY);
		assert_non_null(strstr(r.err.text, "being exported"));
	}
	run_to_the_end(&r);
	assert_string_equal(said(&r, "state"), "done");
	close(fd);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(sectors_of_512),
	    T(sectors_of_4096),
	    T(a_stream_has_the_same),
	    T(whoever_writes_ends_it),
	    T(it_is_cancelled),
	    T(a_lock_ends_it),
	    T(a_reader_that_goes_away_ends_it),
	    T(a_datastore_that_fails_ends_it),
	    T(a_place_that_is_full_ends_it),
	    T(a_volume_that_stops_ends_it),
	    T(it_needs_an_open_volume_and_a_place),
	    T(what_changes_the_volume_waits_for_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
