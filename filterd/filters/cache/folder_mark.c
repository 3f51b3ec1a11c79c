/* SPDX-License-Identifier: MIT */
#include "folder_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "group.h"

#define TEXT_FORMAT "{\"version\": 1, \"uuid\": \"%s\"}\n"
#define TEXT_BYTES  128u
#define PATH_BYTES  512u

static const uint8_t unknown[16];

bool folder_mark_is_known(const uint8_t uuid[16])
{
	return memcmp(uuid, unknown, 16) != 0;
}

static void path_of(const char *folder, const char *suffix, char path[PATH_BYTES])
{
	snprintf(path, PATH_BYTES, "%.400s/" FOLDER_MARK_FILE "%s", folder, suffix);
}

/* ---------------------------------------------------------------- read */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What it says must come out again as the very same text. */
static bool parse(const char *text, uint8_t uuid[16])
{
	const char *at = strstr(text, "\"uuid\": \"");
	char word[GROUP_UUID_TEXT], again[TEXT_BYTES];

	at = at ? at + strlen("\"uuid\": \"") : "";
	for (int i = 0; i < 16; i++) {
		int high, low;

		at += *at == '-';
		high = hex(at[0]);
		low = high < 0 ? -1 : hex(at[1]);
		if (low < 0)
			return false;
		uuid[i] = (uint8_t)(high << 4 | low);
		at += 2;
	}
	group_uuid_text(uuid, word);
	snprintf(again, sizeof(again), TEXT_FORMAT, word);
	return strcmp(text, again) == 0;
}

/* -ENOENT: there is none. */
static int mark_read(const char *folder, uint8_t uuid[16])
{
	char path[PATH_BYTES], text[TEXT_BYTES];
	ssize_t n;
	int fd, r;

	path_of(folder, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	n = read(fd, text, sizeof(text) - 1);
	r = n < 0 ? -errno : 0;
	close(fd);
	if (r)
		return r;
	text[n] = '\0';
	return parse(text, uuid) ? 0 : -EBADMSG;
}

/* ---------------------------------------------------------------- write */

static int write_durably(const char *path, const char *text)
{
	size_t n = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, n) != (ssize_t)n)
		r = -EIO;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* Written aside and renamed: there is a whole one or none. */
static int mark_write(const char *folder, const uint8_t uuid[16])
{
	char path[PATH_BYTES], aside[PATH_BYTES], word[GROUP_UUID_TEXT], text[TEXT_BYTES];
	int r;

	path_of(folder, "", path);
	path_of(folder, ".new", aside);
	group_uuid_text(uuid, word);
	snprintf(text, sizeof(text), TEXT_FORMAT, word);
	r = write_durably(aside, text);
	if (r == 0 && rename(aside, path) < 0)
		r = -errno;
	return r == 0 ? sync_folder(folder) : r;
}

/* ---------------------------------------------------------------- the doors */

static int refuse(struct sluice_error *err, const char *folder, int result)
{
	switch (result) {
	case -ENOTCONN:
		snprintf(err->text, sizeof(err->text),
			 "'%.100s' is not the flash now: its mark (" FOLDER_MARK_FILE
			 ") is not there; is the flash disk mounted?",
			 folder);
		break;
	case -EXDEV:
		snprintf(err->text, sizeof(err->text),
			 "'%.100s' is another flash: its mark (" FOLDER_MARK_FILE
			 ") is not the one that is known; is the right disk mounted there?",
			 folder);
		break;
	case -EBADMSG:
		snprintf(err->text, sizeof(err->text),
			 "the mark (" FOLDER_MARK_FILE ") of '%.100s' is damaged; remove it if you "
			 "know that this is the right disk",
			 folder);
		break;
	default:
		snprintf(err->text, sizeof(err->text),
			 "the mark (" FOLDER_MARK_FILE ") of '%.100s': %s", folder,
			 strerror(-result));
	}
	return result;
}

int folder_mark_check(const char *folder, const uint8_t uuid[16], struct sluice_error *err)
{
	uint8_t found[16];
	int r = mark_read(folder, found);

	if (r == -ENOENT)
		r = -ENOTCONN;
	else if (r == 0 && memcmp(found, uuid, 16) != 0)
		r = -EXDEV;
	return r ? refuse(err, folder, r) : 0;
}

int folder_mark_claim(struct sluice_filter *f, const char *folder, uint8_t uuid[16],
		      struct sluice_error *err)
{
	uint8_t found[16];
	int r;

	if (folder_mark_is_known(uuid))
		return folder_mark_check(folder, uuid, err);
	r = mark_read(folder, found);
	if (r == -ENOENT) {
		for (int i = 0; i < 16; i += 8) {
			uint64_t random = sluice_random_u64(f);

			memcpy(found + i, &random, 8);
		}
		r = mark_write(folder, found);
	}
	if (r)
		return refuse(err, folder, r);
	memcpy(uuid, found, 16);
	return 0;
}

int folder_mark_restore(const char *folder, const uint8_t uuid[16], struct sluice_error *err)
{
	int r = mark_write(folder, uuid);

	return r ? refuse(err, folder, r) : 0;
}
