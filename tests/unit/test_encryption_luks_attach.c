/* SPDX-License-Identifier: MIT */
/* test_encryption_luks_attach.c - the header at the beginning of an export: the library reads it,
 * with the same slots, key and UUID and data behind it; one that is damaged, or another volume's,
 * is never written out. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libcryptsetup.h>

#include "luks.h"
#include "luks_file.h"

static struct luks l;
static char folder[64], file[80];
static uint8_t kek[LUKS_KEK_BYTES] = {1}, other[LUKS_KEK_BYTES] = {2}, dek[LUKS_DEK_BYTES];

static int make(void **state)
{
	snprintf(folder, sizeof(folder), "/var/tmp/sluice-attach-XXXXXX");
	assert_non_null(mkdtemp(folder));
	memset(&l, 0, sizeof(l));
	snprintf(l.header, sizeof(l.header), "%s/luks", folder);
	snprintf(l.backup, sizeof(l.backup), "%s/backup", folder);
	snprintf(l.fresh, sizeof(l.fresh), "%s/new", folder);
	snprintf(l.data, sizeof(l.data), "%s/data", folder);
	snprintf(file, sizeof(file), "%s/export", folder);
	memcpy(l.uuid, "0123456789abcde", 16);
	return luks_format(&l, kek, "key:1", 4096, dek);
}

static int clean(void **state)
{
	unlink(l.header);
	unlink(l.backup);
	unlink(file);
	return rmdir(folder); /* nothing else is left */
}

static void open_export(struct crypt_device **cd)
{
	void *header = NULL;

	assert_int_equal(luks_attach(&l, dek, &header), 0);
	assert_int_equal(luks_file_write(file, header, LUKS_ATTACHED_BYTES), 0);
	free(header);
	assert_int_equal(crypt_init(cd, file), 0);
	crypt_metadata_locking(NULL, 0);
	assert_int_equal(crypt_load(*cd, CRYPT_LUKS2, NULL), 0);
}

static int key_of(struct crypt_device *cd, const uint8_t *with, uint8_t *out)
{
	size_t size_bytes = LUKS_DEK_BYTES;

	return crypt_volume_key_get(cd, CRYPT_ANY_SLOT, (char *)out, &size_bytes,
				    (const char *)with, LUKS_KEK_BYTES);
}

static void the_library_opens_it_with_the_same_key(void **state)
{
	uint8_t got[LUKS_DEK_BYTES];
	struct crypt_device *cd, *own;

	open_export(&cd);
	assert_int_equal(crypt_get_data_offset(cd) * 512, LUKS_ATTACHED_BYTES);
	assert_int_equal(crypt_get_sector_size(cd), 4096);
	assert_true(key_of(cd, kek, got) >= 0);
	assert_memory_equal(got, dek, sizeof(dek));
	assert_true(key_of(cd, other, got) < 0);
	assert_int_equal(crypt_init(&own, l.header), 0);
	assert_int_equal(crypt_load(own, CRYPT_LUKS2, NULL), 0);
	assert_string_equal(crypt_get_uuid(cd), crypt_get_uuid(own));
	/* The volume's own header is as it was. */
	assert_int_equal(crypt_get_data_offset(own), 0);
	crypt_free(own);
	crypt_free(cd);
}

static void it_follows_a_rekey(void **state)
{
	uint8_t got[LUKS_DEK_BYTES];
	struct crypt_device *cd;

	assert_int_equal(luks_rekey(&l, kek, other, "key:2"), 0);
	open_export(&cd);
	assert_true(key_of(cd, kek, got) < 0);
	assert_true(key_of(cd, other, got) >= 0);
	assert_memory_equal(got, dek, sizeof(dek));
	crypt_free(cd);
}

static void another_key_is_refused(void **state)
{
	uint8_t wrong[LUKS_DEK_BYTES];
	void *header = NULL;

	memcpy(wrong, dek, sizeof(wrong));
	wrong[5] ^= 1;
	assert_int_equal(luks_attach(&l, wrong, &header), -EKEYREJECTED);
	assert_null(header);
	assert_true(l.text[0] != '\0');
}

static void a_damaged_header_is_refused(void **state)
{
	static const off_t places[] = {10, 460, 4100, 16384 + 3, 16384 + 4200};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int fd = open(l.header, O_RDWR | O_CLOEXEC);
		void *header = NULL;
		uint8_t byte;

		assert_int_equal(pread(fd, &byte, 1, places[i]), 1);
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, places[i]), 1);
		assert_int_equal(luks_attach(&l, dek, &header), -EBADMSG);
		assert_null(header);
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, places[i]), 1);
		close(fd);
	}
}

static void no_header_is_said(void **state)
{
	void *header = NULL;

	unlink(l.header);
	assert_int_equal(luks_attach(&l, dek, &header), -ENOENT);
	assert_null(header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_library_opens_it_with_the_same_key, make, clean),
	    cmocka_unit_test_setup_teardown(it_follows_a_rekey, make, clean),
	    cmocka_unit_test_setup_teardown(another_key_is_refused, make, clean),
	    cmocka_unit_test_setup_teardown(a_damaged_header_is_refused, make, clean),
	    cmocka_unit_test_setup_teardown(no_header_is_said, make, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
