/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bs_sluice.c - the backing store "sluice" as tgtd sees it: registration, open, close.
 *
 *   tgtadm --lld iscsi --mode logicalunit --op new --tid 1 --lun 1 --bstype sluice --backing-store
 * <volume>
 *          [--bsopts socket=/run/sluice/ring.sock]
 *
 * What tgtd calls, in order: register_bs_module once; for each LUN bs_init, bs_open, then commands
 * (through the op table, so bs_cmd_submit only for callers that go around it), bs_close, bs_exit.
 * tgtadm's path= closes and opens again in between.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "lun.h"
#include "ops.h"
#include "pr.h"
#include "tgt.h"
#include "version.h"

#define SOCKET_ENV   "SLUICE_RING_SOCKET"
#define SOCKET_OPT   "socket="
#define TRUSTED_USER "sluice"

/* Large transfers: tgtd allocates and frees a buffer for each. Above malloc's threshold each one is
 * mapped anew and pays a page fault for every 4 KiB; below, it comes from the heap, whose pages
 * stay. */
#define MALLOC_MMAP_THRESHOLD_BYTES (32 << 20)
#define MALLOC_TRIM_THRESHOLD_BYTES (256 << 20)
#define MALLOC_TOP_PAD_BYTES        (8 << 20)

__attribute__((visibility("default"))) void register_bs_module(void);

/* ------------------------------------------------------------------ the LUN */

static int set_socket(struct lun *l, const char *bsopts)
{
	const char *path = getenv(SOCKET_ENV);

	if (!path || !*path)
		path = RING_SOCKET_DEFAULT;
	if (bsopts && *bsopts) {
		if (strncmp(bsopts, SOCKET_OPT, sizeof(SOCKET_OPT) - 1) != 0) {
			tgt_log(l->lu, "bsopts '%s' not understood; say " SOCKET_OPT "<path>",
				bsopts);
			return -EINVAL;
		}
		path = bsopts + sizeof(SOCKET_OPT) - 1;
	}
	if (path[0] != '/' || strlen(path) >= sizeof(l->socket_path)) {
		tgt_log(l->lu, "socket path '%s' is not absolute or longer than %zu bytes", path,
			sizeof(l->socket_path) - 1);
		return -EINVAL;
	}
	snprintf(l->socket_path, sizeof(l->socket_path), "%s", path);
	return 0;
}

/* The last chance to see that struct scsi_lu is not what the headers say, before it is written to.
 */
static bool is_layout_plausible(const struct scsi_lu *lu, const struct backingstore_template *bst)
{
	const struct device_type_operations *ops = lu->dev_type_template.ops;

	return lu->bst == bst && ops[INQUIRY].cmd_perform == spc_inquiry &&
	       ops[REPORT_LUNS].cmd_perform == spc_report_luns &&
	       ops[PERSISTENT_RESERVE_IN].service_actions &&
	       ops[PERSISTENT_RESERVE_OUT].service_actions && lu->attrs.lu_vpd[PCODE_OFFSET(0x83)];
}

static struct backingstore_template sluice_bst;

static tgtadm_err sluice_init(struct scsi_lu *lu, char *bsopts)
{
	struct lun *l = lun_of(lu);

	memset(l, 0, sizeof(*l));
	l->lu = lu;
	if (lu->dev_type_template.type != TYPE_DISK) {
		tgt_log(lu, "bstype sluice is for disks, this LUN has device type %u",
			lu->dev_type_template.type);
		return TGTADM_INVALID_REQUEST;
	}
	if (!is_layout_plausible(lu, &sluice_bst)) {
		tgt_log(lu, "this tgtd's structures are not those that the module was built for");
		return TGTADM_INVALID_REQUEST;
	}
	if (set_socket(l, bsopts))
		return TGTADM_INVALID_REQUEST;
	lun_init(lu);
	ops_init(lu);
	pr_init(lu);
	return TGTADM_SUCCESS;
}

static void sluice_close(struct scsi_lu *lu)
{
	struct lun *l = lun_of(lu);

	if (l->conn)
		conn_close(l->conn);
	l->conn = NULL;
	l->was_welcomed = false;
}

static int sluice_open(struct scsi_lu *lu, char *path, int *fd, uint64_t *size)
{
	struct lun *l = lun_of(lu);
	int rc;

	*fd = -1;
	*size = 0;
	if (!*path || strlen(path) >= RING_VOLUME_BYTES) {
		tgt_log(lu, "a volume's name has 1 to %u bytes", RING_VOLUME_BYTES - 1);
		return -EINVAL;
	}
	sluice_close(lu);
	rc = conn_open(lu, path, l->socket_path, &l->conn);
	if (rc) {
		tgt_log(lu, "cannot make the ring of volume %s: %s", path, strerror(-rc));
		return rc;
	}
	*fd = conn_fd(l->conn);
	*size = l->was_welcomed ? lu->size : 0;
	return 0;
}

static void sluice_exit(struct scsi_lu *lu)
{
	sluice_close(lu);
	pr_exit(lu);
}

static int sluice_submit(struct scsi_cmd *cmd)
{
	return ops_perform(0, cmd);
}

static struct backingstore_template sluice_bst = {
    .bs_name = "sluice",
    .bs_datasize = sizeof(struct lun),
    .bs_init = sluice_init,
    .bs_exit = sluice_exit,
    .bs_open = sluice_open,
    .bs_close = sluice_close,
    .bs_cmd_submit = sluice_submit,
};

/* ------------------------------------------------------------------ loading */

static bool is_tgtd_known(void)
{
	char version[64];
	int rc = version_ask("/proc/self/exe", version, sizeof(version));

	if (rc) {
		tgt_log_global(
		    "cannot find out this tgtd's version (%s): bstype sluice is not available",
		    strerror(-rc));
		return false;
	}
	if (!version_is_known(version)) {
		tgt_log_global(
		    "this is tgtd %s, and the module knows %s only: bstype sluice is not "
		    "available; build the module against the headers of tgt %s",
		    version, version_known_list(), version);
		return false;
	}
	return true;
}

void register_bs_module(void)
{
	if (!is_tgtd_known())
		return;
	mallopt(M_MMAP_THRESHOLD, MALLOC_MMAP_THRESHOLD_BYTES);
	mallopt(M_TRIM_THRESHOLD, MALLOC_TRIM_THRESHOLD_BYTES);
	mallopt(M_TOP_PAD, MALLOC_TOP_PAD_BYTES);
	conn_socket_set_trusted_user(TRUSTED_USER);
	register_backingstore_template(&sluice_bst);
}
