/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "porter-link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "fd-pass.h"
#include "log.h"
#include "porter-channel.h"

struct PorterLink {
        sd_event *event; /* outlives us */
        int channel;
        sd_event_source *end;
};

static void give_up(PorterLink *l, const char *why) {
        log_error("mxc-porter %s; mxcd begins afresh. Sandboxes go on.", why);
        (void)sd_event_exit(l->event, EXIT_FAILURE); /* only fails for what is no loop */
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        give_up(userdata, "is gone");
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

int porter_link_new(sd_event *event, int channel, PorterLink **ret) {
        PorterLink *l = calloc(1, sizeof(PorterLink));
        if (!l) {
                (void)close(channel); /* taken, as promised */
                return -ENOMEM;
        }
        *l = (PorterLink){ .event = event, .channel = channel };
        int r = sd_event_add_io(event, &l->end, channel, EPOLLRDHUP, on_end, l);
        if (r < 0) {
                (void)porter_link_free(l); /* NULL */
                return r;
        }
        *ret = l;
        return 0;
}

int porter_link_open(sd_event *event, const char *path, PorterLink **ret) {
        int fd = fd_connect(path, SOCK_SEQPACKET | SOCK_NONBLOCK);
        return fd < 0 ? fd : porter_link_new(event, fd, ret);
}

PorterLink *porter_link_free(PorterLink *l) {
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->end);
        cleanup_closep(&l->channel);
        free(l);
        return NULL;
}

bool porter_link_has_room(const PorterLink *l) {
        struct pollfd p = { .fd = l->channel, .events = POLLOUT };
        return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* A process that ends does not wait, and as long as it has it, too, we are not the last who close it. How long it takes to end is nobody's
 * matter: it is a grandchild. */
static void close_apart(int fd) {
        int end[2];
        char byte;
        if (pipe2(end, O_CLOEXEC) < 0)
                return; /* it stays open: one that is lost, and nobody waits */
        const pid_t pid = fork();
        if (pid == 0) {
                (void)close(end[1]);
                if (fork() == 0)
                        (void)!read(end[0], &byte, 1);
                _exit(EXIT_SUCCESS);
        }
        (void)close(end[0]);
        if (pid > 0) {
                (void)waitpid(pid, NULL, 0); /* it has begotten, or it could not: then it is us */
                (void)close(fd);
        }
        (void)close(end[1]);
}

static int turn_away(int fd, int error) {
        (void)shutdown(fd, SHUT_RDWR);
        close_apart(fd);
        return error;
}

/* Where it cannot be sent, which a stranger may have seen to (what is in his socket's queue counts: unix(7), ETOOMANYREFS), it is turned away here. */
static int hand_over(PorterLink *l, PorterJob job, const int *fds, size_t n_fds) {
        const char word = (char)job;
        int all[PORTER_MAX_FDS], ours[2];
        if (pipe2(ours, O_CLOEXEC) < 0)
                return turn_away(fds[0], -errno);
        memcpy(all, fds, n_fds * sizeof(int));
        all[n_fds] = ours[0];
        ssize_t n = fd_pass(l->channel, &word, sizeof(word), all, n_fds + 1, MSG_DONTWAIT);
        (void)close(ours[0]);
        if (n < 0)
                (void)turn_away(fds[0], (int)n);
        else
                (void)close(fds[0]); /* the porter has it, and waits for the next line */
        (void)close(ours[1]);
        return n < 0 ? (int)n : 0;
}

static int hand_over_with_inside(
                PorterLink *l, PorterJob job, const int *fds, size_t n_fds, int *ret_inside) {
        int pair[2], all[PORTER_MAX_FDS];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                int r = -errno;
                porter_link_away(l, fds[0]);
                return r;
        }
        all[0] = fds[0];
        all[1] = pair[1];
        memcpy(all + 2, fds + 1, (n_fds - 1) * sizeof(int));
        int r = hand_over(l, job, all, n_fds + 1);
        (void)close(pair[1]);
        if (r < 0) {
                (void)close(pair[0]); /* ours, and empty */
                return r;
        }
        *ret_inside = pair[0];
        return 0;
}

int porter_link_visitor(PorterLink *l, int outside, int budget, int life, int *ret_inside) {
        const int fds[] = { outside, budget, life };
        return hand_over_with_inside(l, PORTER_VISITOR, fds, ELEMENTSOF(fds), ret_inside);
}

int porter_link_bus(PorterLink *l, int outside, int *ret_inside) {
        return hand_over_with_inside(l, PORTER_BUS, &outside, 1, ret_inside);
}

void porter_link_away(PorterLink *l, int outside) {
        (void)hand_over(l, PORTER_AWAY, &outside, 1); /* or it is turned away here */
}
