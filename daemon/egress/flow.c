/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flow.h"

#include <sys/socket.h>

#include "cleanup.h"

void flow_clear(Flow *f) {
        free(f->data);
        f->data = NULL;
        f->begin = f->end = f->cleared = 0;
}

size_t flow_held(const Flow *f) {
        return f->end - f->begin;
}

bool flow_has_room(const Flow *f) {
        return flow_held(f) < FLOW_SIZE;
}

int flow_put(Flow *f, const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        if (!f->data)
                f->data = malloc(FLOW_SIZE);
        if (!f->data)
                return -ENOMEM;
        if (size > FLOW_SIZE - f->end)
                return -ENOBUFS;
        memcpy(f->data + f->end, data, size);
        f->end += size;
        return 0;
}

int flow_read(Flow *f, int fd) {
        if (!f->data) {
                f->data = malloc(FLOW_SIZE);
                if (!f->data)
                        return -ENOMEM;
        }
        if (f->begin > 0) {
                memmove(f->data, f->data + f->begin, flow_held(f));
                f->end -= f->begin;
                f->begin = 0;
        }
        ssize_t n = recv(fd, f->data + f->end, FLOW_SIZE - f->end, MSG_DONTWAIT);
        int r = n < 0 ? (errno == EAGAIN || errno == EINTR ? 0 : -errno) : 1;
        if (n == 0)
                f->eof = true;
        if (n > 0)
                f->end += (size_t)n;
        if (f->end == 0)
                flow_clear(f);
        return r;
}

ssize_t flow_write(Flow *f, int fd) {
        if (f->cleared == 0)
                return 0;
        ssize_t n = send(fd, f->data + f->begin, f->cleared, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        f->begin += (size_t)n;
        f->cleared -= (size_t)n;
        if (f->begin == f->end)
                flow_clear(f);
        return n;
}
