/* SPDX-License-Identifier: MIT */
/*
 * confine.c - sluice-policyd parses what the network sends to the gateway, as root: what root could
 * do besides is given up at start.
 *
 * Capabilities: none is kept. The user id stays 0, because tgtd believes uid 0 alone
 * (SO_PEERCRED); the database, the run directory and the sockets that we connect to belong to root,
 * so that ordinary rights of a file's owner are enough. Giving webd's socket to its user needs
 * CAP_CHOWN, and has been done before.
 *
 * System calls: what is in the tables below is answered by EPERM, not by a signal: a mistake in
 * here must show as an error that is told, not as a dead daemon.
 */
#include "confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Never needed; each would be a step from a mistake in a parser to the whole machine. */
static const int denied[] = {
    /* another program in our place or beside us */
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    /* other processes' memory */
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    /* another view of the file system, device nodes, handles that go around paths */
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    /* the kernel itself */
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(syslog),
    SCMP_SYS(quotactl),
    /* the kernel's keys */
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    /* time and name of the machine */
    SCMP_SYS(clock_settime),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    /* a ring of requests that this filter would not see */
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
};

static int drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL && errno != EPERM)
			return err_set(err, errno, "", "capability %d cannot be given up: %s", cap,
				       strerror(errno));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) < 0)
		return err_set(err, errno, "", "capabilities cannot be given up: %s",
			       strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "", "no_new_privs: %s", strerror(errno));
	return 0;
}

static int add_rules(scmp_filter_ctx ctx)
{
	const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
	int rc = 0;

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, refuse, denied[i], 0);
	/* nothing but Unix sockets: what goes out goes through sluice-egressd, which has a list */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, refuse, SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, refuse, SCMP_SYS(socketpair), 1,
				      SCMP_A0(SCMP_CMP_NE, AF_UNIX));
#if !defined(SLUICE_ASAN) && !defined(SLUICE_TSAN)
	/* The sanitizers look for leaks from a process of their own, which traces this one. */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, refuse, SCMP_SYS(ptrace), 0);
	/* threads, but no processes; clone3's flags are out of a filter's sight, and with ENOSYS
	 * the C library takes clone */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, refuse, SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
#endif
	return rc;
}

static int filter_calls(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc;

	if (!ctx)
		return err_set(err, ENOMEM, "", "no memory for the system call filter");
	/* the numbers of another architecture mean other calls */
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
	if (rc == 0)
		rc = add_rules(ctx);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc < 0)
		return err_set(err, -rc, "", "the system call filter cannot be set: %s",
			       strerror(-rc));
	return 0;
}

int confine(struct err *err)
{
	int rc = drop_capabilities(err);

	return rc < 0 ? rc : filter_calls(err);
}
