/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One end of a pipe to a command, as a stream that is given out. */

#include "ffi-own.h"

/* What is looked at while a stream is read, since a command has work that is done when somebody looks: its timeout, mxcd that comes back. */
typedef struct StreamWatch {
        int fd;                      /* readable when there is something to be done; dup()ed */
        const void *of;              /* may go before the stream */
        bool (*look)(const void *of); /* false: nothing will be, any more */
} StreamWatch;

/* Each takes fd over, in any case; NULL: out of memory. watch may be NULL. */
MxcReadStream *stream_reader_new(int fd, int closed, const StreamWatch *watch);
MxcWriteStream *stream_writer_new(int fd);
/* closed is an eventfd that readers of the same stream look at; dup()ed. */
MxcStreamCloser *stream_closer_new(int closed);
