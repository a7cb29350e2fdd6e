/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What serves a steered network: it is started when it is needed, it is nobody, and it ends when it must. test-relay LAUNCHER MUTANT RELAY
 * DIAL. TAP. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "box.h"
#include "cleanup.h"
#include "fd.h"
#include "loose.h"
#include "relay-stub.h"

/* ---- who serves it ---- */

static bool says_hello(int channel) {
        struct pollfd p = { .fd = channel, .events = POLLIN };
        char text[64];
        ssize_t n = poll(&p, 1, 20000) == 1 ? recv(channel, text, sizeof(text), 0) : -1;
        return n == (ssize_t)strlen(STUB_HELLO) && memcmp(text, STUB_HELLO, (size_t)n) == 0;
}

static void starts_for_a_datagram(Rig *r) {
        Box b = box_open(r, true);
        box_expect(r, &b, "udp/192.0.2.1/9999", "::ffff:192.0.2.1 9999 from 192.0.2.1", "by a datagram");
        box_close(r, &b);
}

static void starts_when_called(Rig *r) {
        Box b = box_open(r, true), other = box_open(r, true);
        tell(!box_has_leaf(r, &b), "not started", "before anything comes");
        (void)box_dial(r, &b, "udp/8.8.8.8/53");
        _cleanup_close_ int first = box_open_relay(r, &b);
        tell(pidfd_lives(first), "started", "by a question");
        tell(says_hello(b.box.channel), "speaks to mxcd", "by its own channel");
        (void)box_dial(r, &b, "tcp/192.0.2.1/443");
        char byte;
        tell(recv(b.box.channel, &byte, 1, MSG_DONTWAIT) < 0 && pidfd_lives(first), "started", "once");
        tell(!box_has_leaf(r, &other) && recv(other.box.channel, &byte, 1, MSG_DONTWAIT) < 0,
                        "another sandbox", "has no part in that");
        box_close(r, &b);
        box_close(r, &other);
}

static const struct {
        const char *lock; /* without this one it is not so; NULL: none that a test could take out */
        const char *text;
} traits[] = {
        { "relay-close", "descriptors: 0 1 2 3 4 5 6 7 8 9 10 11\n" },
        { "relay-identity",
                        "Uid:\t61236\t61236\t61236\t61236\nGid:\t61237\t61237\t61237\t61237\nGroups:\t" },
        { "bounding,capabilities,proof,relay-capabilities,relay-identity,relay-securebits",
                        "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
                        "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n" },
        { "relay-no-new-privs", "NoNewPrivs:\t1\n" }, { "relay-session", "session: own\n" },
        { "relay-session", "directory: /\n" }, { "relay-session", "Umask:\t0077\n" },
        { "relay-session", "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:"
                           "\t0000000000000000\n" },
        { "relay-limits", "Max core file size        0                    0 " },
        { "relay-limits", "\n0\n" }, /* oom_score_adj */
        { "relay-securebits", "securebits: ef\n" }, { NULL, "environment: 0\n" },
        { NULL, "dumpable: 0\n" }, /* what its user cannot read is not */
};

static bool is_as_it_should(const char *self, const char *lock) {
        bool all = true;
        for (size_t i = 0; i < ELEMENTSOF(traits); i++)
                if (!lock || (traits[i].lock && streq(traits[i].lock, lock)))
                        all = strstr(self, traits[i].text) && all;
        return all;
}

static void is_nobody(Rig *r) {
        Box b = box_open(r, true);
        const char *self = box_dial(r, &b, "tcp/192.0.2.1/1");
        for (size_t i = 0; i < ELEMENTSOF(traits); i++) {
                bool has = strstr(self, traits[i].text);
                if (!has)
                        printf("# %s", self);
                tell(has, "is nobody", traits[i].lock ? traits[i].lock : "otherwise");
        }
        _cleanup_free_ char *group = NULL, *network = NULL;
        struct stat st;
        need(stat("/proc/self/ns/net", &st) == 0, "/proc/self/ns/net");
        need(asprintf(&group, "%s/%s.egress\n", r->scope, b.box.id) > 0 &&
                                        asprintf(&network, "network: %lu\n", (unsigned long)st.st_ino) > 0,
                        "memory");
        tell(strstr(self, group) != NULL, "is", "in a leaf beside the sandbox's");
        tell(strstr(self, network) != NULL, "is", "in the host's network");
        box_close(r, &b);
}

