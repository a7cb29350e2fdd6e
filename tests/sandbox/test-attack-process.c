/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process has or is as ways out: identity, capabilities, descriptors, keys, namespaces, cgroups, and other processes, pid 1
 * of its own sandbox before all. */

#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "attack.h"
#include "cleanup.h"
#include "fd.h"

/* ---- of the host, to be found or not ---- */

static int segment = -1, tcp = -EBADF, abstract = -EBADF;
static pid_t neighbour; /* a process of the agent's uid */
static char queue[64];
static unsigned short port;

static void open_services(void) {
        segment = shmget(0x6d7863, 4096, IPC_CREAT | 0666);
        (void)snprintf(queue, sizeof(queue), "/mxc-rig-%d", getpid());
        mqd_t mq = mq_open(queue, O_RDONLY | O_CREAT | O_CLOEXEC, 0666, NULL);
        need(segment >= 0 && mq >= 0, "ipc of the host");
        (void)mq_close(mq);

        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t size = sizeof(in);
        tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        need(tcp >= 0 && bind(tcp, (struct sockaddr *)&in, size) == 0 && listen(tcp, 8) == 0 &&
                                        getsockname(tcp, (struct sockaddr *)&in, &size) == 0,
                        "a service of the host");
        port = ntohs(in.sin_port);

        struct sockaddr_un un = { .sun_family = AF_UNIX };
        (void)snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s", queue + 1);
        abstract = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        need(abstract >= 0 &&
                                        bind(abstract, (struct sockaddr *)&un,
                                                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                                                        strlen(queue))) == 0 &&
                                        listen(abstract, 8) == 0,
                        "an abstract service of the host");

        neighbour = fork();
        need(neighbour >= 0, "fork");
        if (neighbour == 0) {
                (void)close_range(0, ~0U, 0); /* nobody shall wait for the end of our output */
                if (setresgid(RIG_GID, RIG_GID, RIG_GID) < 0 || setresuid(RIG_UID, RIG_UID, RIG_UID) < 0 ||
                                prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* a change of uid undoes it */
                        _exit(EXIT_FAILURE);
                for (;;)
                        (void)pause();
        }
}

static void close_services(void) {
        (void)shmctl(segment, IPC_RMID, NULL);
        (void)mq_unlink(queue);
        cleanup_closep(&tcp);
        cleanup_closep(&abstract);
        (void)kill(neighbour, SIGKILL);
        (void)waitpid(neighbour, NULL, 0);
}

static bool shared_memory(Stage *s) {
        plan_add_syscall(s->plan, "shmget");
        return true;
}

static bool message_queue(Stage *s) {
        plan_add_syscall(s->plan, "mq_open");
        stage_word(s, 1, "%s", queue);
        return true;
}

static bool tcp_service(Stage *s) {
        stage_word(s, 1, "%u", port);
        return true;
}

static bool abstract_service(Stage *s) {
        stage_word(s, 1, "%s", queue + 1);
        return true;
}

static bool neighbours_signal(Stage *s) {
        stage_word(s, 1, "%d", neighbour);
        return true;
}

static bool hosts_namespace(Stage *s) {
        _cleanup_free_ char *path = NULL;
        struct stat st;
        need(asprintf(&path, "/proc/self/ns/%s", s->words[1]) > 0, "memory");
        if (stat(path, &st) < 0)
                return false;
        stage_word(s, 2, "%lu", st.st_ino);
        return true;
}

static bool hosts_name(Stage *s) {
        need(gethostname(s->success, sizeof(s->success)) == 0, "gethostname");
        return !streq(s->success, "cage");
}

/* ---- what the plan says ---- */

static bool narrow_umask(Stage *s) {
        s->plan->umask = 077;
        return true;
}

static bool debugging(Stage *s) {
        static const char *const calls[] = { "kcmp", "pidfd_getfd", "process_vm_readv", "ptrace" };
        s->plan->template.debugging = true;
        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                plan_add_syscall(s->plan, calls[i]);
        return true;
}

static bool listed_keyctl(Stage *s) {
        plan_add_syscall(s->plan, "keyctl");
        return true;
}

/* A root without rights cannot enter the workspace. */
static bool from_the_root(Stage *s) {
        free(s->plan->cwd);
        s->plan->cwd = strdup("/");
        need(s->plan->cwd, "memory");
        return true;
}

/* Into the anchor's leaf, out of reach of whoever kills or limits the sandbox. */
static bool another_cgroup(Stage *s) {
        stage_word(s, 1, "%s/anchor/cgroup.procs", s->rig->scope_dir);
        return from_the_root(s);
}

/* Of a version 2 hierarchy; where version 1 is mounted too its lines come before. */
static bool own_cgroup(Stage *s) {
        (void)snprintf(s->success, sizeof(s->success), "0::%s/%s", s->rig->scope, s->plan->id);
        return true;
}

