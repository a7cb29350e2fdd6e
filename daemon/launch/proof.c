/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "open.h"
#include "proof.h"

DEFINE_CLEANUP(DIR *, closedir);

/* Calls that came after Linux 6.1, whose calls are the last that a policy can name (syscall-profile.c). */
#define FIRST_NEW_CALL 451
#define HIGHEST_CALL 1024

/* Refused by a filter, a capability check, a mode or a read-only mount; or not there. Anything else would mean that the
 * attempt got further than to the wall. */
static bool is_refusal(long result) {
        if (result >= 0)
                return false;
        return errno == EPERM || errno == EACCES || errno == EROFS || errno == ENOSYS || errno == ENOENT ||
               errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT;
}

static bool is_refused_descriptor(int fd) {
        if (fd >= 0)
                (void)close(fd); /* it should never have been opened */
        return is_refusal(fd);
}

static bool is_closed(const char *path) {
        return is_refused_descriptor(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

/* Whether the plan allows a call that most plans do not. */
static bool is_listed(const Cage *c, long number) {
        static const struct {
                long number;
                const char *name;
        } names[] = {
                { SYS_bpf, "bpf" },
                { SYS_perf_event_open, "perf_event_open" },
                { SYS_keyctl, "keyctl" },
                { SYS_add_key, "add_key" },
                { SYS_request_key, "request_key" },
                { SYS_init_module, "init_module" },
                { SYS_finit_module, "finit_module" },
                { SYS_delete_module, "delete_module" },
                { SYS_kexec_load, "kexec_load" },
                { SYS_open_by_handle_at, "open_by_handle_at" },
                { SYS_swapon, "swapon" },
                { SYS_acct, "acct" },
                { SYS_quotactl, "quotactl" },
                { SYS_settimeofday, "settimeofday" },
                { SYS_setns, "setns" },
                { SYS_fanotify_init, "fanotify_init" },
        };
        const PlanTemplate *t = &c->plan->template;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                for (size_t k = 0; names[i].number == number && k < t->n_syscalls; k++)
                        if (streq(names[i].name, t->syscalls[k]))
                                return true;
        return false;
}

static bool no_mounts(const Cage *c) {
        return is_refusal(mount("none", "/tmp", "tmpfs", 0, NULL)) &&
               is_refusal(umount2("/proc", MNT_DETACH)) && is_refused_descriptor(fsopen("tmpfs", 0)) &&
               is_refused_descriptor(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE)) &&
               is_refusal(syscall(SYS_pivot_root, "/tmp", "/tmp")) && is_refusal(chroot("/tmp"));
}

static bool no_namespaces(const Cage *c) {
        static const int flags[] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWIPC,
                CLONE_NEWUTS, CLONE_NEWCGROUP };
        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                if (!is_refusal(unshare(flags[i])))
                        return false;
                long pid = syscall(SYS_clone, (unsigned long)flags[i] | SIGCHLD, NULL, NULL, NULL, 0UL);
                if (pid == 0)
                        _exit(EXIT_FAILURE);
                if (!is_refusal(pid))
                        return false;
        }
        return syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS;
}

/* What there is to be known of ourselves is read from files: pid 1's own system calls, which the filter always has, are enough
 * for that, so a policy that allows next to nothing can be proven too. */
static ssize_t read_small(const char *path, char *text, size_t size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
        if (n >= 0)
                text[n] = 0;
        return n;
}

static size_t count_lines(const char *text) {
        size_t n = 0;
        for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
                n++;
        return n;
}

/* Whether /proc/self/status has each of these lines. */
static bool status_has(const char *const *lines, size_t n) {
        char text[8192];
        if (read_small("/proc/self/status", text, sizeof(text)) <= 0)
                return false;
        for (size_t i = 0; i < n; i++) {
                const char *line = strstr(text, lines[i]);
                size_t size = strlen(lines[i]);
                if (!line || (line > text && line[-1] != '\n') ||
                                line[size + strspn(line + size, " ")] != '\n')
                        return false;
        }
        return true;
}

static bool no_capabilities(const Cage *c) {
        static const char *const lines[] = { "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000",
                "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
                "NoNewPrivs:\t1" };
        return status_has(lines, ELEMENTSOF(lines));
}

