/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "greeting.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "clock.h"
#include "fd-pass.h"
#include "limits.h"

#define GUID_BYTES 16

typedef struct Listener {
        int fd;
        uint64_t deadline;
        int *fds; /* what comes along; NULL: nothing may */
        size_t max, *n_fds;
        size_t heard; /* bytes */
        char line[LIMIT_GREETING_BYTES + 1];
} Listener;

static int wait_for_more(const Listener *l) {
        struct pollfd p = { .fd = l->fd, .events = POLLIN };
        const uint64_t now = now_msec();
        int r = poll(&p, 1, now < l->deadline ? (int)(l->deadline - now) : 0);
        return r > 0 ? 0 : r == 0 ? -ETIMEDOUT : errno == EINTR ? 0 : -errno;
}

/* Exactly so many bytes of what is there, or fewer. */
static ssize_t take(Listener *l, char *data, size_t size) {
        size_t n_fds;
        ssize_t n = fd_take(l->fd, data, size, l->fds ? l->fds + *l->n_fds : NULL,
                        l->fds ? l->max - *l->n_fds : 0, &n_fds, MSG_DONTWAIT);
        if (n < 0)
                return n == -EAGAIN ? 0 : n;
        if (n == 0)
                return -ECONNRESET;
        if (l->fds)
                *l->n_fds += n_fds;
        l->heard += (size_t)n;
        return l->heard > LIMIT_GREETING_BYTES ? -EBADMSG : n;
}

/* Looked at first, and taken to the end of the line only: what follows is not ours to read. Looking takes no descriptor. */
static int hear_line(Listener *l) {
        size_t used = 0;
        for (;;) {
                ssize_t n = recv(l->fd, l->line + used, sizeof(l->line) - 1 - used, MSG_PEEK | MSG_DONTWAIT);
                if (n == 0)
                        return used == sizeof(l->line) - 1 ? -EBADMSG : -ECONNRESET;
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        const size_t from = used > 0 ? used - 1 : 0;
                        const char *end = memmem(l->line + from, used + (size_t)n - from, "\r\n", 2);
                        n = take(l, l->line + used, end ? (size_t)(end + 2 - l->line) - used : (size_t)n);
                        if (n < 0)
                                return (int)n;
                        used += (size_t)n;
                        if (end && l->line + used == end + 2) {
                                l->line[used - 2] = 0;
                                return 0;
                        }
                        continue;
                }
                int r = wait_for_more(l);
                if (r < 0)
                        return r;
        }
}

static int say(int fd, const char *words, size_t size) {
        ssize_t n = fd_pass(fd, words, size, NULL, 0, MSG_DONTWAIT);
        return n < 0               ? (int)n
               : (size_t)n == size ? 0
                                   : -EMSGSIZE; /* who lets so little pile up reads none of it */
}

static int say_line(int fd, const char *line) {
        return say(fd, line, strlen(line));
}

static int say_ok(int fd) {
        uint8_t guid[GUID_BYTES];
        char line[sizeof("OK \r\n") + 2 * GUID_BYTES];
        if (getrandom(guid, sizeof(guid), 0) != (ssize_t)sizeof(guid))
                return -EIO;
        int at = snprintf(line, sizeof(line), "OK ");
        for (size_t i = 0; i < sizeof(guid); i++)
                at += snprintf(line + at, sizeof(line) - (size_t)at, "%02x", guid[i]);
        (void)snprintf(line + at, sizeof(line) - (size_t)at, "\r\n");
        return say_line(fd, line);
}

static bool begins(const char *line, const char *word) {
        const size_t n = strlen(word);
        return strncmp(line, word, n) == 0 && (line[n] == 0 || line[n] == ' ');
}

typedef enum Answered { ANSWERED_NO, ANSWERED_CLAIM_AWAITED, ANSWERED_OK } Answered;

/* AUTH [mechanism [claim]] */
static int answer_auth(int fd, const char *line, Answered *state) {
        static const char external[] = "AUTH EXTERNAL", anonymous[] = "AUTH ANONYMOUS";
        const bool is_external = begins(line, external);
        if (!is_external && !begins(line, anonymous))
                return say_line(fd, "REJECTED EXTERNAL\r\n");
        if (is_external && streq(line, external)) {
                *state = ANSWERED_CLAIM_AWAITED;
                return say_line(fd, "DATA\r\n");
        }
        *state = ANSWERED_OK;
        return say_ok(fd);
}

static int answer(int fd, const char *line, Answered *state, bool *fds_agreed) {
        if (*state == ANSWERED_NO && begins(line, "AUTH"))
                return answer_auth(fd, line, state);
        if (*state == ANSWERED_CLAIM_AWAITED && begins(line, "DATA")) {
                *state = ANSWERED_OK;
                return say_ok(fd);
        }
        if (*state == ANSWERED_OK && streq(line, "NEGOTIATE_UNIX_FD")) {
                *fds_agreed = true;
                return say_line(fd, "AGREE_UNIX_FD\r\n");
        }
        if (begins(line, "CANCEL") || begins(line, "ERROR")) {
                *state = ANSWERED_NO;
                *fds_agreed = false;
                return say_line(fd, "REJECTED EXTERNAL\r\n");
        }
        return say_line(fd, "ERROR\r\n");
}

static int hear_nul(Listener *l) {
        char c = 'x';
        ssize_t n;
        while ((n = take(l, &c, 1)) == 0) {
                int r = wait_for_more(l);
                if (r < 0)
                        return r;
        }
        return n < 0 ? (int)n : c == 0 ? 0 : -EBADMSG;
}

int greeting_serve(int fd, uint64_t deadline, int *fds, size_t max, size_t *n_fds, bool *ret_fds_agreed) {
        Listener l = { .fd = fd, .deadline = deadline, .fds = fds, .max = max, .n_fds = n_fds };
        Answered state = ANSWERED_NO;
        *ret_fds_agreed = false;
        int r = hear_nul(&l);
        while (r == 0 && (r = hear_line(&l)) == 0) {
                if (streq(l.line, "BEGIN"))
                        return state == ANSWERED_OK ? 0 : -EBADMSG;
                r = answer(fd, l.line, &state, ret_fds_agreed);
        }
        return r;
}

int greeting_ask(int fd, uint64_t deadline, bool with_fds) {
        static const char with[] =
                        "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", /* 30: "0", root's uid */
                        without[] = "\0AUTH EXTERNAL 30\r\nBEGIN\r\n";
        Listener l = { .fd = fd, .deadline = deadline };
        int r = with_fds ? say(fd, with, sizeof(with) - 1) : say(fd, without, sizeof(without) - 1);
        if (r == 0)
                r = hear_line(&l);
        if (r == 0 && !begins(l.line, "OK"))
                r = -EPERM;
        if (r < 0 || !with_fds)
                return r;
        r = hear_line(&l);
        return r == 0 && !streq(l.line, "AGREE_UNIX_FD") ? -EPERM : r;
}