/* What a launcher could have been left: it is started by others. */
static void be_careless(void) {
        int null = open("/dev/null", O_RDONLY);
        bool ok = null >= 0 && dup2(null, 99) == 99 && signal(SIGUSR1, SIG_IGN) != SIG_ERR;
        if (!ok || fd_write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", "7") < 0)
                _exit(127);
}

static Rig rig_without(const char *mutant, const char *lock) {
        Rig r;
        rig_start_hooked(&r, mutant, lock, be_careless);
        box_install(&r);
        return r;
}

static void is_somebody_without(const char *mutant) {
        const char *last = "";
        for (size_t i = 0; i < ELEMENTSOF(traits); i++) {
                const char *lock = traits[i].lock;
                if (!lock || streq(lock, last))
                        continue;
                last = lock;
                Rig r = rig_without(mutant, lock);
                Box b = box_open(&r, true);
                tell(!is_as_it_should(box_dial(&r, &b, "tcp/192.0.2.1/1"), lock), "is somebody without",
                                lock);
                box_close(&r, &b);
                rig_stop(&r);
        }
}

/* ---- how it ends ---- */

static void is_started_again(Rig *r) {
        Box b = box_open(r, true);
        for (unsigned i = 0; i < 6; i++) { /* longer than the patience lasts */
                (void)box_dial(r, &b, "tcp/192.0.2.1/3");
                box_expect(r, &b, "tcp/192.0.2.1/443", "::ffff:192.0.2.1 443", "after it died of itself");
        }
        _cleanup_close_ int pidfd = box_open_relay(r, &b);
        need(pidfd >= 0 && pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        box_expect(r, &b, "udp/192.0.2.1/53", "::ffff:192.0.2.1 from 192.0.2.1", "after it was killed");
        box_expect(r, &b, "tcp/192.0.2.1/4", "forks", "leaves somebody behind");
        (void)box_dial(r, &b, "tcp/192.0.2.1/3"); /* one of the two */
        (void)box_dial(r, &b, "tcp/192.0.2.1/3"); /* and what then serves */
        box_expect(r, &b, "tcp/192.0.2.1/443", "::ffff:192.0.2.1 443", "after both are gone");
        box_close(r, &b);
}

static void ends_with_it(Rig *r) {
        Box b = box_open(r, true), stubborn = box_open(r, true), frozen = box_open(r, true);
        (void)box_dial(r, &b, "tcp/192.0.2.1/443");
        box_expect(r, &stubborn, "tcp/192.0.2.1/5", "stays", "does not hear TERM");
        (void)box_dial(r, &frozen, "tcp/192.0.2.1/4"); /* two of them */
        _cleanup_close_ int one = box_open_relay(r, &b), two = box_open_relay(r, &stubborn),
                            three = box_open_relay(r, &frozen);
        _cleanup_free_ char *freeze = NULL;
        need(asprintf(&freeze, "%s/cgroup.freeze", r->scope_dir) > 0, "memory");
        need(pidfd_lives(one) && pidfd_lives(two) && pidfd_lives(three), "relays");
        box_end(r, &b);
        tell(pidfd_ends(one), "ends", "with its sandbox");
        box_end(r, &stubborn);
        tell(pidfd_ends(two), "ends", "with its sandbox, whatever it does");
        need(fd_write_file_at(AT_FDCWD, freeze, "1") == 0, freeze);
        box_end(r, &frozen);
        tell(pidfd_ends(three), "ends", "with its sandbox in a frozen scope");
        rig_release(r, frozen.box.id, 0);
        tell(!box_has_leaf(r, &frozen), "has no leaf", "when its sandbox is released");
        need(fd_write_file_at(AT_FDCWD, freeze, "0") == 0, freeze);
        rig_release(r, b.box.id, 0);
        rig_release(r, stubborn.box.id, 0);
        Box *all[] = { &b, &stubborn, &frozen };
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                box_forget(all[i]);
}

static void stays_without(const char *mutant) {
        static RigResult result;
        Rig r = rig_without(mutant, "relay-end");
        Box b = box_open(&r, true);
        (void)box_dial(&r, &b, "tcp/192.0.2.1/443");
        _cleanup_close_ int pidfd = box_open_relay(&r, &b);
        need(pidfd_send_signal(b.box.pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        rig_wait(&r, &b.box, 0, &result);
        tell(pidfd_lives(pidfd), "stays without", "relay-end");
        need(pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0, "SIGKILL");
        for (int i = 0; i < 1000 && box_has_leaf(&r, &b); i++)
                (void)usleep(10000); /* until the launcher has seen it */
        rig_release(&r, b.box.id, 0);
        box_forget(&b);
        rig_stop(&r);
}

/* The scope is not left: PID 1 stops it, and removes it. */
static void ends_with_the_scope(Rig *r) {
        static RigResult result;
        Box b = box_open(r, true);
        _cleanup_free_ char *file = NULL;
        need(asprintf(&file, "%s/cgroup.kill", r->scope_dir) > 0, "memory");
        (void)box_dial(r, &b, "tcp/192.0.2.1/443");
        _cleanup_close_ int pidfd = box_open_relay(r, &b);
        need(fd_write_file_at(AT_FDCWD, file, "1") == 0, file);
        tell(pidfd_ends(pidfd), "ends", "with its scope");
        rig_wait(r, &b.box, 0, &result);
        rig_release(r, b.box.id, 0);
        tell(!box_has_leaf(r, &b), "has no leaf", "after that");
        box_forget(&b);
}

/* What a launcher that is gone never told the end of. */
static void abandon(Box *b) {
        const int fds[] = { b->box.pidfd, b->box.page, b->box.output };
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                (void)close(fds[i]);
        box_forget(b);
}

static void release_unknown(Rig *r, const Box *b) {
        LaunchRequest q = { .verb = LAUNCH_RELEASE };
        (void)snprintf(q.id, sizeof(q.id), "%s", b->box.id);
        (void)snprintf(q.path, sizeof(q.path), "%s", r->scope);
        LaunchReport done = rig_request(r, q, NULL, 0, NULL, NULL);
        if (done.event != LAUNCH_EVENT_OK)
                rig_die("RELEASE", done.error);
}

/* A sandbox lives on without its launcher; what serves its network would never end. */
static void ends_with_the_launcher(Rig *r, const char *launcher) {
        Box b = box_open(r, true);
        (void)box_dial(r, &b, "tcp/192.0.2.1/443");
        _cleanup_close_ int pidfd = box_open_relay(r, &b);
        rig_crash(r, launcher);
        tell(pidfd_ends(pidfd), "ends", "with the launcher");
        tell(pidfd_lives(b.box.pidfd), "the sandbox", "lives on");
        need(pidfd_send_signal(b.box.pidfd, SIGKILL, NULL, 0) == 0 && pidfd_ends(b.box.pidfd), "SIGKILL");
        release_unknown(r, &b);
        tell(!box_has_leaf(r, &b), "has no leaf", "when its sandbox is released by another launcher");
        abandon(&b);
}

static void outlives_the_launcher_without(const char *mutant, const char *launcher) {
        Rig r = rig_without(mutant, "relay-parent");
        Box b = box_open(&r, true);
        (void)box_dial(&r, &b, "tcp/192.0.2.1/443");
        _cleanup_close_ int pidfd = box_open_relay(&r, &b);
        rig_crash(&r, launcher);
        need(pidfd_send_signal(b.box.pidfd, SIGKILL, NULL, 0) == 0 && pidfd_ends(b.box.pidfd), "SIGKILL");
        tell(pidfd_lives(pidfd), "outlives the launcher without", "relay-parent");
        need(pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0 && pidfd_ends(pidfd), "SIGKILL");
        release_unknown(&r, &b);
        abandon(&b);
        rig_stop(&r);
}

int main(int argc, char **argv) {
        if (argc < 5) {
                fprintf(stderr, "Usage: %s LAUNCHER MUTANT RELAY DIAL\n", argv[0]);
                return EXIT_FAILURE;
        }
        box_use(argv[3], argv[4]);
        Rig r = rig_without(argv[1], NULL);
        starts_when_called(&r);
        starts_for_a_datagram(&r);
        is_nobody(&r);
        is_started_again(&r);
        ends_with_it(&r);
        ends_with_the_scope(&r);
        ends_with_the_launcher(&r, argv[1]);
        rig_stop(&r);
        is_somebody_without(argv[2]);
        stays_without(argv[2]);
        outlives_the_launcher_without(argv[2], argv[1]);
        return tell_end();
}
