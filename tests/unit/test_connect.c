/* SPDX-License-Identifier: MIT */
/* What the connect help tells a person to type is right for each initiator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "connect.h"

#define IQN "iqn.2026-01.org.sluice:box:web-1"

static const char *const one_portal[] = {"10.0.0.1:3260"};
static const char *const two_portals[] = {"10.0.0.1:3260", "[fd00::1]:3261"};

static const struct connect_facts plain = {
    .volume = "web-1", .iqn = IQN, .portals = one_portal, .portal_count = 1, .lun = 1};

/* All lines of one initiator as one text. */
static const char *text_of(const struct connect_facts *f, const char *initiator)
{
	static char text[8192];
	json_t *help = connect_help(f), *h, *l;
	size_t i, k;

	text[0] = '\0';
	json_array_foreach(help, i, h)
	{
		if (strcmp(json_string_value(json_object_get(h, "initiator")), initiator) != 0)
			continue;
		json_array_foreach(json_object_get(h, "lines"), k, l)
		{
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n",
				 json_string_value(l));
		}
	}
	json_decref(help);
	assert_true(text[0]);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in:\n%s", part, text);
}

static void every_initiator_is_told_iqn_and_portal(void **state)
{
	static const char *const all[] = {"linux", "qemu", "libvirt"};

	for (size_t i = 0; i < 3; i++) {
		has(text_of(&plain, all[i]), IQN);
		has(text_of(&plain, all[i]), "10.0.0.1");
	}
	has(text_of(&plain, "esxi"), "--address=10.0.0.1:3260");
	has(text_of(&plain, "windows"),
	    "-TargetPortalAddress 10.0.0.1 -TargetPortalPortNumber 3260");
	has(text_of(&plain, "qemu"), "iscsi://10.0.0.1:3260/" IQN "/1");
	has(text_of(&plain, "libvirt"), "name='" IQN "/1'");
}

static void without_chap_nobody_reads_of_it(void **state)
{
	has_not(text_of(&plain, "linux"), "CHAP");
	has_not(text_of(&plain, "esxi"), "CHAP");
	has_not(text_of(&plain, "windows"), "Chap");
	has_not(text_of(&plain, "qemu"), "secret");
	has_not(text_of(&plain, "libvirt"), "auth");
}

static void chap_is_md5_for_everybody(void **state)
{
	static const char *const all[] = {"linux", "esxi", "windows", "qemu", "libvirt"};
	struct connect_facts f = plain;

	f.chap_user = "esx-1";
	for (size_t i = 0; i < 5; i++) {
		has(text_of(&f, all[i]), "MD5");
		has(text_of(&f, all[i]), "esx-1");
	}
	has(text_of(&f, "linux"), "-n node.session.auth.chap_algs -v MD5");
	has(text_of(&f, "windows"), "-AuthenticationType ONEWAYCHAP -ChapUsername 'esx-1'");
}

static void mutual_chap_is_set_on_both_sides(void **state)
{
	struct connect_facts f = plain;

	f.chap_user = "esx-1";
	f.mutual_user = "target-1";
	has(text_of(&f, "linux"), "-n node.session.auth.username_in -v target-1");
	has(text_of(&f, "esxi"), "--direction=mutual --level=required --authname=target-1");
	has(text_of(&f, "windows"), "MUTUALCHAP");
}

static void every_portal_is_named(void **state)
{
	struct connect_facts f = plain;

	f.portals = two_portals;
	f.portal_count = 2;
	has(text_of(&f, "linux"), "-p [fd00::1]:3261");
	has(text_of(&f, "esxi"), "--address=[fd00::1]:3261");
	has(text_of(&f, "windows"), "-TargetPortalAddress fd00::1 -TargetPortalPortNumber 3261");
}

static void portal_is(const char *wanted, const char *name, const char *host)
{
	char out[300];

	connect_portal(name, host, "appliance", out);
	assert_string_equal(out, wanted);
}

static void wildcard_becomes_the_address_in_use(void **state)
{
	portal_is("10.1.2.3:3260", "0.0.0.0:3260", "10.1.2.3:8443");
	portal_is("[fd00::7]:3260", "[::]:3260", "[fd00::7]:8443");
	portal_is("san.example.com:3261", "0.0.0.0:3261", "san.example.com");
	portal_is("10.9.9.9:3260", "10.9.9.9:3260", "10.1.2.3:8443");
}

static void loopback_and_nonsense_become_the_machine(void **state)
{
	portal_is("appliance:3260", "0.0.0.0:3260", "localhost");
	portal_is("appliance:3260", "0.0.0.0:3260", "127.0.0.1:8443");
	portal_is("appliance:3260", "[::]:3260", "[::1]:8443");
	portal_is("appliance:3260", "0.0.0.0:3260", NULL);
	portal_is("appliance:3260", "0.0.0.0:3260", "x;reboot");
	portal_is("appliance:3260", "0.0.0.0:3260", "$(reboot)");
	portal_is("appliance:3260", "0.0.0.0:3260", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_initiator_is_told_iqn_and_portal),
	    cmocka_unit_test(without_chap_nobody_reads_of_it),
	    cmocka_unit_test(chap_is_md5_for_everybody),
	    cmocka_unit_test(mutual_chap_is_set_on_both_sides),
	    cmocka_unit_test(every_portal_is_named),
	    cmocka_unit_test(wildcard_becomes_the_address_in_use),
	    cmocka_unit_test(loopback_and_nonsense_become_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
