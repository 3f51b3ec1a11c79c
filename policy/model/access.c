/* SPDX-License-Identifier: MIT */
/* access.c - IQNs, CHAP names and secrets: what initiators, tgtd and the standards all take. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "parse.h"

#define IQN_MAX         223u
#define CHAP_USER_MAX   63u /* as the tables take it */
#define CHAP_SECRET_MIN 12u
#define CHAP_SECRET_MAX 16u
#define UUID_DIGITS     8

/* ---------------------------------------------------------------- names of initiators and targets
 */

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_iqn_char(char c)
{
	return is_alnum(c) || c == '-' || c == '.' || c == ':';
}

static bool are_hex(const char *text, size_t count)
{
	return strlen(text) == count && strspn(text, "0123456789abcdef") == count;
}

/* "2026-01.org.example" and what may follow it. */
static bool is_iqn_tail(const char *t)
{
	static const char form[] = "dddd-dd.";
	int month;

	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == 'd' ? t[i] < '0' || t[i] > '9' : t[i] != form[i])
			return false;
	month = (t[5] - '0') * 10 + (t[6] - '0');
	return month >= 1 && month <= 12 && is_alnum(t[8]);
}

static bool is_name(const char *t)
{
	if (strncmp(t, "iqn.", 4) == 0)
		return is_iqn_tail(t + 4);
	if (strncmp(t, "eui.", 4) == 0)
		return are_hex(t + 4, 16);
	return strncmp(t, "naa.", 4) == 0 && (are_hex(t + 4, 16) || are_hex(t + 4, 32));
}

int model_iqn_check(const char *field, const char *text, char out[224], struct err *err)
{
	size_t len = strnlen(text, IQN_MAX + 1);

	if (len > IQN_MAX)
		return err_set(err, EINVAL, field, "%s: an iSCSI name has at most %u characters",
			       field, IQN_MAX);
	for (size_t i = 0; i <= len; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	for (size_t i = 0; i < len; i++)
		if (!is_iqn_char(out[i]))
			return err_set(err, EINVAL, field,
				       "%s: '%.80s' may hold letters, digits, '.', ':' and '-'",
				       field, text);
	if (!is_name(out))
		return err_set(
		    err, EINVAL, field,
		    "%s: '%.80s' is no iSCSI name; they look like iqn.2026-01.org.example:web1, "
		    "eui.02004567a425678d or naa.52004567ba64678d",
		    field, text);
	return 0;
}

void model_iqn_make(const char *base, const char *volume, const char *uuid, char out[224])
{
	char name[PARSE_NAME_MAX + 1];
	bool is_changed = strlen(volume) > PARSE_NAME_MAX;
	size_t n = 0, room;

	for (; n < PARSE_NAME_MAX && volume[n]; n++) {
		char c = (char)tolower((unsigned char)volume[n]);
		bool is_allowed = is_alnum(c) || c == '-' || c == '.';

		name[n] = is_allowed ? c : '-';
		is_changed |= !is_allowed;
	}
	name[n] = '\0';
	room = IQN_MAX - 1 - strnlen(base, IQN_MAX - 1 - UUID_DIGITS - 1);
	if (!is_changed && n <= room)
		snprintf(out, IQN_MAX + 1, "%s:%s", base, name);
	else
		snprintf(out, IQN_MAX + 1, "%.*s:%.*s-%.*s", (int)(IQN_MAX - UUID_DIGITS - 3), base,
			 (int)(room > UUID_DIGITS + 1 ? room - UUID_DIGITS - 1 : 0), name,
			 UUID_DIGITS, uuid);
}

/* ---------------------------------------------------------------- CHAP */

/* tgtd takes user and secret in one text, "user=...,password=...": the first comma ends the user.
 */
int model_chap_user_check(const char *field, const char *text, struct err *err)
{
	size_t len = strnlen(text, CHAP_USER_MAX + 1);

	if (len < 1 || len > CHAP_USER_MAX)
		return err_set(err, EINVAL, field, "%s: a CHAP user has 1 to %u characters", field,
			       CHAP_USER_MAX);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("._-:@", text[i]))
			return err_set(
			    err, EINVAL, field,
			    "%s: '%.80s' may hold letters, digits, '.', '_', '-', ':' and '@'",
			    field, text);
	if (strcmp(text, MODEL_CHAP_GUARD) == 0)
		return err_set(err, EINVAL, field,
			       "%s: the appliance uses %s itself; choose another name", field,
			       MODEL_CHAP_GUARD);
	return 0;
}

/* The secret itself never stands in the sentence. */
int model_chap_secret_check(const char *field, const char *text, struct err *err)
{
	size_t len = strnlen(text, CHAP_SECRET_MAX + 1);

	if (len < CHAP_SECRET_MIN || len > CHAP_SECRET_MAX)
		return err_set(err, EINVAL, field,
			       "%s: a CHAP secret has %u to %u characters (Windows takes no other)",
			       field, CHAP_SECRET_MIN, CHAP_SECRET_MAX);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(err, EINVAL, field,
				       "%s: a CHAP secret may hold letters, digits and signs of "
				       "ASCII, no spaces",
				       field);
	return 0;
}

void model_chap_secret_make(const uint8_t random[16], char out[17])
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

	static_assert(sizeof(alphabet) - 1 == 64, "six bits for each character");
	for (int i = 0; i < 16; i++)
		out[i] = alphabet[random[i] % 64];
	out[16] = '\0';
}