static const Attack attacks[] = {
        { "who it is", { "id" }, "61234 61234 61234 61235 61235 61235, 0 groups", "0 0 0 0 0 0, 0 groups",
                        .locks = { { "identity" } }, .prepare = from_the_root },
        { "a file of root's", { "open", "/etc/shadow", "r" }, "EACCES", "ok", .locks = { { "identity" } },
                        .prepare = from_the_root },
        { "capabilities", { "capabilities", "self" }, "none", "some", .locks = { { "bounding" } },
                        .without = "capabilities" },
        { "capabilities of root", { "capabilities", "self", "held" }, "none", "some",
                        .locks = { { "bounding" }, { "securebits" },
                                        { "capabilities", "capabilities: EPERM" } },
                        .as_root = true },
        { "capabilities of pid 1", { "capabilities", "1" }, "none", "some",
                        .locks = { { "capabilities" } } },
        { "new privileges", { "status", "NoNewPrivs" }, "1", "0", .locks = { { "no-new-privs" } },
                        .without = "landlock,seccomp" },

        { "descriptors of the launcher", { "descriptors" }, "0 1 2", "0 1 2 77",
                        .locks = { { "close-range" }, { "close-on-exec" } } },
        { "the launcher's environment", { "variable", "MXC_RIG_SECRET" }, "unset", "1",
                        .locks = { { "environment" } } },
        { "the whole environment", { "environment" }, "PATH=/usr/bin:/bin", NULL },
        { "the host's name", { "read", "/proc/sys/kernel/hostname" }, "cage", NULL,
                        .locks = { { "hostname" } }, .prepare = hosts_name },
        { "a core dump", { "raise-core" }, "EPERM", "ok", .locks = { { "core" } } },
        { "the umask", { "status", "Umask" }, "0077", "0022", .locks = { { "umask" } },
                        .prepare = narrow_umask },
        { "signals that are not heard", { "status", "SigIgn" }, "0000000000000000", "0000000000001200",
                        .locks = { { "signals" } } },
        { "who goes first when memory runs out", { "read", "/proc/self/oom_score_adj" }, "200", "0",
                        .locks = { { "oom" } } },
        { "more files", { "raise-files", "1024" }, "EPERM", NULL },
        { "a session of its own", { "session" }, "own", "another's", .locks = { { "session" } } },
        { "keys of the caller", { "find-key", "mxc-rig" }, "EPERM", "ok",
                        .locks = { { "keyring", "ENOKEY" }, { "seccomp-list" } } },
        { "keys of the caller, where keys are allowed", { "find-key", "mxc-rig" }, "ENOKEY", "ok",
                        .locks = { { "keyring" } }, .prepare = listed_keyctl },

        { "shared memory of the host", { "shm", "0x6d7863" }, "ENOENT", "ok", .locks = { { "ipcns" } },
                        .prepare = shared_memory },
        { "a message queue of the host", { "mq", "" }, "ENOENT", "ok",
                        .locks = { { "ipcns" }, { "landlock", "EACCES" } }, .prepare = message_queue },
        { "a service of the host by tcp", { "connect-tcp", "" }, "ECONNREFUSED", "ok",
                        .locks = { { "netns" } }, .prepare = tcp_service },
        { "a service of the host by an abstract name", { "connect-abstract", "" }, "ECONNREFUSED", "ok",
                        .locks = { { "netns" }, { "landlock", "EPERM", .abi = 6 } },
                        .prepare = abstract_service },
        { "a signal to the host", { "kill", "", "0" }, "ESRCH", "ok",
                        .locks = { { "pidns" }, { "landlock", "EPERM", .abi = 6 } },
                        .prepare = neighbours_signal },
        { "the cgroup namespace", { "namespace", "cgroup", "" }, "own", "the host's",
                        .locks = { { "cgroupns" } }, .prepare = hosts_namespace },
        { "the ipc namespace", { "namespace", "ipc", "" }, "own", "the host's", .locks = { { "ipcns" } },
                        .prepare = hosts_namespace },
        { "the network namespace", { "namespace", "net", "" }, "own", "the host's", .locks = { { "netns" } },
                        .prepare = hosts_namespace },
        { "the pid namespace", { "namespace", "pid", "" }, "own", "the host's", .locks = { { "pidns" } },
                        .prepare = hosts_namespace },
        { "the uts namespace", { "namespace", "uts", "" }, "own", "the host's", .locks = { { "utsns" } },
                        .prepare = hosts_namespace },
        { "the name of one's cgroup", { "last-line", "/proc/self/cgroup" }, "0::/", NULL,
                        .locks = { { "cgroupns" } }, .prepare = own_cgroup },
        { "another cgroup", { "move", "" }, "ENOENT", "ok",
                        .locks = { { "root" }, { "landlock", "EACCES" }, { "identity", "EACCES" } },
                        .prepare = another_cgroup },

        { "memory of pid 1 as a file", { "open", "/proc/1/mem", "r" }, "EACCES", "ok",
                        .locks = { { "dumpable" } } },
        { "environment of pid 1", { "open", "/proc/1/environ", "r" }, "EACCES", "ok",
                        .locks = { { "dumpable" } } },
        { "root of pid 1", { "open", "/proc/1/root", "d" }, "EACCES", "ok", .locks = { { "dumpable" } } },
        { "descriptors of pid 1", { "open", "/proc/1/fd", "d" }, "EACCES", "ok",
                        .locks = { { "dumpable" } } },
        { "the program of the launcher", { "open", "/proc/1/exe", "r" }, "EACCES", "ok",
                        .locks = { { "dumpable" }, { "landlock" } } },
        { "tracing pid 1", { "ptrace", "1" }, "EPERM", "ok",
                        .locks = { { "dumpable" }, { "seccomp-list" } } },
        { "tracing pid 1 with a debugger's rights", { "ptrace", "1" }, "EPERM", "ok",
                        .locks = { { "dumpable" } }, .prepare = debugging },
        { "memory of pid 1", { "vm-read", "1" }, "EPERM", "EFAULT", .locks = { { "dumpable" } },
                        .prepare = debugging },
        { "a descriptor of pid 1", { "take-fd", "1", "0" }, "EPERM", "ok", .locks = { { "dumpable" } },
                        .prepare = debugging },
        { "comparing with pid 1", { "call", "kcmp", "1", "1", "2", "0", "0" }, "EPERM", "ok",
                        .locks = { { "dumpable" } }, .prepare = debugging },
};

int main(int argc, char **argv) {
        open_services();
        int r = attack_main(argc, argv, attacks, ELEMENTSOF(attacks));
        close_services();
        return r;
}
