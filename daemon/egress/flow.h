/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One direction of a connection: bytes that were read and not written yet. The buffer is there only while it holds some, so what is idle costs
 * nothing. Nothing is read while it is full: who reads slowly slows who writes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http-stream.h"
#include "tls-hello.h"

#define FLOW_SIZE (HTTP_HEAD_MAX + 8192U) /* a head that is looked at must fit whole */

typedef struct Flow {
        uint8_t *data;
        size_t begin, end; /* what it holds */
        size_t cleared;    /* of that, from begin on: may be written */
        bool eof;          /* all was read */
        bool shut;         /* and all was written, and told so */
} Flow;

void flow_clear(Flow *f);
size_t flow_held(const Flow *f);
bool flow_has_room(const Flow *f);

/* What was read already. 0, -ENOMEM, or -ENOBUFS. */
int flow_put(Flow *f, const uint8_t *data, size_t size);
/* 1: something was read, or the end; 0: nothing is there now; a negative errno. */
int flow_read(Flow *f, int fd);
/* Writes what is cleared. How much, 0 where the other side takes none now, or a negative errno. */
ssize_t flow_write(Flow *f, int fd);
