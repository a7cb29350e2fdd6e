/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports of the host for sandboxes: taken before the sandbox is there or not at all, free when it is over, and of what comes there the relay
 * can get into the sandbox's network and nowhere else. test-publish LAUNCHER MUTANT RELAY DIAL. TAP. */

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "box.h"
#include "cleanup.h"
#include "egress-net.h"
#include "fd.h"
#include "limits.h"
#include "loose.h"
#include "relay-stub.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

#define PORT 18080U
#define FIRST_PORT "/proc/sys/net/ipv4/ip_unprivileged_port_start"

/* A host of our own: nobody else is at its ports. */
static void be_alone(void) {
        need(unshare(CLONE_NEWNET) == 0, "unshare");
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        need(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0, "lo");
}

static struct sockaddr_in at(uint32_t port) {
        return (struct sockaddr_in){ .sin_family = AF_INET,
                .sin_port = htons((uint16_t)port),
                .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static int host_listen(uint32_t port) {
        const struct sockaddr_in a = at(port);
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        need(fd >= 0, "socket");
        if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int host_dial(uint32_t port) {
        const struct sockaddr_in a = at(port);
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        need(fd >= 0, "socket");
        return connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : TAKE_FD(fd);
}

static LaunchPlan *plan_with(const Rig *r, const uint32_t *ports, size_t n, const char *const *argv) {
        LaunchPlan *p = box_plan(r, true);
        p->published = calloc(n, sizeof(PlanListener));
        need(p->published, "memory");
        for (size_t i = 0; i < n; i++)
                p->published[i] = (PlanListener){ AF_INET, ports[i], { 127, 0, 0, 1 } };
        p->n_published = n;
        if (argv)
                plan_set_argv(p, argv);
        return p;
}

static Box open_with(Rig *r, const uint32_t *ports, size_t n, const char *const *argv) {
        static RigResult result;
        Box b = { .plan = plan_with(r, ports, n, argv) };
        if (!rig_spawn(r, b.plan, &b.box, &result))
                rig_die(result.detail, result.error);
        return b;
}

static void refused(
                Rig *r, const uint32_t *ports, size_t n, int error, const char *detail, const char *name) {
        static RigResult result;
        RigBox box;
        _cleanup_(launch_plan_freep) LaunchPlan *p = plan_with(r, ports, n, NULL);
        bool started = rig_spawn(r, p, &box, &result);
        bool ok = !started && result.step == LAUNCH_STEP_PUBLISH && result.error == error &&
                  streq(result.detail, detail);
        if (!ok)
                printf("# %s: %s (%s)\n", launch_step_to_string(result.step), strerror(result.error),
                                result.detail);
        tell(ok, "refused", name);
}

/* ---- what comes there ---- */

static bool comes_to_serve(const Rig *r, const Box *b) {
        for (int i = 0; i < 1000; i++) {
                _cleanup_close_ int pidfd = box_open_relay(r, b);
                if (pidfd >= 0)
                        return true;
                (void)usleep(10000);
        }
        return false;
}

static void wakes_the_relay(Rig *r) {
        const uint32_t ports[] = { PORT, PORT + 1 };
        Box b = open_with(r, ports, 2, NULL);
        tell(!box_has_leaf(r, &b), "has no relay", "before anybody comes");
        _cleanup_close_ int fd = host_dial(PORT + 1);
        tell(fd >= 0, "a port of the host", "is there with the sandbox");
        tell(comes_to_serve(r, &b), "who comes there", "has the relay started");
        _cleanup_free_ char *wanted = NULL;
        size_t size;
        FILE *f = open_memstream(&wanted, &size);
        need(f, "memory");
        fprintf(f, "descriptors:");
        for (unsigned i = 0; i < EGRESS_FD_PUBLISHED + 2 + 2 * LIMIT_PUBLISHED_CLIENTS; i++)
                fprintf(f, " %u", i);
        fprintf(f, "\n");
        need(fclose(f) == 0, "memory");
        const char *self = box_dial(r, &b, "tcp/192.0.2.1/1");
        if (!strstr(self, wanted))
                printf("# %s# %s", self, wanted);
        tell(strstr(self, wanted) != NULL, "has", "its listeners, its sockets, and nothing else");
        box_close(r, &b);
}

static void gets_in(Rig *r) {
        const uint32_t ports[] = { PORT };
        _cleanup_free_ char *program = NULL;
        need(asprintf(&program, "%s/dial", r->workspace) > 0, "memory");
        const char *const v4[] = { program, "listen/127.0.0.1/8080", "pause/", NULL }, *const v6[] = {
                program, "listen/::1/8080", "pause/", NULL
        };
        _cleanup_close_ int hosts = host_listen(STUB_INSIDE_PORT); /* not to be reached by that */
        need(hosts >= 0, "listen");
        static const char *const answers[] = { "answers Connection refused ", "Connection refused answers ",
                "Connection refused Connection refused " };
        const char *const *const commands[] = { v4, v6, NULL };
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                Box b = open_with(r, ports, 1, commands[i]);
                char ready[64] = "";
                for (size_t n = 0; commands[i] && !strstr(ready, "pause");) {
                        ssize_t got = read(b.box.output, ready + n, sizeof(ready) - 1 - n);
                        need(got > 0, "its output");
                        n += (size_t)got;
                }
                box_expect(r, &b, "tcp/192.0.2.1/6", answers[i], "by the sockets it is given");
                box_close(r, &b);
        }
}

/* ---- who may have them ---- */

static void is_taken_once(Rig *r) {
        const uint32_t ports[] = { PORT }, two[] = { PORT + 1, PORT }, twice[] = { PORT + 1, PORT + 1 };
        Box b = open_with(r, ports, 1, NULL);
        refused(r, ports, 1, EADDRINUSE, "127.0.0.1:18080", "a port that another sandbox has");
        refused(r, two, 2, EADDRINUSE, "127.0.0.1:18080", "one of two");
        _cleanup_close_ int other = host_listen(PORT + 1);
        tell(other >= 0, "the first of two", "is not kept");
        refused(r, twice, 2, EADDRINUSE, "127.0.0.1:18081", "a port that a program has");
        cleanup_closep(&other);
        other = -EBADF;
        refused(r, twice, 2, EADDRINUSE, "127.0.0.1:18081", "one port twice");
        _cleanup_close_ int fd = host_dial(PORT);
        need(fd >= 0 && comes_to_serve(r, &b), "a connection");
        box_end(r, &b);
        _cleanup_close_ int again = host_listen(PORT);
        for (int i = 0; i < 200 && again < 0; i++) { /* the relay's own grace */
                (void)usleep(10000);
                again = host_listen(PORT);
        }
        if (again == -EADDRINUSE) { /* what was open there is not over yet: SO_REUSEADDR */
                Box next = open_with(r, ports, 1, NULL);
                tell(true, "a port", "is free when its sandbox is over");
                box_close(r, &next);
        } else
                tell(again >= 0, "a port", "is free when its sandbox is over");
        rig_release(r, b.box.id, 0);
        box_forget(&b);
}

static void is_not_below(Rig *r) {
        const uint32_t ports[] = { PORT };
        need(fd_write_file_at(AT_FDCWD, FIRST_PORT, "18081") == 0, FIRST_PORT);
        refused(r, ports, 1, EACCES, "127.0.0.1:18080", "a port that this host keeps for who may");
        need(fd_write_file_at(AT_FDCWD, FIRST_PORT, "18080") == 0, FIRST_PORT);
        Box b = open_with(r, ports, 1, NULL);
        tell(true, "the next port", "is everybody's");
        box_close(r, &b);
        need(fd_write_file_at(AT_FDCWD, FIRST_PORT, "1024") == 0, FIRST_PORT);
}

static void is_an_address_of_the_host(Rig *r) {
        static RigResult result;
        RigBox box;
        const uint32_t ports[] = { PORT };
        _cleanup_(launch_plan_freep) LaunchPlan *p = plan_with(r, ports, 1, NULL);
        p->published[0] = (PlanListener){ AF_INET, PORT, { 192, 0, 2, 1 } };
        bool started = rig_spawn(r, p, &box, &result);
        tell(!started && result.step == LAUNCH_STEP_PUBLISH && result.error == EADDRNOTAVAIL, "refused",
                        "an address that is not the host's");
}

int main(int argc, char **argv) {
        if (argc < 5) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT RELAY DIAL\n", argv[0]);
                return EXIT_FAILURE;
        }
        be_alone();
        box_use(argv[3], argv[4]);
        Rig r;
        rig_start(&r, argv[1], NULL);
        box_install(&r);
        wakes_the_relay(&r);
        gets_in(&r);
        is_taken_once(&r);
        is_not_below(&r);
        is_an_address_of_the_host(&r);
        rig_stop(&r);
        return tell_end();
}