static bool no_other_identity(const Cage *c) {
        char uid[64], gid[64];
        const unsigned u = c->plan->uid, g = c->plan->gid;
        (void)snprintf(uid, sizeof(uid), "Uid:\t%u\t%u\t%u\t%u", u, u, u, u);
        (void)snprintf(gid, sizeof(gid), "Gid:\t%u\t%u\t%u\t%u", g, g, g, g);
        const char *const lines[] = { uid, gid, "Groups:\t" };
        return status_has(lines, ELEMENTSOF(lines)) && is_refusal(setresuid(0, 0, 0)) &&
               is_refusal(setresgid(0, 0, 0)) && is_refusal(setgroups(1, (const gid_t[]){ 0 }));
}

/* What the command is given besides rights: all of it the plan's, nothing the launcher's. */
static bool process_is_plain(const Cage *c) {
        char umask_line[32], session[32], text[4096], name[HOST_NAME_MAX + 2];
        (void)snprintf(umask_line, sizeof(umask_line), "Umask:\t%04o", c->plan->umask);
        (void)snprintf(session, sizeof(session), "NSsid:\t%d", getpid());
        const char *const lines[] = { umask_line, session, "SigBlk:\t0000000000000000",
                "SigIgn:\t0000000000000000", "SigCgt:\t0000000000000000" };
        if (!status_has(lines, ELEMENTSOF(lines)))
                return false;
        static const char core[] = "\nMax core file size";
        if (read_small("/proc/self/limits", text, sizeof(text)) <= 0)
                return false;
        const char *line = strstr(text, core);
        uint64_t soft, hard;
        if (!line || sscanf(line + strlen(core), " %" SCNu64 " %" SCNu64, &soft, &hard) != 2 || hard != 0)
                return false;
        return read_small("/proc/sys/kernel/hostname", name, sizeof(name)) > 0 &&
               strncmp(name, c->plan->hostname, strlen(c->plan->hostname)) == 0 &&
               name[strlen(c->plan->hostname)] == '\n';
}

static bool has_flags(const char *path, unsigned long flags) {
        struct statvfs fs;
        return statvfs(path, &fs) == 0 && (fs.f_flag & flags) == flags;
}

/* A file system that must not be written says so before anybody asks for permissions. */
static bool is_readonly(const char *path) {
        return has_flags(path, ST_RDONLY);
}

static bool root_is_readonly(const Cage *c) {
        return is_readonly("/") && is_refusal(mkdir("/mxc-proof", 0700)) && is_readonly("/dev") &&
               is_readonly("/proc") &&
               is_refused_descriptor(open("/dev/mxc-proof", O_CREAT | O_WRONLY, 0600)) &&
               has_flags("/dev/shm", ST_NOEXEC | ST_NOSUID | ST_NODEV) &&
               has_flags("/tmp", ST_NOSUID | ST_NODEV);
}

static bool grants_are_kept(const Cage *c) {
        const PlanTemplate *t = &c->plan->template;
        for (size_t i = 0; i < t->n_mounts; i++) {
                const PlanMount *m = &t->mounts[i];
                struct statvfs fs;
                if (m->access == PLAN_DENIED) {
                        if (!is_closed(m->path))
                                return false;
                        continue;
                }
                if (statvfs(m->path, &fs) < 0)
                        continue; /* was absent */
                unsigned long wanted = ST_NOSUID | ST_NODEV | (m->access == PLAN_READONLY ? ST_RDONLY : 0) |
                                       (m->exec ? 0 : ST_NOEXEC);
                if ((fs.f_flag & wanted) != wanted)
                        return false;
        }
        return true;
}

static bool pid_1_is_closed(const Cage *c) {
        static const char *const files[] = { "/proc/1/environ", "/proc/1/exe", "/proc/1/fd", "/proc/1/mem",
                "/proc/1/root" };
        char byte;
        struct iovec local = { &byte, 1 }, remote = { (void *)&c, 1 };
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (!is_closed(files[i]))
                        return false;
        return is_refusal(ptrace(PTRACE_ATTACH, 1, NULL, NULL)) &&
               is_refusal(syscall(SYS_process_vm_readv, 1, &local, 1UL, &remote, 1UL, 0UL));
}

