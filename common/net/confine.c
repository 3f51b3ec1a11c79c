/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

int confine_find(const char *name, struct confine_user *out, struct err *err)
{
	const struct passwd *pw;

	*out = (struct confine_user){.uid = geteuid(), .gid = getegid()};
	if (!name)
		return 0;
	pw = getpwnam(name);
	if (!pw)
		return err_set(err, ENOENT, "user", "there is no user '%s' on this machine", name);
	if (geteuid() != 0 && geteuid() != pw->pw_uid)
		return err_set(err, EPERM, "user",
			       "only root can become '%s'; start as root or without --user", name);
	*out = (struct confine_user){.is_set = true, .uid = pw->pw_uid, .gid = pw->pw_gid};
	return 0;
}

int confine_drop(const struct confine_user *user, struct err *err)
{
	if (user->is_set && geteuid() == 0 && user->uid != 0) {
		if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
		    setresuid(user->uid, user->uid, user->uid) < 0)
			return err_set(err, errno, "user", "cannot become uid %u: %s", user->uid,
				       strerror(errno));
		if (setuid(0) == 0)
			return err_set(err, EPERM, "user",
				       "uid %u can become root again; that must not be", user->uid);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "", "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
#ifndef SLUICE_ASAN /* its leak check looks at the process from outside */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "", "PR_SET_DUMPABLE: %s", strerror(errno));
#endif
	return 0;
}

/* None of these has a use here; a process that calls one has been taken over, and ends. */
static const int never[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
#ifndef SLUICE_ASAN
    SCMP_SYS(ptrace),
#endif
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(reboot),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
};

/* Names are looked up with AF_NETLINK's help; without it the C library assumes that IPv4 and IPv6
 * are both there, which is harmless. */
static int allow_three_families(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (int family = 0; family < AF_INET6 && rc == 0; family++)
		if (family != AF_UNIX && family != AF_INET)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket),
					      1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)family, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				      SCMP_A0_32(SCMP_CMP_GT, AF_INET6, 0));
	return rc;
}

int confine_syscalls(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc;

	if (!ctx)
		return err_set(err, ENOMEM, "", "no memory for the system call filter");
	rc = allow_three_families(ctx);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, never[i], 0);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc < 0)
		return err_set(err, -rc, "", "the system call filter cannot be set up: %s",
			       strerror(-rc));
	return 0;
}
