/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's one socket, from the wrong hands: who may connect, requests that are none, plans that lie, and more of everything
 * than it can take. Whatever is sent, what runs goes on and who comes next is served. test-channel LAUNCHER MUTANT. TAP. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "codec.h"
#include "loose.h"
#include "template-cache.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

/* ---- who connects ---- */

static int connect_again(const Rig *r) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/launch.sock", r->dir);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        need(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
        return fd;
}

static bool is_hung_up(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char byte;
        return poll(&p, 1, 20000) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

static bool is_served(Rig *r) {
        LaunchReport report =
                        rig_request(r, (LaunchRequest){ .verb = LAUNCH_DROP, .path = "/no-such.scope" },
                                        NULL, 0, NULL, NULL);
        return report.event == LAUNCH_EVENT_OK;
}

static void only_one_client(Rig *r) {
        _cleanup_close_ int second = connect_again(r);
        tell(is_hung_up(second), "hung up on", "a second client");
        tell(is_served(r), "the first client", "is served on");
}

/* In a child, which has no other rights than the agent's owner. */
static void only_root(Rig *r) {
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/launch.sock", r->dir) > 0, "memory");
        struct stat st;
        need(stat(path, &st) == 0, path);
        tell((st.st_mode & 077) == 0, "the socket", "is root's alone");
        need(chmod(path, 0777) == 0, path); /* as if it were not */
        (void)close(r->socket);
        r->socket = -EBADF;
        pid_t pid = fork();
        need(pid >= 0, "fork");
        if (pid == 0) {
                if (setresuid(RIG_UID, RIG_UID, RIG_UID) < 0)
                        _exit(2);
                int fd = connect_again(r);
                _exit(is_hung_up(fd) ? 0 : 1);
        }
        int status;
        need(waitpid(pid, &status, 0) == pid, "waitpid");
        tell(WIFEXITED(status) && WEXITSTATUS(status) == 0, "hung up on", "somebody who is not root");
        need(chmod(path, 0700) == 0, path);
        rig_connect(r);
        tell(is_served(r), "root", "is served after that");
}

/* A launcher that takes anybody, and plans that change. */
static int ask_as_owner(const Rig *r) {
        const LaunchRequest q = {
                .magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .verb = LAUNCH_HELLO, .serial = 1
        };
        LaunchReport report;
        if (setresuid(RIG_UID, RIG_UID, RIG_UID) < 0)
                return 2;
        int fd = connect_again(r);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        need(launch_send(fd, &q, sizeof(q), NULL, 0) == 0, "send");
        return poll(&p, 1, 20000) == 1 && recv(fd, &report, sizeof(report), 0) == sizeof(report) ? 0 : 1;
}

static void anybody(Rig *r) {
        _cleanup_free_ char *path = NULL;
        need(asprintf(&path, "%s/launch.sock", r->dir) > 0 && chmod(path, 0777) == 0, "the socket");
        (void)close(r->socket);
        r->socket = -EBADF;
        pid_t pid = fork();
        need(pid >= 0, "fork");
        if (pid == 0)
                _exit(ask_as_owner(r));
        int status;
        need(waitpid(pid, &status, 0) == pid, "waitpid");
        tell(WIFEXITED(status) && WEXITSTATUS(status) == 0, "served without peer",
                        "somebody who is not root");
        rig_connect(r);
}

/* ---- requests that are none ---- */

static LaunchRequest good_request(void) {
        return (LaunchRequest){
                .magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .verb = LAUNCH_HELLO, .serial = 1
        };
}

static void bad_request(Rig *r, const LaunchRequest *q, size_t size, int fd, const char *name) {
        need(launch_send(r->socket, q, size, &fd, fd >= 0 ? 1 : 0) == 0, "send");
        tell(is_hung_up(r->socket), "hung up on", name);
        rig_connect(r);
}

static void bad_requests(Rig *r) {
        LaunchRequest q = good_request();
        bad_request(r, &q, sizeof(q) - 1, -EBADF, "a request that is too short");
        char longer[sizeof(q) + 1];
        memcpy(longer, &q, sizeof(q));
        longer[sizeof(q)] = 0;
        bad_request(r, (const LaunchRequest *)(void *)longer, sizeof(longer), -EBADF,
                        "a request that is too long");
        q.magic++;
        bad_request(r, &q, sizeof(q), -EBADF, "another magic");
        q = good_request();
        q.version++;
        bad_request(r, &q, sizeof(q), -EBADF, "another version");
        q = good_request();
        q.verb = 0;
        bad_request(r, &q, sizeof(q), -EBADF, "no verb");
        q.verb = _LAUNCH_VERB_MAX;
        bad_request(r, &q, sizeof(q), -EBADF, "a verb beyond the last");
        q = good_request();
        memset(q.id, 'a', sizeof(q.id));
        bad_request(r, &q, sizeof(q), -EBADF, "an id without an end");
        q = good_request();
        memset(q.path, 'a', sizeof(q.path));
        bad_request(r, &q, sizeof(q), -EBADF, "a path without an end");
        q = good_request();
        _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        bad_request(r, &q, sizeof(q), null, "a descriptor that nobody wants");
        tell(is_served(r), "who comes next", "is served");
}

/* ---- plans that lie ---- */

static LaunchPlan *plan_of(const Rig *r, const char *program) {
        LaunchPlan *p = rig_plan(r);
        const char *const argv[] = { program, NULL };
        plan_set_argv(p, argv);
        return p;
}

static LaunchReport spawn_with(Rig *r, const int *fds, size_t n) {
        return rig_request(r, (LaunchRequest){ .verb = LAUNCH_SPAWN }, fds, n, NULL, NULL);
}

static void bad_plan(Rig *r, int plan, size_t n_stdio, LaunchStep step, int error, const char *name) {
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        const int fds[LAUNCH_MAX_FDS] = { plan, null, null, null, null, null, null, null };
        LaunchReport report = spawn_with(r, fds, 1 + n_stdio);
        bool ok = report.event == LAUNCH_EVENT_FAILED && report.step == step && report.error == error;
        if (!ok)
                printf("# event %u, %s: %s (%s)\n", report.event, launch_step_to_string(report.step),
                                strerror(report.error), report.detail);
        tell(ok, "refused", name);
}

static int memfd_of(const uint8_t *data, size_t size) {
        int fd = -EBADF;
        need(sealed_memfd_new(data, size, &fd) == 0, "memfd");
        return fd;
}

static int loose_memfd(const uint8_t *data, size_t size, int seals) {
        int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        need(fd >= 0 && write(fd, data, size) == (ssize_t)size, "memfd");
        need(seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0, "seals");
        return fd;
}

static void bad_bytes(Rig *r, const uint8_t *good, size_t size) {
        _cleanup_free_ uint8_t *data = malloc(size + 1);
        need(data, "memory");
        memcpy(data, good, size);
        data[size] = 0;
        _cleanup_close_ int longer = memfd_of(data, size + 1), shorter = memfd_of(data, size - 1);
        bad_plan(r, longer, 3, LAUNCH_STEP_PLAN, EBADMSG, "a plan with a byte too many");
        bad_plan(r, shorter, 3, LAUNCH_STEP_PLAN, EBADMSG, "a plan with a byte too few");
        data[0] ^= 1;
        _cleanup_close_ int magic = memfd_of(data, size);
        bad_plan(r, magic, 3, LAUNCH_STEP_PLAN, EBADMSG, "a plan of another magic");
        data[0] ^= 1;
        data[4] ^= 1;
        _cleanup_close_ int version = memfd_of(data, size);
        bad_plan(r, version, 3, LAUNCH_STEP_PLAN, EBADMSG, "a plan of another version");
}

static void bad_descriptors(Rig *r, const uint8_t *good, size_t size) {
        _cleanup_close_ int loose = loose_memfd(good, size, 0),
                            growing = loose_memfd(good, size, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_SEAL),
                            writable = loose_memfd(good, size, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
                            unsealed = loose_memfd(good, size, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
                            sealed = memfd_of(good, size);
        bad_plan(r, loose, 3, LAUNCH_STEP_PLAN, EPERM, "a plan that can change");
        bad_plan(r, growing, 3, LAUNCH_STEP_PLAN, EPERM, "a plan that can grow");
        bad_plan(r, writable, 3, LAUNCH_STEP_PLAN, EPERM, "a plan that can be written");
        bad_plan(r, unsealed, 3, LAUNCH_STEP_PLAN, EPERM, "a plan whose seals are not sealed");
        _cleanup_close_ int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
        bad_plan(r, file, 3, LAUNCH_STEP_PLAN, EPERM, "a file in the place of a plan");
        bad_plan(r, sealed, 2, LAUNCH_STEP_FDS, EBADF, "a plan without standard error");
        bad_plan(r, sealed, 4, LAUNCH_STEP_FDS, EBADF, "a plan with a descriptor too many");
        bad_plan(r, sealed, 0, LAUNCH_STEP_FDS, EBADF, "a plan without standard input");
        LaunchReport report = spawn_with(r, NULL, 0);
        tell(report.event == LAUNCH_EVENT_FAILED && report.step == LAUNCH_STEP_PLAN && report.error == EBADF,
                        "refused", "no plan at all");
}

static void bad_plans(Rig *r) {
        static RigResult result;
        _cleanup_(launch_plan_freep) LaunchPlan *p = plan_of(r, "true"), *exec = plan_of(r, "true");
        _cleanup_free_ uint8_t *data = NULL, *other = NULL;
        size_t size, other_size;
        need(launch_plan_encode(p, &data, &size) == 0, "encode");
        bad_bytes(r, data, size);
        bad_descriptors(r, data, size);
        ExecPlan e = { .id = exec->id, .argv = exec->argv, .n_argv = 1, .cwd = exec->cwd };
        need(exec_plan_encode(&e, &other, &other_size) == 0, "encode");
        _cleanup_close_ int strange = memfd_of(other, other_size);
        bad_plan(r, strange, 3, LAUNCH_STEP_PLAN, EBADMSG, "the plan of an exec");
        rig_run(r, p, &result);
        tell(result.started && result.code == 0, "a good plan", "is still carried out");
}

static void any_plan(Rig *r) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = plan_of(r, "true");
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        size_t size;
        need(launch_plan_encode(p, &data, &size) == 0, "encode");
        _cleanup_close_ int loose = loose_memfd(data, size, 0);
        const int fds[] = { loose, null, null, null };
        LaunchReport report = spawn_with(r, fds, ELEMENTSOF(fds));
        tell(report.event == LAUNCH_EVENT_STARTED, "taken without seals", "a plan that can change");
        static RigResult result;
        RigBox box = { .pidfd = -EBADF, .page = -EBADF, .pty = -EBADF, .output = -EBADF, .channel = -EBADF };
        memcpy(box.id, p->id, sizeof(box.id));
        rig_wait(r, &box, 0, &result);
        rig_release(r, box.id, 0);
}

/* ---- too much ---- */

static void no_name_twice(Rig *r) {
        static RigResult result;
        RigBox box, other;
        _cleanup_(launch_plan_freep) LaunchPlan *p = rig_plan(r);
        need(rig_spawn(r, p, &box, &result), "a sandbox");
        bool second = rig_spawn(r, p, &other, &result);
        tell(!second && result.step == LAUNCH_STEP_PLAN && result.error == EEXIST, "refused",
                        "a second sandbox of the same id");
        need(pidfd_send_signal(box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(r, &box, 0, &result);
        rig_release(r, box.id, 0);
}

#define FLOOD 400

/* A client that asks and asks and does not read, until the launcher reads no more either. */
static void flood(Rig *r) {
        static char ids[FLOOD][33];
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        size_t sent = 0, started = 0, failed = 0, exited = 0;
        uint64_t first = r->serial + 1;
        need(fcntl(r->socket, F_SETFL, O_NONBLOCK) == 0, "fcntl");
        while (sent < FLOOD || exited < started || started + failed < sent) {
                struct pollfd p = { .fd = r->socket,
                        .events = (short)(POLLIN | (sent < FLOOD ? POLLOUT : 0)) };
                need(poll(&p, 1, 20000) == 1, "the launcher");
                if (sent < FLOOD && (p.revents & POLLOUT)) {
                        _cleanup_(launch_plan_freep) LaunchPlan *plan = plan_of(r, "true");
                        _cleanup_free_ uint8_t *data = NULL;
                        size_t size;
                        need(launch_plan_encode(plan, &data, &size) == 0, "encode");
                        _cleanup_close_ int memfd = memfd_of(data, size);
                        const int fds[] = { memfd, null, null, null };
                        LaunchRequest q = good_request();
                        q.verb = LAUNCH_SPAWN;
                        q.serial = r->serial + 1;
                        int sending = launch_send(r->socket, &q, sizeof(q), fds, 4);
                        need(sending == 0 || sending == -EAGAIN, "send");
                        if (sending == 0) {
                                r->serial++;
                                sent++;
                                continue; /* not read before it must */
                        }
                }
                LaunchReport report = rig_next(r, NULL, NULL);
                failed += report.event == LAUNCH_EVENT_FAILED;
                if (report.event == LAUNCH_EVENT_STARTED && report.serial >= first)
                        (void)snprintf(ids[started++], sizeof(ids[0]), "%.32s", report.id);
                exited += report.event == LAUNCH_EVENT_EXITED;
        }
        need(fcntl(r->socket, F_SETFL, 0) == 0, "fcntl");
        for (size_t i = 0; i < started; i++)
                rig_release(r, ids[i], 0);
        tell(started == FLOOD && exited == FLOOD && failed == 0, "a flood of spawns",
                        "is answered, each once");
}

/* More policies than the launcher remembers: the one that it forgot is made again. */
static void many_templates(Rig *r) {
        static RigResult result;
        size_t n = 0;
        for (unsigned i = 0; i <= TEMPLATE_CACHE_MAX + 1; i++) {
                _cleanup_(launch_plan_freep) LaunchPlan *p = plan_of(r, "true");
                free(p->template.links[0].target);
                need(asprintf(&p->template.links[0].target, "usr/bin%.*s",
                                     (int)(i % (TEMPLATE_CACHE_MAX + 1)),
                                     "//////////////////////////////////////////////////////////////////////"
                                     "//") > 0,
                                "memory");
                rig_run(r, p, &result);
                n += result.started && result.code == 0;
        }
        tell(n == TEMPLATE_CACHE_MAX + 2, "policies",
                        "one more than there is room for, and the first again");
}

int main(int argc, char **argv) {
        if (argc != 3) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT\n", argv[0]);
                return EXIT_FAILURE;
        }
        static RigResult result;
        Rig r;
        RigBox box;
        rig_start(&r, argv[1], NULL);
        _cleanup_(launch_plan_freep) LaunchPlan *p = rig_plan(&r);
        need(rig_spawn(&r, p, &box, &result), "a sandbox that runs through it all");
        only_one_client(&r);
        only_root(&r);
        bad_requests(&r);
        bad_plans(&r);
        no_name_twice(&r);
        flood(&r);
        many_templates(&r);
        struct pollfd end = { .fd = box.pidfd, .events = POLLIN };
        tell(poll(&end, 1, 0) == 0, "who was there before", "runs on");
        need(pidfd_send_signal(box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(&r, &box, 0, &result);
        rig_release(&r, box.id, 0);
        rig_stop(&r);
        rig_start(&r, argv[2], "peer,seals");
        anybody(&r);
        any_plan(&r);
        rig_stop(&r);
        return tell_end();
}