/* What every host has and no policy means by accident. A path that the template grants is not asked. */
static bool host_is_away(const Cage *c) {
        static const char *const paths[] = { "/boot", "/etc/shadow", "/lost+found", "/root", "/sys/kernel",
                "/var/lib/dpkg", "/var/log", "/run/systemd", "/run/dbus", "/sys/fs/cgroup" };
        const PlanTemplate *t = &c->plan->template;
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                bool granted = false;
                for (size_t k = 0; k < t->n_mounts && !granted; k++)
                        granted = streq(paths[i], t->mounts[k].path) ||
                                  path_is_below(paths[i], t->mounts[k].path);
                if (!granted && !is_closed(paths[i]))
                        return false;
        }
        return true;
}

static bool proc_is_ours(const Cage *c) {
        _cleanup_(closedirp) DIR *proc = opendir("/proc");
        if (!proc)
                return false;
        size_t n = 0;
        for (struct dirent *e; (e = readdir(proc)) != NULL;)
                n += e->d_name[0] >= '0' && e->d_name[0] <= '9';
        return n == 2 && getpid() == 2 &&
               is_refused_descriptor(open("/proc/sys/kernel/hostname", O_WRONLY | O_CLOEXEC)) &&
               is_refused_descriptor(open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC)) &&
               is_refused_descriptor(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)) &&
               is_closed("/proc/interrupts") && is_closed("/proc/kallsyms") && is_closed("/proc/keys");
}

/* What programs of the host share with each other by number is not to be seen. */
static bool ipc_is_empty(const Cage *c) {
        static const char *const lists[] = { "/proc/sysvipc/msg", "/proc/sysvipc/sem", "/proc/sysvipc/shm" };
        char text[4096];
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                ssize_t n = read_small(lists[i], text, sizeof(text));
                if (n < 0 ? errno != ENOENT
                          : count_lines(text) != 1) /* of heading; a kernel may have none at all */
                        return false;
        }
        return true;
}

/* From inside, ours is the root of every hierarchy. */
static bool cgroups_are_away(const Cage *c) {
        char text[4096];
        ssize_t n = read_small("/proc/self/cgroup", text, sizeof(text));
        char *rest = text;
        size_t lines = 0;
        for (char *line; n > 0 && (line = strsep(&rest, "\n")) != NULL && line[0]; lines++)
                if (strlen(line) < 2 || !streq(line + strlen(line) - 2, ":/"))
                        return false;
        return lines > 0;
}

/* Not the host's, and no way out of it. Interfaces there may be besides lo: where tunnels are loaded, the kernel puts one that is
 * down into every namespace. */
static bool network_is_empty(const Cage *c) {
        char text[4096];
        struct stat st;
        if (stat("/proc/self/ns/net", &st) < 0 || st.st_ino == c->host_network)
                return false;
        if (read_small("/proc/self/net/route", text, sizeof(text)) < 0 ||
                        count_lines(text) != 1) /* of heading */
                return false;
        ssize_t n = read_small("/proc/self/net/ipv6_route", text, sizeof(text));
        if (n < 0)
                return errno == ENOENT; /* a kernel without */
        char *rest = text;
        for (char *line; (line = strsep(&rest, "\n")) != NULL && line[0];) {
                const char *device = strrchr(line, ' ');
                if (!device || !streq(device + 1, "lo"))
                        return false;
        }
        return true;
}

static bool no_urgent_data(void) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return true; /* the plan has no sockets */
        bool sent = send(fds[0], "x", 1, MSG_OOB | MSG_NOSIGNAL) >= 0;
        (void)close(fds[0]);
        (void)close(fds[1]);
        return !sent;
}

static bool no_strange_sockets(const Cage *c) {
        static const struct {
                int family, type, protocol;
        } table[] = {
                { AF_PACKET, SOCK_RAW, 0 },
                { AF_INET, SOCK_RAW, IPPROTO_RAW },
                { AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 },
                { AF_NETLINK, SOCK_RAW, 9 /* audit */ },
                { AF_NETLINK, SOCK_RAW, 12 /* netfilter */ },
                { AF_VSOCK, SOCK_STREAM, 0 },
                { AF_ALG, SOCK_SEQPACKET, 0 },
                { AF_BLUETOOTH, SOCK_RAW, 0 },
                { AF_INET, SOCK_STREAM, IPPROTO_SCTP },
        };
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (!is_refused_descriptor(socket(table[i].family, table[i].type, table[i].protocol)))
                        return false;
        return no_urgent_data();
}

