/* SPDX-License-Identifier: MIT */
/* connect.c - lines for initiators. Pure, so that a test reads what a person would type. */
#include "connect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 1024u

static void line(json_t *lines, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void line(json_t *lines, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(lines, json_string(text));
}

/* The address without its port; IPv6 without brackets. */
static void split(const char *portal, char address[300], char port[8])
{
	const char *colon = strrchr(portal, ':');
	int len = colon ? (int)(colon - portal) : (int)strlen(portal);
	int skip = portal[0] == '[' && len > 2 && portal[len - 1] == ']' ? 1 : 0;

	snprintf(address, 300, "%.*s", len - 2 * skip, portal + skip);
	snprintf(port, 8, "%.7s", colon ? colon + 1 : "3260");
}

/* ---------------------------------------------------------------- one function an initiator */

static void help_linux(const struct connect_facts *f, json_t *lines)
{
	const char *set = "iscsiadm -m node -T";

	line(lines, "# needs the package open-iscsi");
	if (f->initiator_iqn)
		line(lines, "grep -x 'InitiatorName=%s' /etc/iscsi/initiatorname.iscsi",
		     f->initiator_iqn);
	else
		line(lines, "# no host may reach this volume yet: allow one first");
	for (uint32_t i = 0; i < f->portal_count; i++)
		line(lines, "iscsiadm -m discovery -t sendtargets -p %s", f->portals[i]);
	if (f->chap_user) {
		line(lines, "# CHAP with MD5 alone: an offer of SHA-256 makes the login fail");
		line(lines, "%s %s -o update -n node.session.auth.authmethod -v CHAP", set, f->iqn);
		line(lines, "%s %s -o update -n node.session.auth.chap_algs -v MD5", set, f->iqn);
		line(lines, "%s %s -o update -n node.session.auth.username -v %s", set, f->iqn,
		     f->chap_user);
		line(lines, "read -rsp 'CHAP secret: ' secret");
		line(lines, "%s %s -o update -n node.session.auth.password -v \"$secret\"", set,
		     f->iqn);
	}
	if (f->mutual_user) {
		line(lines, "%s %s -o update -n node.session.auth.username_in -v %s", set, f->iqn,
		     f->mutual_user);
		line(lines, "read -rsp 'Mutual CHAP secret: ' secret");
		line(lines, "%s %s -o update -n node.session.auth.password_in -v \"$secret\"", set,
		     f->iqn);
	}
	line(lines, "%s %s --login", set, f->iqn);
	line(lines, "%s %s -o update -n node.startup -v automatic", set, f->iqn);
	line(lines, "ls -l /dev/disk/by-path/ | grep '%s-lun-%u'", f->iqn, f->lun);
}

static void help_esxi(const struct connect_facts *f, json_t *lines)
{
	line(lines, "esxcli iscsi software set --enabled=true");
	line(lines, "hba=$(esxcli iscsi adapter list | awk '/iscsi_vmk/ {print $1; exit}')");
	for (uint32_t i = 0; i < f->portal_count; i++)
		line(lines,
		     "esxcli iscsi adapter discovery sendtarget add --adapter=$hba --address=%s",
		     f->portals[i]);
	line(lines, "esxcli storage core adapter rescan --adapter=$hba");
	if (f->chap_user) {
		line(lines, "# ESXi's CHAP uses MD5, which is what this target needs");
		for (uint32_t i = 0; i < f->portal_count; i++) {
			line(lines,
			     "esxcli iscsi adapter target portal auth chap set --adapter=$hba "
			     "--address=%s --name=%s --direction=uni --level=required "
			     "--authname=%s --secret",
			     f->portals[i], f->iqn, f->chap_user);
			if (f->mutual_user)
				line(lines,
				     "esxcli iscsi adapter target portal auth chap set "
				     "--adapter=$hba --address=%s --name=%s --direction=mutual "
				     "--level=required --authname=%s --secret",
				     f->portals[i], f->iqn, f->mutual_user);
		}
		line(lines, "esxcli storage core adapter rescan --adapter=$hba");
	}
	line(lines, "esxcli storage core path list | grep -A2 '%s'", f->iqn);
}

static void help_windows(const struct connect_facts *f, json_t *lines)
{
	char address[300], port[8];

	line(lines, "Set-Service MSiSCSI -StartupType Automatic; Start-Service MSiSCSI");
	for (uint32_t i = 0; i < f->portal_count; i++) {
		split(f->portals[i], address, port);
		line(lines,
		     "New-IscsiTargetPortal -TargetPortalAddress %s -TargetPortalPortNumber %s",
		     address, port);
	}
	if (f->mutual_user)
		line(lines,
		     "# mutual CHAP: the initiator's own secret must be this volume's "
		     "mutual secret; user %s",
		     f->mutual_user);
	if (f->mutual_user)
		line(lines, "Set-IscsiChapSecret -ChapSecret (Read-Host 'Mutual CHAP secret')");
	if (f->chap_user) {
		line(lines, "# Windows' CHAP uses MD5, which is what this target needs");
		line(lines,
		     "Connect-IscsiTarget -NodeAddress '%s' -IsPersistent $true "
		     "-AuthenticationType %s -ChapUsername '%s' -ChapSecret (Read-Host 'CHAP "
		     "secret')",
		     f->iqn, f->mutual_user ? "MUTUALCHAP" : "ONEWAYCHAP", f->chap_user);
	} else {
		line(lines, "Connect-IscsiTarget -NodeAddress '%s' -IsPersistent $true", f->iqn);
	}
	line(lines, "Get-IscsiSession | Where-Object TargetNodeAddress -eq '%s' | Get-Disk",
	     f->iqn);
}

static void help_qemu(const struct connect_facts *f, json_t *lines)
{
	const char *portal = f->portal_count ? f->portals[0] : "";
	char user[160] = "", name[300] = "";

	line(lines, "# needs QEMU's block driver for iSCSI (Debian: qemu-block-extra)");
	if (f->initiator_iqn)
		snprintf(name, sizeof(name), "initiator-name=%s", f->initiator_iqn);
	if (f->chap_user) {
		line(lines, "# QEMU's CHAP uses MD5, which is what this target needs");
		line(lines, "# the file chap-secret holds the secret alone, mode 0600");
		snprintf(user, sizeof(user), "-object secret,id=chap,file=chap-secret ");
	}
	line(lines,
	     "qemu-system-x86_64 -m 1G %s%s%s%s%s%s -drive "
	     "file=iscsi://%s/%s/%u,format=raw,if=virtio,cache=none",
	     user, f->initiator_iqn || f->chap_user ? "-iscsi " : "", name,
	     f->initiator_iqn && f->chap_user ? "," : "",
	     f->chap_user ? "password-secret=chap,user=" : "", f->chap_user ? f->chap_user : "",
	     portal, f->iqn, f->lun);
}

static void help_libvirt(const struct connect_facts *f, json_t *lines)
{
	char address[300], port[8];

	if (f->chap_user) {
		line(lines,
		     "<!-- once: virsh secret-define with <usage type='iscsi'><target>%s"
		     "</target></usage>, then virsh secret-set-value; CHAP uses MD5 -->",
		     f->volume);
	}
	line(lines, "<disk type='network' device='disk'>");
	line(lines, "  <driver name='qemu' type='raw' cache='none' discard='unmap'/>");
	line(lines, "  <source protocol='iscsi' name='%s/%u'>", f->iqn, f->lun);
	for (uint32_t i = 0; i < f->portal_count && i < 1; i++) {
		split(f->portals[i], address, port);
		line(lines, "    <host name='%s' port='%s'/>", address, port);
	}
	if (f->chap_user) {
		line(lines, "    <auth username='%s'>", f->chap_user);
		line(lines, "      <secret type='iscsi' usage='%s'/>", f->volume);
		line(lines, "    </auth>");
	}
	line(lines, "  </source>");
	line(lines, "  <target dev='vda' bus='virtio'/>");
	line(lines, "</disk>");
}

static const struct initiator {
	const char *word, *title;
	void (*help)(const struct connect_facts *f, json_t *lines);
} initiators[] = {
    {"linux", "Linux with open-iscsi", help_linux},
    {"esxi", "VMware ESXi, on its shell", help_esxi},
    {"windows", "Windows, PowerShell as administrator", help_windows},
    {"qemu", "QEMU without a kernel initiator", help_qemu},
    {"libvirt", "libvirt, in the domain's XML", help_libvirt},
};

json_t *connect_help(const struct connect_facts *f)
{
	json_t *help = json_array();

	for (size_t i = 0; i < sizeof(initiators) / sizeof(initiators[0]); i++) {
		json_t *lines = json_array();

		initiators[i].help(f, lines);
		json_array_append_new(help,
				      json_pack("{s:s, s:s, s:o}", "initiator", initiators[i].word,
						"title", initiators[i].title, "lines", lines));
	}
	return help;
}

/* ---------------------------------------------------------------- addresses */

static bool is_loopback(const char *host)
{
	return host[0] == '\0' || strncmp(host, "localhost", 9) == 0 ||
	       strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* What the header may name: letters, digits, dots, dashes, and colons in brackets. It comes from
 * outside and ends in lines that a person copies into a shell. */
static bool is_plain(const char *host)
{
	return host[strspn(host,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:")] ==
	       '\0';
}

static void host_of_header(const char *header, char host[256])
{
	const char *end;

	host[0] = '\0';
	if (!header)
		return;
	if (header[0] == '[' && (end = strchr(header, ']')) != NULL)
		snprintf(host, 256, "%.*s", (int)(end - header) - 1, header + 1);
	else
		snprintf(host, 256, "%.*s", (int)strcspn(header, ":"), header);
	if (!is_plain(host))
		host[0] = '\0';
}

void connect_portal(const char *name, const char *host_header, const char *machine, char out[300])
{
	char address[300], port[8], host[256];
	const char *use;

	split(name, address, port);
	if (strcmp(address, "0.0.0.0") != 0 && strcmp(address, "::") != 0) {
		snprintf(out, 300, "%s", name);
		return;
	}
	host_of_header(host_header, host);
	use = is_loopback(host) ? machine : host;
	snprintf(out, 300, strchr(use, ':') ? "[%.250s]:%s" : "%.250s:%s", use, port);
}
