/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One direction of a connection: bytes that were read and not written yet. The buffer is there only while it holds some, so what is idle costs
 * nothing. Nothing is read while it is full: who reads slowly slows who writes.
 *
 * Much that nobody looks at goes by a pipe instead, uncopied. There is something in one of the two at most.
 *
 * Two shorter ways, and why they are not taken (Linux 6.18, two processors):
 *
 * - Both sockets joined in the kernel, by a sockmap and a program that gives its verdict on each packet: 0.2 to 0.4 of direct loopback, in either
 *   direction, and 0.8 s of processor time a gigabyte (both ends, relay and kernel workers) where splice takes 0.53 and direct 0.37, since a worker of
 *   the kernel sends each packet on. It runs at nobody's account, and whole packets pass or are lost, so a budget would not hold to the byte. A relay
 *   without privilege could fill such a map.
 * - The connected socket handed into the sandbox: connect() with AF_UNSPEC parts it from its peer, and then it connects anywhere or listens, in the
 *   host's network, for whoever holds it. Addresses are behind a pointer, where no filter of calls looks. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http-stream.h"
#include "pipes.h"
#include "tls-hello.h"

#define FLOW_SIZE (HTTP_HEAD_MAX + 8192U) /* a head that is looked at must fit whole */

typedef struct Flow {
        Pipes *pipes;      /* not owned */
        uint8_t *data;
        size_t begin, end; /* what it holds */
        size_t cleared;    /* of that, from begin on: may be written */
        int pipe[2];       /* -EBADF: none */
        size_t piped;      /* what it holds */
        bool much;         /* came at once the last time */
        bool eof;          /* all was read */
        bool shut;         /* and all was written, and told so */
} Flow;

void flow_init(Flow *f, Pipes *pipes);
void flow_clear(Flow *f);
size_t flow_held(const Flow *f); /* in memory, to be looked at */
bool flow_is_empty(const Flow *f);
bool flow_has_room(const Flow *f);
bool flow_can_write(const Flow *f);

/* What was read already. 0, -ENOMEM, or -ENOBUFS. */
int flow_put(Flow *f, const uint8_t *data, size_t size);
/* 1: something was read, or the end; 0: nothing is there now; a negative errno. Of an empty flow whose bytes may pass as they are flow_pass reads
 * up to `most` (1 or more), and held is cleared by the caller. */
int flow_read(Flow *f, int fd);
int flow_pass(Flow *f, int fd, uint64_t most);
/* What was read and is not for the other side. n is not more than is held. */
void flow_drop(Flow *f, size_t n);
/* Writes what is cleared. How much, 0 where the other side takes none now, or a negative errno. */
ssize_t flow_write(Flow *f, int fd);
