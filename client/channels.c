/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "channels.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "cleanup.h"
#include "limits.h"

int channels_fill_gaps(void) {
        for (int fd = 0; fd < 3; fd++)
                if (fcntl(fd, F_GETFD) < 0) {
                        int null = open("/dev/null",
                                        fd == STDIN_FILENO ? O_RDONLY : O_WRONLY); /* inherited on purpose */
                        if (null < 0)
                                return -errno;
                        if (null != fd) { /* never: the lowest free number is taken */
                                (void)close(null);
                                return -EBADF;
                        }
                }
        return 0;
}

static int make_pipe(Channels *c, int fd) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        bool in = fd == STDIN_FILENO;
        int ours = ends[in ? 1 : 0];
        c->give[fd] = ends[in ? 0 : 1];
        c->given_is_ours[fd] = true;
        c->relays[fd] = (Relay){
                .from = in ? fd : ours, .to = in ? ours : fd, .owns_from = !in, .owns_to = in
        };
        return fcntl(ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int channels_prepare(Channels *c, PtyMode mode) {
        static const Relay none = { .from = -EBADF, .to = -EBADF };
        *c = (Channels){
                .give = { -EBADF, -EBADF, -EBADF }, .master = -EBADF, .relays = { none, none, none }
        };
        bool ours = terminal_is_ours();
        c->pty = mode == PTY_YES || (mode == PTY_AUTO && ours && isatty(STDOUT_FILENO));
        for (int fd = 0; fd < 3 && !c->pty; fd++) {
                if (!isatty(fd))
                        c->give[fd] = fd;
                else if (fd != STDIN_FILENO || (ours && mode == PTY_NO)) {
                        int r = make_pipe(c, fd);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

void channels_given(Channels *c) {
        for (int fd = 0; fd < 3; fd++) {
                if (c->given_is_ours[fd])
                        (void)close(c->give[fd]); /* the command has its own by now */
                c->given_is_ours[fd] = false;
                c->give[fd] = -EBADF;
        }
}

int channels_show_pty(Channels *c, int master) {
        c->master = master;
        if (fcntl(master, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        bool typed = isatty(STDIN_FILENO);
        if (!typed || terminal_is_ours())
                c->relays[0] = (Relay){ .from = STDIN_FILENO, .to = master, .end_is_byte = true };
        c->relays[1] = (Relay){ .from = master, .to = STDOUT_FILENO };
        channels_resize(c);
        return typed && terminal_is_ours() ? terminal_raw(&c->terminal) : 0;
}

void channels_settle(Channels *c) {
        if (c->master < 0 || relay_is_open(&c->relays[1]))
                return;
        relay_close(&c->relays[0]);
        (void)close(c->master); /* what is in it nobody wants */
        c->master = -EBADF;
}

void channels_resize(Channels *c) {
        uint32_t rows, columns;
        if (c->master < 0 || !terminal_size(&rows, &columns))
                return;
        struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
        (void)ioctl(c->master, TIOCSWINSZ, &size); /* a size is a courtesy */
}

void channels_continued(Channels *c) {
        if (c->terminal.is_raw)
                (void)terminal_raw(
                                &c->terminal); /* it was possible before; without it the keys only echo twice */
        channels_resize(c);
}

bool channels_output_is_open(const Channels *c) {
        return relay_is_open(&c->relays[1]) || relay_is_open(&c->relays[2]);
}

bool channels_output_is_over(uint64_t now, uint64_t ended_at, uint64_t quiet_since) {
        return now - quiet_since >= OUTPUT_QUIET_MSEC || now - ended_at >= OUTPUT_END_MSEC;
}

void channels_close(Channels *c) {
        channels_given(c);
        for (size_t i = 0; i < ELEMENTSOF(c->relays); i++)
                relay_close(&c->relays[i]);
        terminal_restore(&c->terminal);
        if (c->master >= 0)
                (void)close(c->master); /* the sandbox sees a hangup */
        c->master = -EBADF;
}