static bool no_kernel_doors(const Cage *c) {
        struct io_uring_params ring = { 0 };
        static const long calls[] = { SYS_bpf, SYS_perf_event_open, SYS_keyctl, SYS_add_key, SYS_request_key,
                SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_open_by_handle_at,
                SYS_swapon, SYS_acct, SYS_quotactl, SYS_settimeofday, SYS_setns, SYS_fanotify_init };
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                long r = syscall(calls[i], -1L, -1L, -1L, -1L, -1L);
                /* with arguments that mean nothing: a call that gets as far as to look at them was not refused, but a policy
                 * may list it, and it then still needs a capability */
                if (!is_refusal(r) && !is_listed(c, calls[i]))
                        return false;
        }
        for (long number = FIRST_NEW_CALL; number < HIGHEST_CALL; number++) {
                long r = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
                if (r != -1 || (errno != ENOSYS && errno != EPERM))
                        return false; /* no plan can list it: policies know no such name */
        }
        return is_refused_descriptor((int)syscall(SYS_io_uring_setup, 4U, &ring)) &&
               is_refusal(syscall(SYS_personality, READ_IMPLIES_EXEC));
}

static bool terminal_takes_no_input(const Cage *c) {
        const char letter = 'x';
        /* the upper half of the request is nothing that the kernel looks at: CVE-2019-10063 */
        const unsigned long requests[] = { TIOCSTI, TIOCSTI | (UINT64_C(1) << 32), TIOCLINUX,
                TIOCLINUX | (UINT64_C(0xf) << 40) };
        if (!isatty(0))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                if (syscall(SYS_ioctl, 0, requests[i], &letter) != -1 || errno != EPERM)
                        return false;
        return true;
}

/* True when a call by another architecture's door ends the process. */
static bool dies_of(void (*attempt)(void)) {
        pid_t pid = fork();
        if (pid == 0) {
                attempt();
                _exit(EXIT_SUCCESS);
        }
        int status;
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

#ifdef __x86_64__
static void call_x32(void) {
        (void)syscall(0x40000000 | SYS_getpid);
}

static void call_i386(void) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
}
#endif

static bool no_other_architecture(const Cage *c) {
#ifdef __x86_64__
        return dies_of(call_x32) && dies_of(call_i386);
#else
        return true;
#endif
}

static bool no_descriptors(const Cage *c) {
        size_t n = 0;
        for (int fd = 0; fd < 1024; fd++) {
                int flags = fcntl(fd, F_GETFD);
                n += flags >= 0 && !(flags & FD_CLOEXEC);
        }
        return n == 3;
}

/* A directory that lies in nothing that was granted, and that no mode, mount or filter closes: a descriptor leads there. */
static bool landlock_holds(const Cage *c) {
        if (c->plan->template.landlock_abi == 0)
                return true;
        int fd = openat(c->outside, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno == EACCES;
        (void)close(fd); /* it should never have been opened */
        return false;
}

const Wall proof_walls[] = {
        { "mount", no_mounts },
        { "namespaces", no_namespaces },
        { "capabilities", no_capabilities },
        { "identity", no_other_identity },
        { "process", process_is_plain },
        { "read-only root", root_is_readonly },
        { "grants", grants_are_kept },
        { "pid 1", pid_1_is_closed },
        { "host files", host_is_away },
        { "proc", proc_is_ours },
        { "network", network_is_empty },
        { "ipc", ipc_is_empty },
        { "cgroups", cgroups_are_away },
        { "sockets", no_strange_sockets },
        { "kernel calls", no_kernel_doors },
        { "terminal", terminal_takes_no_input },
        { "architectures", no_other_architecture },
        { "descriptors", no_descriptors },
        { "landlock", landlock_holds },
        { NULL, NULL },
};

_Noreturn void proof_run(const Cage *c, int report) {
        for (const Wall *w = proof_walls; w->name; w++) {
                cage_note(c, w->name);
                if (!w->holds(c)) {
                        cage_report_failure(report, LAUNCH_STEP_PROOF, EACCES, w->name);
                        _exit(EXIT_FAILURE);
                }
        }
        _exit(EXIT_SUCCESS);
}
