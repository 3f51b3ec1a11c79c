/* SPDX-License-Identifier: MIT */
/*
 * password_rules.c - what may be a password. Length is what counts; there are no rules about
 * digits and signs, which make people write "Password1!". Pure.
 *
 * A password of at least PASSWORD_MIN characters is refused if it is made of very few of them, has
 * the user's name in it, or is one that everybody tries first: a common word with digits and signs
 * around it, common words in a row, or a walk over the keyboard.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "password.h"
#include "url.h"

/* What stands at the top of every list of leaked passwords, without digits and signs at its ends;
 * longest first among those that begin alike. */
static const char *const common[] = {
    "abc",        "abcd",       "abcdef",    "access",  "admin",    "administrator", "adobe",
    "amanda",     "andrew",     "appliance", "ashley",  "asdf",     "asdfgh",        "asdfghjkl",
    "azerty",     "bailey",     "baseball",  "batman",  "changeit", "changeme",      "charlie",
    "cheese",     "chelsea",    "computer",  "correct", "daniel",   "default",       "donald",
    "dragon",     "everything", "filter",    "flower",  "football", "freedom",       "fuckyou",
    "george",     "ginger",     "god",       "google",  "guest",    "hannah",        "harley",
    "hello",      "horse",      "hottie",    "hunter",  "iloveyou", "internet",      "iscsi",
    "jennifer",   "jessica",    "jordan",    "joshua",  "killer",   "letmein",       "liverpool",
    "login",      "love",       "loveme",    "maggie",  "manager",  "master",        "matthew",
    "michael",    "michelle",   "monkey",    "mustang", "mynoob",   "mypassword",    "nicole",
    "ninja",      "open",       "orange",    "pass",    "password", "passwort",      "pepper",
    "please",     "pokemon",    "princess",  "qazwsx",  "qwer",     "qwert",         "qwerty",
    "qwertyuiop", "robert",     "root",      "samsung", "secret",   "server",        "shadow",
    "sluice",     "solo",       "starwars",  "storage", "summer",   "sunshine",      "superman",
    "system",     "target",     "test",      "thomas",  "tigger",   "trustno",       "user",
    "welcome",    "whatever",   "winter",    "zaq",     "zxcvbn",   "zxcvbnm",
};

static const char *const walks[] = {
    "01234567890123456789012345678901234567890",
    "98765432109876543210987654321098765432109",
    "qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfghjklzxcvbnm",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "!@#$%^&*()_+",
};

static uint32_t characters(const char *text)
{
	uint32_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool has_few_characters(const char *text)
{
	bool seen[256] = {false};
	uint32_t n = 0;

	for (; *text; text++) {
		n += !seen[(unsigned char)*text];
		seen[(unsigned char)*text] = true;
	}
	return n < 5;
}

/* Length of the longest common word that text begins with, 0: none. */
static size_t common_word(const char *text)
{
	size_t longest = 0;

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
		size_t len = strlen(common[i]);

		if (len > longest && strncmp(text, common[i], len) == 0)
			longest = len;
	}
	return longest;
}

/* Common words, digits and signs, and at most two letters besides. */
static bool is_common(const char *text)
{
	uint32_t others = 0, words = 0;

	while (*text) {
		size_t len = common_word(text);

		if (len) {
			words++;
			text += len;
			continue;
		}
		others += isalpha((unsigned char)*text) || (unsigned char)*text >= 0x80;
		text++;
	}
	return others <= 2 && words <= 2;
}

static bool is_walk(const char *text)
{
	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++)
		if (strstr(walks[i], text))
			return true;
	return false;
}

int password_check(const char *field, const char *password, const char *user, struct err *err)
{
	char lower[PASSWORD_MAX + 1], name[PASSWORD_MAX + 1];
	uint32_t count = characters(password);
	size_t i;

	if (!url_is_utf8(password, strlen(password)))
		return err_set(err, EINVAL, field, "a password must be UTF-8");
	if (count < PASSWORD_MIN)
		return err_set(err, EINVAL, field,
			       "a password needs at least %u characters; a few words do well",
			       PASSWORD_MIN);
	if (count > PASSWORD_CHARS_MAX || strlen(password) > PASSWORD_MAX)
		return err_set(err, ENAMETOOLONG, field, "a password has at most %u characters",
			       PASSWORD_CHARS_MAX);
	for (i = 0; password[i]; i++)
		lower[i] = (char)tolower((unsigned char)password[i]);
	lower[i] = '\0';
	for (i = 0; user[i] && i < PASSWORD_MAX; i++)
		name[i] = (char)tolower((unsigned char)user[i]);
	name[i] = '\0';
	if (name[0] && name[1] && name[2] && strstr(lower, name))
		return err_set(err, EINVAL, field,
			       "a password must not have the user's name in it");
	if (has_few_characters(lower) || is_walk(lower) || is_common(lower))
		return err_set(err, EINVAL, field,
			       "this password is one of the first that anybody would try; take "
			       "another, for instance four words that do not belong together");
	return 0;
}
