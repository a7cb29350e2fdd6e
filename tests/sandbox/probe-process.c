/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Acts on other processes and services, and what a process can tell of itself. */

#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "probe.h"

/* ---- other processes ---- */

static void act_kill(char **w) {
        answer(kill((pid_t)number(w[0]), (int)number(w[1])));
}

static void act_ptrace(char **w) {
        answer(ptrace(PTRACE_SEIZE, number(w[0]), NULL, NULL)); /* a stopped pid 1 would not end */
}

static void act_ptrace_child(char **w) {
        pid_t pid = fork();
        if (pid == 0)
                answer(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        (void)waitpid(pid, NULL, 0);
        exit(EXIT_SUCCESS);
}

static void act_vm_read(char **w) {
        char byte;
        struct iovec local = { &byte, 1 }, remote = { &byte, 1 };
        answer(process_vm_readv((pid_t)number(w[0]), &local, 1, &remote, 1, 0));
}

static void act_take_fd(char **w) {
        int pidfd = pidfd_open((pid_t)number(w[0]), 0);
        answer(pidfd < 0 ? pidfd : pidfd_getfd(pidfd, (int)number(w[1]), 0));
}

static void act_connect_tcp(char **w) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_port = htons((uint16_t)number(w[0])),
                .sin_addr = { htonl(INADDR_LOOPBACK) } };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        answer(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static void act_connect_abstract(char **w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", w[0]);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        answer(connect(fd, (struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(w[0]))));
}

static void act_connect_unix(char **w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", w[0]);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        answer(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static void act_shm(char **w) {
        answer(shmget((key_t)number(w[0]), 0, 0));
}

static void act_mq(char **w) {
        answer(mq_open(w[0], O_RDONLY));
}

/* In the session keyring. */
static void act_find_key(char **w) {
        answer(syscall(SYS_keyctl, 10 /* KEYCTL_SEARCH */, -3L, "user", w[0], 0L));
}

/* ---- what we have and are ---- */

static void act_id(char **w) {
        uid_t r, e, s;
        gid_t rg, eg, sg;
        (void)getresuid(&r, &e, &s);
        (void)getresgid(&rg, &eg, &sg);
        printf("%u %u %u %u %u %u, %d groups\n", r, e, s, rg, eg, sg, getgroups(0, NULL));
        exit(EXIT_SUCCESS);
}

static void act_descriptors(char **w) {
        for (int fd = 0; fd < 1024; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        printf("%d ", fd);
        exit(EXIT_SUCCESS);
}

static void act_environment(char **w) {
        for (char **e = environ; *e; e++)
                printf("%s ", *e);
        exit(EXIT_SUCCESS);
}

static void act_variable(char **w) {
        const char *value = getenv(w[0]);
        say(value ? value : "unset");
}

/* status FIELD [PID]: of /proc/self/status, without leading blanks */
static void act_status(char **w) {
        char path[64], line[512];
        (void)snprintf(path, sizeof(path), "/proc/%s/status", w[1] ? w[1] : "self");
        FILE *f = fopen(path, "re");
        if (!f)
                answer(-1);
        size_t n = strlen(w[0]);
        while (fgets(line, sizeof(line), f))
                if (strncmp(line, w[0], n) == 0 && line[n] == ':') {
                        printf("%s", line + n + 1 + strspn(line + n + 1, " \t"));
                        exit(EXIT_SUCCESS);
                }
        say("no such field");
}

/* capabilities PID [held]: whether any is in any set of a process; held: in any but the bounding set. */
static void act_capabilities(char **w) {
        char path[64], line[512];
        (void)snprintf(path, sizeof(path), "/proc/%s/status", w[0]);
        FILE *f = fopen(path, "re");
        if (!f)
                answer(-1);
        unsigned long long sets = 0, all = 0, set;
        const unsigned long long wanted = w[1] ? 4 : 5;
        while (fgets(line, sizeof(line), f))
                if (strncmp(line, "Cap", 3) == 0 && (!w[1] || strncmp(line, "CapBnd", 6) != 0) &&
                                sscanf(line + 7, "%llx", &set) == 1) {
                        sets++;
                        all |= set;
                }
        say(sets != wanted ? "sets are missing" : all == 0 ? "none" : "some");
}

/* namespace KIND INODE: own, or that of the host */
static void act_namespace(char **w) {
        char path[64];
        struct stat st;
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", w[0]);
        if (stat(path, &st) < 0)
                answer(-1);
        say(st.st_ino == number(w[1]) ? "the host's" : "own");
}

static void act_raise_core(char **w) {
        const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
        answer(setrlimit(RLIMIT_CORE, &limit));
}

static void act_raise_files(char **w) {
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max != number(w[0]))
                say("not what was said");
        limit.rlim_max++;
        answer(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Moves itself to another cgroup. */
static void act_move(char **w) {
        int fd = open(w[0], O_WRONLY | O_CLOEXEC);
        answer(fd < 0 ? -1 : write(fd, "0", 1));
}

static void act_session(char **w) {
        say(getsid(0) == getpid() ? "own" : "another's");
}

const Act process_acts[] = {
        { "capabilities", 1, act_capabilities },
        { "connect-abstract", 1, act_connect_abstract },
        { "connect-tcp", 1, act_connect_tcp },
        { "connect-unix", 1, act_connect_unix },
        { "descriptors", 0, act_descriptors },
        { "environment", 0, act_environment },
        { "find-key", 1, act_find_key },
        { "id", 0, act_id },
        { "kill", 2, act_kill },
        { "move", 1, act_move },
        { "mq", 1, act_mq },
        { "namespace", 2, act_namespace },
        { "ptrace", 1, act_ptrace },
        { "ptrace-child", 0, act_ptrace_child },
        { "raise-core", 0, act_raise_core },
        { "raise-files", 1, act_raise_files },
        { "session", 0, act_session },
        { "shm", 1, act_shm },
        { "status", 1, act_status },
        { "take-fd", 2, act_take_fd },
        { "variable", 1, act_variable },
        { "vm-read", 1, act_vm_read },
        { NULL, 0, NULL },
};
